// SPDX-License-Identifier: GPL-3.0-or-later
//
// Cilium's load-balancing maps as data: what a node's agent writes for the Services and EndpointSlices that
// it knows (cilium pkg/loadbalancer/reconciler/bpf_reconciler.go). Listing and explanation read these; the
// compiled lookup must agree with them. Numbers of Services and backends are those of an agent that met them
// in this order: a running agent's depend on its past.

import Cluster
import NetworkTypes
import SimKernel

/// Key of cilium_lb4_services_v2.
struct EBPFServiceKey: Hashable, Comparable {
  var address: IPv4Address
  var port: UInt16
  var transport: TransportProtocol
  var scope: EBPFScope
  /// 0: the frontend itself.
  var slot: UInt32 = 0

  static func < (a: Self, b: Self) -> Bool { a.order < b.order }
  private var order: (UInt32, UInt16, UInt8, UInt8, UInt32) {
    (address.bits, port, transport.rawValue, scope.rawValue, slot)
  }

  /// The form without slot, by which affinity and conflicts know it.
  var frontend: UInt64 { Frontend.key(address, port, transport) }
  /// With the scope, in bits that the protocol leaves free.
  var identity: UInt64 { Self.identity(frontend, scope) }
  static func identity(_ frontend: UInt64, _ scope: EBPFScope) -> UInt64 {
    frontend | UInt64(scope.rawValue) << 8
  }
  var text: String {
    "\(address):\(port)/\(transport.apiName)" + (scope == .internal ? "/i" : "")
  }
}

/// serviceFlag… of cilium pkg/loadbalancer/loadbalancer.go.
struct EBPFServiceFlags: OptionSet, Hashable {
  let rawValue: UInt16
  static let externalIPs = EBPFServiceFlags(rawValue: 1 << 0)
  static let nodePort = EBPFServiceFlags(rawValue: 1 << 1)
  static let externalLocal = EBPFServiceFlags(rawValue: 1 << 2)
  static let affinity = EBPFServiceFlags(rawValue: 1 << 4)
  static let loadBalancer = EBPFServiceFlags(rawValue: 1 << 5)
  static let routable = EBPFServiceFlags(rawValue: 1 << 6)
  static let sourceRange = EBPFServiceFlags(rawValue: 1 << 7)
  static let internalLocal = EBPFServiceFlags(rawValue: 1 << 12)
  static let twoScopes = EBPFServiceFlags(rawValue: 1 << 13)

  var type: String {
    if contains(.externalIPs) { return "ExternalIPs" }
    if contains(.nodePort) { return "NodePort" }
    return contains(.loadBalancer) ? "LoadBalancer" : "ClusterIP"
  }

  /// ServiceFlags.String.
  var text: String {
    var words = [type]
    if contains(.externalLocal) { words.append("Local") }
    if contains(.internalLocal) { words.append("InternalLocal") }
    if contains(.twoScopes) { words.append("two-scopes") }
    if contains(.affinity) { words.append("sessionAffinity") }
    if !contains(.routable) { words.append("non-routable") }
    if contains(.sourceRange) { words.append("check source-range") }
    return words.joined(separator: ", ")
  }
}

/// Value of slot 0.
struct EBPFService {
  /// rev_nat_index.
  var id: UInt32
  var flags: EBPFServiceFlags
  var servicePort: ServicePortID
  var affinity: SimDuration
  /// Slots in use, and those behind them.
  var count: Int
  var inactive: Int
  /// Backend numbers, from slot 1 on.
  var slots: [UInt32]
  /// All backends that the frontend refers to, those without a slot last.
  var backends: [UInt32]
  /// Why there would be nothing to choose.
  var emptyReason: VerdictReason
  /// The slots in use are active backends.
  var areActive: Bool
  /// The Service's own interned backends by address, because the backend map is shared between Services.
  var ownBackends: [EBPFAddress: BackendID]
  /// Their states in this Service.
  var states: [EBPFBackendState]
}

struct EBPFAddress: Hashable {
  var address: IPv4Address
  var port: UInt16
  init(_ address: IPv4Address, _ port: UInt16) {
    self.address = address
    self.port = port
  }
}

/// Value of cilium_lb4_backends_v3.
struct EBPFBackend {
  var backend: BackendID
  var address: IPv4Address
  var port: UInt16
  var transport: TransportProtocol
  var state: EBPFBackendState
  var text: String { "\(address):\(port)/\(transport.apiName)" }
}

