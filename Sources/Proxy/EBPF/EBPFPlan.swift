// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which backends a frontend has at a node, in the order of their slots, and how many of them new connections
// may use: cilium pkg/loadbalancer/reflectors (states), pkg/loadbalancer/writer (choice) and
// pkg/loadbalancer/reconciler (slots). Differs from kube-proxy (Endpoints/EndpointSelection) in that hints do
// not count unless serviceTopology is on, and that an endpoint of no known node is local everywhere.

import Cluster
import NetworkTypes
import SimKernel

/// In the order of slots.
enum EBPFBackendState: UInt8, Comparable, BitwiseCopyable {
  case active
  /// Gets new connections only where no backend is active.
  case terminating
  case terminatingNotServing
  /// Not ready: in the backend map only.
  case maintenance
  static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }

  init(_ record: EndpointRecord) {
    if record.isReady {
      self = .active
    } else if record.isServingTerminating {
      self = .terminating
    } else {
      self = record.conditions.contains(.terminating) ? .terminatingNotServing : .maintenance
    }
  }

  /// As `cilium-dbg` prints it.
  var text: String {
    switch self {
    case .active: "active"
    case .terminating: "terminating"
    case .terminatingNotServing: "terminating-not-serving"
    case .maintenance: "maintenance"
    }
  }
}

struct EBPFSlot: Equatable {
  var backend: BackendID
  var state: EBPFBackendState
}

/// The backends of a frontend.
struct EBPFSlots: Equatable {
  /// From slot 1 on, and after them those without a slot.
  var all: [EBPFSlot] = []
  /// Slots that new connections use.
  var count = 0
  /// Slots behind them.
  var inactive = 0
}

/// One choice as the packet path needs it.
struct EBPFChoice: BitwiseCopyable {
  /// The slots in use; none: nothing can be chosen.
  var set = CandidateSetID.none
  /// They are active backends, which session affinity may return to.
  var areActive = false
}

struct EBPFPlan: BitwiseCopyable {
  /// Version of the spec; −1: the port does not exist.
  var spec: Int32 = -1
  var servicePort = ServicePortID.none
  /// Zero: no session affinity.
  var affinity = SimDuration.zero
  var isInternalLocal = false
  var isExternalLocal = false
  var cluster = EBPFChoice()
  var local = EBPFChoice()

  /// Why a choice is empty.
  func reason(isLocal: Bool) -> VerdictReason {
    isLocal && !cluster.set.isNone ? .localPolicy : .noEndpoints
  }
}

struct EBPFPlanKey: Hashable {
  var spec: Int32
  var endpoints: Int32
  var locality: UInt32
  var hasTopology: Bool
}

extension ProxyFleet {
  mutating func ebpfPlan(_ port: PortNameID, _ table: TableState) -> EBPFPlan {
    let eyes = eyes[Int(table.eyes)]
    let key = EBPFPlanKey(
      spec: history.specVersion(port, at: table.services),
      endpoints: history.endpointsVersion(port, at: table.slices), locality: eyes.locality,
      hasTopology: ebpf.agents[Int(eyes.agent)].serviceTopology)
    if let known = ebpf.plans[key] { return known }
    if ebpf.plans.count >= EBPFState.planLimit { ebpf.plans.removeAll(keepingCapacity: true) }
    let plan = makeEBPFPlan(key)
    ebpf.plans[key] = plan
    return plan
  }

  private mutating func makeEBPFPlan(_ key: EBPFPlanKey) -> EBPFPlan {
    var plan = EBPFPlan()
    guard let spec = history.spec(key.spec) else { return plan }
    plan.spec = key.spec
    plan.servicePort = spec.servicePort
    plan.affinity = spec.affinity
    plan.isInternalLocal = spec.isInternalPolicyLocal
    plan.isExternalLocal = spec.isExternalPolicyLocal
    plan.cluster = choice(ebpfSlots(key, isLocal: false))
    plan.local = choice(ebpfSlots(key, isLocal: true))
    return plan
  }

  private mutating func choice(_ slots: EBPFSlots) -> EBPFChoice {
    let used = slots.all.prefix(slots.count)
    return EBPFChoice(
      set: candidateSets.intern(used.map(\.backend)), areActive: used.first?.state == .active)
  }

  /// The backends of one scope at a place.
  func ebpfSlots(_ key: EBPFPlanKey, isLocal: Bool) -> EBPFSlots {
    guard let spec = history.spec(key.spec) else { return EBPFSlots() }
    let place = localities.values[Int(key.locality)]
    var records = history.endpointList(key.endpoints)
    // DefaultSelectBackends: an empty NodeName passes for local.
    if isLocal { records = records.filter { $0.node == place.node || $0.node == .none } }
    if key.hasTopology, !spec.isInternalPolicyLocal, place.zone != .none {
      let here = records.filter { history.hints.values[Int($0.hints)].zones?.contains(place.zone) ?? false }
      if !here.isEmpty { records = here }
    }
    var slots = EBPFSlots()
    slots.all = records.map { EBPFSlot(backend: $0.backend, state: EBPFBackendState($0)) }
    slots.all.sort { slotOrder($0) < slotOrder($1) }
    let active = slots.all.count { $0.state == .active }
    let terminating = slots.all.count { $0.state == .terminating }
    let ended = slots.all.count { $0.state == .terminatingNotServing }
    slots.count = active > 0 ? active : terminating
    slots.inactive = (active > 0 ? terminating : 0) + ended
    return slots
  }

  /// sortedBackends: state, address, port; addresses by number, not by text as kube-proxy does.
  private func slotOrder(_ slot: EBPFSlot) -> UInt64 {
    let target = history.backends.target(slot.backend)
    return UInt64(slot.state.rawValue) << 48 | UInt64(target.address.bits) << 16 | UInt64(target.port)
  }
}
