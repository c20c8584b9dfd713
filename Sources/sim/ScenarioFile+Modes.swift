// SPDX-License-Identifier: GPL-3.0-or-later
//
// Proxy modes of a scenario: set for all nodes by `--mode`, and refused where this release does not have
// them.

import Cluster
import Scenario

extension ScenarioFile {
  static let supportedModes: [ProxyMode] = [.iptables]

  /// Gives every node this mode, whatever it had. The hash follows, because another scenario is run.
  mutating func setMode(of mode: ProxyMode) {
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

  /// - Throws: `UnsupportedScenario` at the first place with a mode that this release does not have.
  func requireSupportedModes() throws {
    for (place, mode) in modes where !Self.supportedModes.contains(mode) {
      let names = Self.supportedModes.map(\.rawValue).joined(separator: ", ")
      throw UnsupportedScenario(
        description: "\(place) has proxy mode \(mode.rawValue); this release simulates: \(names)")
    }
  }

  /// Every place that says a mode.
  private var modes: [(place: String, mode: ProxyMode)] {
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
    default: break
    }
  }
}