struct EBPFMaps {
  /// Slot 0 of each frontend; the slots are in the value.
  var services: [EBPFServiceKey: EBPFService] = [:]
  /// In the order of their numbers, which count from 1.
  var order: [EBPFServiceKey] = []
  var backends: [EBPFBackend] = []
  /// By number of the frontend.
  var sourceRanges: [UInt32: [IPv4CIDR]] = [:]
  /// Identities of frontends for which a map had no room.
  var unprogrammed: Set<UInt64> = []
  /// Entries of cilium_lb4_services_v2, slots included.
  var entries = 0

  fileprivate var backendIndex: [EBPFBackendIdentity: UInt32] = [:]
}

/// What makes a backend: its address, whichever Service leads there.
private struct EBPFBackendIdentity: Hashable {
  var address: IPv4Address
  var port: UInt16
  var transport: TransportProtocol
}

/// A frontend before it has backends.
private struct EBPFFrontendDraft {
  var key: EBPFServiceKey
  var flags: EBPFServiceFlags
  /// Only backends of this node.
  var isLocal: Bool
}

extension ProxyFleet {
  /// Entries of the service map that a sync writes: those of the Services touched, or all of them.
  mutating func entriesWritten(_ index: Int, _ target: SyncTarget) -> Int {
    let node = UInt32(index)
    if target.isFull { return ebpfMaps(node, target.table).entries }
    var maps = EBPFMaps()
    for service in touched {
      for port in history.portsOfService[service.index] { addFrontends(port, node, target.table, &maps) }
    }
    return maps.entries
  }

  /// What the agent of `node` has in its maps.
  mutating func ebpfMaps(_ node: UInt32, _ table: TableState) -> EBPFMaps {
    let key = EBPFViewKey(node, table)
    if let latest = ebpf.latestMaps, latest.key == key { return latest.maps }
    var maps = EBPFMaps()
    for port in 0..<history.heads.count { addFrontends(PortNameID(port), node, table, &maps) }
    ebpf.latestMaps = (key, maps)
    return maps
  }

  /// Frontends that found no room in this node's maps.
  mutating func unprogrammedFrontends(_ node: UInt32, _ table: TableState) -> Set<UInt64> {
    let key = EBPFViewKey(node, table)
    if let known = ebpf.unprogrammed[key] { return known }
    if ebpf.unprogrammed.count >= 64 { ebpf.unprogrammed.removeAll(keepingCapacity: true) }
    let found = ebpfMaps(node, table).unprogrammed
    ebpf.unprogrammed[key] = found
    return found
  }

  private func addFrontends(_ port: PortNameID, _ node: UInt32, _ table: TableState, _ maps: inout EBPFMaps) {
    let eyes = eyes[Int(table.eyes)]
    let agent = ebpf.agents[Int(eyes.agent)]
    let planKey = EBPFPlanKey(
      spec: history.specVersion(port, at: table.services),
      endpoints: history.endpointsVersion(port, at: table.slices), locality: eyes.locality,
      hasTopology: agent.serviceTopology)
    guard let spec = history.spec(planKey.spec), spec.transport != .sctp else { return }
    let everywhere = ebpfSlots(planKey, isLocal: false)
    let here = ebpfSlots(planKey, isLocal: true)
    for draft in drafts(of: spec, port, node, table, agent) {
      let reason: VerdictReason = draft.isLocal && everywhere.count > 0 ? .localPolicy : .noEndpoints
      add(draft, spec, draft.isLocal ? here : everywhere, reason, agent, &maps)
    }
  }

  /// The frontends that the agent makes of a Service port: a node port has one for the surrogate 0.0.0.0 and
  /// one for each of the node's addresses; all but cluster IPs have a second entry for clients inside where
  /// the two traffic policies differ.
  private func drafts(
    of spec: PortSpec, _ port: PortNameID, _ node: UInt32, _ table: TableState, _ agent: EBPFSettings
  ) -> [EBPFFrontendDraft] {
    var drafts: [EBPFFrontendDraft] = []
    func add(_ address: IPv4Address, _ number: UInt16, _ kind: FrontendKind) {
      let hasTwoScopes = spec.isExternalPolicyLocal != spec.isInternalPolicyLocal && kind != .clusterIP
      let flags = self.flags(spec, kind, isSurrogate: address.isUnspecified, hasTwoScopes, agent)
      let key = EBPFServiceKey(address: address, port: number, transport: spec.transport, scope: .external)
      let isLocal = kind == .clusterIP ? spec.isInternalPolicyLocal : spec.isExternalPolicyLocal
      drafts.append(EBPFFrontendDraft(key: key, flags: flags, isLocal: isLocal))
      guard hasTwoScopes else { return }
      var inside = key
      inside.scope = .internal
      drafts.append(EBPFFrontendDraft(key: inside, flags: flags, isLocal: spec.isInternalPolicyLocal))
    }
    for frontend in uniqued(spec.frontends.map(\.key)) {
      guard let claim = ebpfClaim(frontend, table), claim.portName == port else { continue }
      let address = IPv4Address(bits: UInt32(truncatingIfNeeded: frontend >> 32))
      let number = UInt16(truncatingIfNeeded: frontend >> 16)
      add(address, number, claim.kind)
      guard claim.kind == .nodePort else { continue }
      let place = tables[Int(node)]
      let first = Int(place.firstAddress)
      for own in addressPool[first..<first + Int(place.addressCount)]
      where servesNodePort(own, node, table)
        && ebpfClaim(Frontend.key(own, number, spec.transport), table) == nil
      {
        add(own, number, .nodePort)
      }
    }
    return drafts
  }

