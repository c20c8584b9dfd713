// SPDX-License-Identifier: GPL-3.0-or-later
//
// Proxy modes of a scenario: set for all nodes at once by `--mode` and by comparisons.

import Cluster

extension ScenarioFile {
  /// Gives every node this mode, whatever it had. The hash follows, because another scenario is run.
  public mutating func setMode(of mode: ProxyMode) {
    let before = modes.map(\.mode)
    cluster.proxy?.mode = mode
    if cluster.proxy == nil, mode != ProxySettings().mode {
      cluster.proxy = ProxySettings()
      cluster.proxy?.clusterCIDR = cluster.podCIDR
      cluster.proxy?.mode = mode
    }
    for index in cluster.nodes.indices { cluster.nodes[index].proxy?.mode = mode }
    for index in events.indices { events[index].action.setMode(of: mode) }
    for index in processes.indices { processes[index].action.setMode(of: mode) }
    guard modes.map(\.mode) != before else { return }
    for byte in mode.rawValue.utf8 { contentHash = (contentHash ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  /// Every place that says a mode.
  public var modes: [(place: String, mode: ProxyMode)] {
    var modes: [(place: String, mode: ProxyMode)] = []
    if let proxy = cluster.proxy { modes.append(("the cluster", proxy.mode)) }
    for node in cluster.nodes {
      if let proxy = node.proxy { modes.append(("node \(node.name)", proxy.mode)) }
    }
    for event in events {
      if let mode = event.action.mode { modes.append(("the event at \(event.at)", mode)) }
    }
    for process in processes {
      if let mode = process.action.mode { modes.append(("the process \(process.name)", mode)) }
    }
    return modes
  }
}

extension ClusterAction {
  fileprivate var mode: ProxyMode? {
    switch self {
    case .nodeJoin(let node): node.proxy?.mode
    case .proxyConfigure(_, let proxy, _): proxy.mode
    case .proxyRollout(_, let proxy, _): proxy.mode
    default: nil
    }
  }

  fileprivate mutating func setMode(of mode: ProxyMode) {
    switch self {
    case .nodeJoin(var node):
      node.proxy?.mode = mode
      self = .nodeJoin(node)
    case .proxyConfigure(let target, var proxy, let restart):
      proxy.mode = mode
      self = .proxyConfigure(target, proxy, restart: restart)
    case .proxyRollout(let target, var proxy, let pace):
      proxy.mode = mode
      self = .proxyRollout(target, proxy, pace)
    default: break
    }
  }
}
