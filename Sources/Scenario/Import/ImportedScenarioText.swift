// SPDX-License-Identifier: GPL-3.0-or-later
//
// The layout of an imported scenario: settings that people edit first, then every object in Kubernetes' own
// form, kind by kind.

import Cluster
import SimKernel

/// Writes one imported scenario.
struct ImportedScenarioText {
  let items: [ImportedItem]
  let inference: ClusterInference
  let kindNodes: [NodeSettings]
  let accepted: [String]
  let duration: String
  var notes: [String]

  /// Kinds in the order in which they are written. Within a kind objects keep the input's order, except that
  /// Services with addresses come before those that will get one.
  private static let kinds = [
    "Namespace", "Node", "Service", "EndpointSlice", "Endpoints", "Deployment", "ReplicaSet", "StatefulSet",
    "DaemonSet", "Pod",
  ]

  static func inOrder(_ items: [ImportedItem]) -> [ImportedItem] {
    kinds.flatMap { kind in
      let own = items.filter { $0.kind == kind }
      return own.filter(\.isDumped) + own.filter { !$0.isDumped }
    }
  }

  static func counts(_ items: [ImportedItem]) -> [(kind: String, count: Int)] {
    kinds.compactMap { kind in
      let count = items.count { $0.kind == kind }
      return count == 0 ? nil : (kind, count)
    }
  }

  var json: OrderedJSON {
    var pairs: [(String, OrderedJSON)] = [
      ("question", .string("What becomes of connections to these Services when something changes?")),
      ("notes", .array(notes.map { .string($0) })),
      ("kubernetes", .string("1.\(inference.minorVersion)")),
      ("duration", .string(duration)),
    ]
    if !accepted.isEmpty { pairs.append(("accept", .array(accepted.map { .string($0) }))) }
    pairs.append(("cluster", cluster))
    pairs.append(("clients", .array([])))
    pairs.append(("events", .array([])))
    pairs.append(("objects", .array(items.map(\.document.json))))
    return .object(pairs)
  }

  private var cluster: OrderedJSON {
    var pairs: [(String, OrderedJSON)] = [
      ("serviceCIDR", .string("\(inference.serviceCIDR)")), ("podCIDR", .string("\(inference.podCIDR)")),
    ]
    let range = inference.nodePortRange
    if range != ClusterSettings().nodePortRange {
      pairs.append(("serviceNodePortRange", .string("\(range.lowerBound)-\(range.upperBound)")))
    }
    if !kindNodes.isEmpty { pairs.append(("nodes", .array(kindNodes.map { Self.node($0) }))) }
    pairs.append(("proxy", Self.proxy(inference.proxy)))
    return .object(pairs)
  }

  private static func node(_ node: NodeSettings) -> OrderedJSON {
    var pairs: [(String, OrderedJSON)] = [("name", .string(node.name))]
    if let zone = node.zone { pairs.append(("zone", .string(zone))) }
    let labels = node.labels.sorted { $0.key < $1.key }
    if !labels.isEmpty { pairs.append(("labels", .object(labels.map { ($0.key, .string($0.value)) }))) }
    if !node.roles.isEmpty { pairs.append(("roles", .array(node.roles.map { .string($0) }))) }
    return .object(pairs)
  }

  /// What differs from kube-proxy's defaults, and the settings that people look for first.
  private static func proxy(_ proxy: ProxySettings) -> OrderedJSON {
    let standard = ProxySettings()
    var pairs: [(String, OrderedJSON)] = [
      ("mode", .string(proxy.mode.rawValue)),
      ("clusterCIDR", .string(proxy.clusterCIDR.map { "\($0)" } ?? "none")),
    ]
    if proxy.masqueradeAll { pairs.append(("masqueradeAll", .boolean(true))) }
    if !proxy.nodePortAddresses.isEmpty {
      pairs.append(("nodePortAddresses", .array(proxy.nodePortAddresses.map { .string("\($0)") })))
    }
    if proxy.localhostNodePorts != standard.localhostNodePorts {
      pairs.append(("localhostNodePorts", .boolean(proxy.localhostNodePorts)))
    }
    pairs.append(("minSyncPeriod", span(proxy.minSyncPeriod)))
    pairs.append(("syncPeriod", span(proxy.syncPeriod)))
    var conntrack: [(String, OrderedJSON)] = []
    func number(_ key: String, _ value: Int, _ usual: Int) {
      if value != usual { conntrack.append((key, .integer(value))) }
    }
    func time(_ key: String, _ value: SimDuration, _ usual: SimDuration) {
      if value != usual { conntrack.append((key, span(value))) }
    }
    number("maxPerCore", proxy.conntrackMaxPerCore, standard.conntrackMaxPerCore)
    number("min", proxy.conntrackMin, standard.conntrackMin)
    time("tcpEstablishedTimeout", proxy.tcpEstablishedTimeout, standard.tcpEstablishedTimeout)
    time("tcpCloseWaitTimeout", proxy.tcpCloseWaitTimeout, standard.tcpCloseWaitTimeout)
    time("udpTimeout", proxy.udpTimeout, standard.udpTimeout)
    time("udpStreamTimeout", proxy.udpStreamTimeout, standard.udpStreamTimeout)
    if proxy.tcpBeLiberal { conntrack.append(("tcpBeLiberal", .boolean(true))) }
    if !conntrack.isEmpty { pairs.append(("conntrack", .object(conntrack))) }
    return .object(pairs)
  }

  /// A span of time as scenarios write it, exact to the nanosecond.
  private static func span(_ duration: SimDuration) -> OrderedJSON {
    let nanoseconds = duration.nanoseconds
    for (unit, size) in [("h", 3_600_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1000)]
    where nanoseconds != 0 && nanoseconds % Int64(size) == 0 {
      return .string("\(nanoseconds / Int64(size))\(unit)")
    }
    return .string(nanoseconds == 0 ? "0s" : "\(nanoseconds)ns")
  }
}