  private func flags(
    _ spec: PortSpec, _ kind: FrontendKind, isSurrogate: Bool, _ hasTwoScopes: Bool, _ agent: EBPFSettings
  ) -> EBPFServiceFlags {
    var flags: EBPFServiceFlags = []
    switch kind {
    case .clusterIP: break
    case .externalIP: flags.insert(.externalIPs)
    case .loadBalancer: flags.insert(.loadBalancer)
    case .nodePort: flags.insert(.nodePort)
    }
    if spec.isExternalPolicyLocal { flags.insert(.externalLocal) }
    if spec.isInternalPolicyLocal { flags.insert(.internalLocal) }
    if hasTwoScopes { flags.insert(.twoScopes) }
    if spec.affinity > .zero { flags.insert(.affinity) }
    if !isSurrogate, kind != .clusterIP || agent.externalClusterIP { flags.insert(.routable) }
    if kind == .loadBalancer, spec.hasSourceRanges { flags.insert(.sourceRange) }
    return flags
  }

  /// Writes one frontend, or notes that a map had no room for it (E2BIG).
  private func add(
    _ draft: EBPFFrontendDraft, _ spec: PortSpec, _ slots: EBPFSlots, _ reason: VerdictReason,
    _ agent: EBPFSettings, _ maps: inout EBPFMaps
  ) {
    let used = slots.count + slots.inactive
    let identities = slots.all.map { slot -> EBPFBackendIdentity in
      let target = history.backends.target(slot.backend)
      return EBPFBackendIdentity(address: target.address, port: target.port, transport: spec.transport)
    }
    let unknown = identities.count { maps.backendIndex[$0] == nil }
    guard maps.entries + 1 + used <= agent.maps.services,
      maps.backends.count + unknown <= agent.maps.backends
    else {
      maps.unprogrammed.insert(draft.key.identity)
      return
    }
    maps.entries += 1 + used
    var numbers: [UInt32] = []
    for (slot, identity) in zip(slots.all, identities) {
      if let known = maps.backendIndex[identity] {
        numbers.append(known)
        continue
      }
      maps.backends.append(
        EBPFBackend(
          backend: slot.backend, address: identity.address, port: identity.port, transport: spec.transport,
          state: slot.state))
      let number = UInt32(maps.backends.count)
      maps.backendIndex[identity] = number
      numbers.append(number)
    }
    let id = UInt32(maps.order.count + 1)
    maps.order.append(draft.key)
    if draft.flags.contains(.sourceRange) { maps.sourceRanges[id] = spec.sourceRanges }
    maps.services[draft.key] = EBPFService(
      id: id, flags: draft.flags, servicePort: spec.servicePort, affinity: spec.affinity,
      count: slots.count, inactive: slots.inactive, slots: Array(numbers.prefix(used)), backends: numbers,
      emptyReason: reason, areActive: slots.all.first?.state == .active,
      ownBackends: Dictionary(
        zip(identities.map { EBPFAddress($0.address, $0.port) }, slots.all.map(\.backend)),
        uniquingKeysWith: { first, _ in first }),
      states: slots.all.map(\.state))
  }
}

extension PortSpec {
  /// Entries of the service map that this port takes at most, at a node of up to four addresses. What is
  /// counted exactly is `EBPFMaps.entries`; this says when counting is needed.
  func mapEntriesAtMost(endpoints: Int) -> Int32 {
    let scopes = isExternalPolicyLocal == isInternalPolicyLocal ? 1 : 2
    let frontends = 1 + scopes * (externalIPs.count + loadBalancerVIPs.count + (nodePort != 0 ? 5 : 0))
    return Int32(clamping: frontends * (1 + endpoints))
  }
}
