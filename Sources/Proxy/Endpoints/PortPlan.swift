// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which chains a Service port has on a node, and with which endpoints: what kube-proxy works out before it
// writes a single rule (k/k pkg/proxy/iptables/proxier.go, syncProxyRules). Rules and the compiled lookup
// are both made from a plan. Plans are a cache: functions of (spec version, endpoints version, locality).

import Cluster
import NetworkTypes
import SimKernel

struct PortPlan: BitwiseCopyable {
  struct Traits: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// The port exists in this version of its Service.
    static let exists = Traits(rawValue: 1)
    /// Some usable endpoint exists in the cluster.
    static let hasEndpoints = Traits(rawValue: 2)
    /// The cluster IP leads to an endpoint.
    static let hasInternal = Traits(rawValue: 4)
    /// Traffic from outside leads to an endpoint.
    static let hasExternal = Traits(rawValue: 8)
    static let internalLocal = Traits(rawValue: 16)
    static let externalLocal = Traits(rawValue: 32)
    /// Load-balancer addresses lead through a firewall chain.
    static let usesFirewall = Traits(rawValue: 64)
  }

  var traits: Traits = []
  var servicePort = ServicePortID.none
  /// Version of the spec, for the source ranges.
  var spec: Int32 = -1
  /// Sets of the two policy chains; none: there is no such chain.
  var cluster = CandidateSetID.none
  var local = CandidateSetID.none
  /// Zero: no session affinity.
  var affinity = SimDuration.zero
}

/// A pair of versions; `sharedPlan` is its plan if that is the same on all nodes, −1 otherwise.
private struct PortView: BitwiseCopyable {
  var sharedPlan: Int32
}

/// Plans made so far.
struct PlanCache: ~Copyable {
  /// Plans kept before the cache is emptied: 2^20 plans are 40 MB.
  private static let limit = 1 << 20
  private(set) var plans: ContiguousArray<PortPlan> = []
  private var views: ContiguousArray<PortView> = []
  private var viewIndex = FlatMap()
  private var planIndex = FlatMap()

  /// The plan's index, or −1 if it is not there.
  @inline(__always) func find(spec: Int32, endpoints: Int32, locality: UInt32) -> Int {
    let view = viewIndex.find(Self.viewKey(spec, endpoints))
    if view == .max { return -1 }
    let shared = views[Int(view)].sharedPlan
    if shared >= 0 { return Int(shared) }
    let plan = planIndex.find(UInt64(view + 1) << 32 | UInt64(locality))
    return plan == .max ? -1 : Int(plan)
  }

  /// Whether the plan that these versions have is the same on all nodes; false where none was made yet.
  func isShared(spec: Int32, endpoints: Int32) -> Bool {
    let view = viewIndex.find(Self.viewKey(spec, endpoints))
    return view != .max && views[Int(view)].sharedPlan >= 0
  }

  mutating func insert(
    _ plan: PortPlan, spec: Int32, endpoints: Int32, locality: UInt32, isShared: Bool
  ) -> Int {
    if plans.count >= Self.limit { removeAll() }
    let index = plans.count
    plans.append(plan)
    let key = Self.viewKey(spec, endpoints)
    var view = viewIndex.find(key)
    if view == .max {
      view = UInt32(views.count)
      views.append(PortView(sharedPlan: isShared ? Int32(index) : -1))
      viewIndex.set(key, view)
    }
    if !isShared { planIndex.set(UInt64(view + 1) << 32 | UInt64(locality), UInt32(index)) }
    return index
  }

  private mutating func removeAll() {
    plans.removeAll(keepingCapacity: true)
    views.removeAll(keepingCapacity: true)
    viewIndex.removeAll()
    planIndex.removeAll()
  }

  private static func viewKey(_ spec: Int32, _ endpoints: Int32) -> UInt64 {
    UInt64(UInt32(spec + 1)) << 32 | UInt64(UInt32(endpoints + 1))
  }
}

extension ProxyFleet {
  /// The plan of a port as a table of these revisions has it at a place.
  @inline(__always)
  mutating func plan(_ port: PortNameID, _ table: TableState, locality: UInt32) -> PortPlan {
    let spec = history.specVersion(port, at: table.services)
    if spec < 0 { return PortPlan() }
    let endpoints = history.endpointsVersion(port, at: table.slices)
    let known = plans.find(spec: spec, endpoints: endpoints, locality: locality)
    return plans.plans[known >= 0 ? known : makePlan(spec, endpoints, locality)]
  }

  @inline(never)
  private mutating func makePlan(_ version: Int32, _ endpointsVersion: Int32, _ locality: UInt32) -> Int {
    var plan = PortPlan()
    plan.spec = version
    guard let spec = history.spec(version) else {
      return plans.insert(
        plan, spec: version, endpoints: endpointsVersion, locality: locality, isShared: true)
    }
    let endpoints = history.endpointList(endpointsVersion)
    let selection = EndpointSelection(
      usesClusterEndpoints: spec.usesClusterEndpoints, usesLocalEndpoints: spec.usesLocalEndpoints,
      usesTerminating: usesTerminatingEndpoints, followsHints: spec.followsHints,
      hints: history.hints.values)
    let choice = selection.choose(endpoints, from: localities.values[Int(locality)])
    plan.traits = Self.traits(spec, choice)
    plan.servicePort = spec.servicePort
    plan.affinity = spec.affinity
    plan.cluster = candidateSets.intern(choice.cluster)
    plan.local = candidateSets.intern(choice.local)
    return plans.insert(
      plan, spec: version, endpoints: endpointsVersion, locality: locality,
      isShared: !selection.dependsOnPlace(endpoints))
  }

  private static func traits(_ spec: PortSpec, _ choice: EndpointChoice) -> PortPlan.Traits {
    var traits: PortPlan.Traits = [.exists]
    let hasLocal = !choice.local.isEmpty
    if spec.isInternalPolicyLocal { traits.insert(.internalLocal) }
    if spec.isExternalPolicyLocal { traits.insert(.externalLocal) }
    guard choice.hasAnyEndpoints else { return traits }
    traits.insert(.hasEndpoints)
    if !spec.isInternalPolicyLocal || hasLocal { traits.insert(.hasInternal) }
    if !spec.isExternalPolicyLocal || hasLocal { traits.insert(.hasExternal) }
    if spec.hasSourceRanges { traits.insert(.usesFirewall) }
    return traits
  }
}
