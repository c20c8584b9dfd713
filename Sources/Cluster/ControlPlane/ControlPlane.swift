// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cluster in motion: machines, pod processes and addresses as they are, the API's view of them, and the
// parts that carry news from one to the other, each after its own delay:
//
//     process, probe ── kubelet ──> Pod status ── EndpointSlice controller ──> slices ──> (kube-proxies)
//     machine ── heartbeats ── node monitor ──> Node and Pod Ready ──^
//     workload controller ──> Pod ── scheduler ── kubelet ──> process
//     Node object ── route agents ──> peers' next hop;   Service ── load balancer ──> targets
//
// It decides what happens in the cluster and when; it schedules nothing itself and knows no packets. One file
// per part extends this type. Entities are gone through in order of index or name.

import NetworkTypes
import OrderedCollections
import SimKernel

/// Reality and the API of one run. The only writer of both.
///
/// Each mutating call appends to the caller's `ControlPlaneOutput`: timers to schedule, changes that have
/// become true (in order), and rows of the events file.
public struct ControlPlane: ~Copyable {
  /// Makes the type address-only. Swift 6.3.1 passes a large loadable noncopyable `self` by value to each
  /// non-mutating method, which costs a memcpy of the whole struct per call; an existential field forbids
  /// that.
  private let byAddress: Any? = nil
  public let settings: ClusterSettings
  /// Machines by NodeID; grows when a node joins.
  public internal(set) var nodes: [NodeRecord] = []
  /// Pod incarnations by PodID; grows, entries are never reused.
  public internal(set) var pods: [PodRecord] = []
  /// What the API server has stored.
  public internal(set) var store = APIStore()
  /// Deployments and the like, by WorkloadID.
  public internal(set) var workloads: [WorkloadRecord] = []

  let draws: DelayDraws
  let podBehaviour: @Sendable (_ namespace: String, _ labels: Labels) -> PodBehaviour
  /// Time of the call in progress.
  var now = SimTime.zero
  var admission: ServiceAdmission
  var selection = ServiceSelection()
  var nodeIndex: [String: NodeID] = [:]
  var endpointControllers: EndpointControllers
  var apiServer = APIServerState()
  var serviceDraws: [ServiceID: UInt64] = [:]
  /// Pods that no node would take, in order of arrival.
  var unschedulable: [PodID] = []
  /// When a node of the zone was last tainted for silence.
  var taintedInZone: [String: SimTime] = [:]
  var incarnations: [NamespacedName: UInt64] = [:]
  /// One of the pods that there ever were has required pod anti-affinity.
  var usesAntiAffinity = false
  var budgets: [BudgetRecord] = []
  var drains: [Drain] = []
  var autoscalers: [AutoscalerRecord] = []
  var usages: [PodID: PodUsage] = [:]
  var isScraping = false
  var addressPlan: NodeAddressPlan
  var balancer: LoadBalancer
  var externalRecords: OrderedDictionary<String, ExternalRecord> = [:]
  var agenda = Agenda()
  var dumped = DumpedObjects()
  /// What controllers have to look at once the run has begun.
  var lateReconciles: [ServiceID] = []
  var lateSyncs: [WorkloadID] = []

  /// Sets the cluster up as it is at t = 0: objects admitted in their order, all pods that fit running and
  /// ready, all statuses and slices written.
  /// - Parameters:
  ///   - podBehaviour: how the processes of a pod with these labels terminate; asked once per pod.
  /// - Throws: the API server's reason when it refuses one of the objects.
  public init(
    settings: ClusterSettings, objects: [APIObject],
    podBehaviour: @escaping @Sendable (_ namespace: String, _ labels: Labels) -> PodBehaviour = { _, _ in
      PodBehaviour()
    }, seed: UInt64, replication: UInt32 = 0
  ) throws(APIRefusal) {
    self.settings = settings
    self.podBehaviour = podBehaviour
    draws = DelayDraws(settings: settings, seed: seed, replication: replication)
    admission = ServiceAdmission(
      serviceCIDR: settings.serviceCIDR, nodePortRange: settings.nodePortRange, seed: seed,
      minorVersion: settings.minorVersion)
    endpointControllers = EndpointControllers(settings.endpointController)
    addressPlan = NodeAddressPlan(podCIDR: settings.podCIDR)
    balancer = LoadBalancer(settings: settings.loadBalancer)
    for record in settings.dns.records { externalRecords[Self.normalised(record.name)] = record }
    try converge(objects)
  }

  /// Schedules the periodic timers, each at a random place in its period. Call once, at t = 0.
  public mutating func start(into out: inout ControlPlaneOutput) {
    now = .zero
    startHealthChecks(&out)
    for pod in pods where store.pod(pod.id)?.metadata.deletionTimestamp != nil {
      out.schedule.append((now + draw(.kubeletWatch, pod: pod.id), .kubeletSeesDeletion(pod.id)))
    }
    for pod in pods where pod.process == .starting { beginStart(pod.id, &out) }
    for pod in pods where pod.process == .running { scheduleFlap(pod.id, &out) }
    startLateControllers(&out)
    for pod in unschedulable {
      log(object(pod), "unschedulable", store.pod(pod).map { whyUnschedulable(pod, $0) } ?? "", &out)
    }
    startAutoscaling(from: 0, &out)
  }

  /// Does what was scheduled as `event`.
  /// - Parameter probe: what the load balancer's health check of a node meets now, for one Service
  ///   (`.none`: kube-proxy's healthz, for all Services with policy Cluster); nil: judge by the machine and
  ///   the API alone.
  public mutating func handle(
    _ event: ClusterEvent, at time: SimTime, into out: inout ControlPlaneOutput,
    probe: (NodeID, ServiceID, SimTime) -> Bool? = { _, _, _ in nil }
  ) {
    precondition(time >= now, "event \(event) at \(time) comes after \(now)")
    now = time
    if postpones(event) { return }
    defer { checkNodeTopology(&out) }
    switch event {
    case .schedulePod(let pod): schedule(pod, &out)
    case .syncWorkload(let workload): syncWorkload(workload, &out)
    case .createReplicas, .syncBudget, .autoscale, .scrapeMetrics, .drainBegins, .evict, .drainTimesOut:
      handleWorkloads(event, &out)
    case .endpointSyncDue(let service): endpointSyncDue(service, &out)
    case .reconcileEndpoints(let service): stepEndpointSync(service, &out)
    case .apiServerReturns: apiServerReturns(&out)
    case .controllersReturn(let epoch): controllersReturn(epoch, &out)
    case .heartbeatMissed(let node, let epoch): heartbeatMissed(node, epoch, &out)
    case .evictPods(let node, let epoch): evictPods(node, epoch, &out)
    case .powerOff(let node, let epoch): finishShutdown(node, epoch, &out)
    case .powerOn(let node, let epoch): powerOn(node, epoch, &out)
    case .bootComplete(let node, let epoch): bootComplete(node, epoch, &out)
    case .reportNodeStatus(let node): reportNodeStatus(node, &out)
    case .untaint(let node, let epoch): untaint(node, epoch, &out)
    case .leaseRetry(let node, let epoch): leaseRetry(node, epoch)
    case .cloudReportsAddress(let node): cloudReportsAddress(node, &out)
    case .reconcileRoute(let node): reconcileRoute(node, &out)
    case .collectTerminating(let node, let deletion): collectTerminating(node, deletion, &out)
    case .learnRoute(let node, let on): learnRoute(about: node, on: NodeID(UInt32(on)), &out)
    case .collectOrphans(let node, let epoch): collectOrphans(node, epoch, &out)
    case .provisionLoadBalancer(let service): provisionLoadBalancer(service, &out)
    case .checkNode(let node, let check): checkNode(node, check: Int(check), probe, &out)
    case .targetHeard(let node, let what): targetHeard(node, what, &out)
    case .targetDrained(let node, let check): targetDrained(node, check: Int(check), &out)
    case .targetReadressed(let node, let check): targetReadressed(node, check: Int(check), &out)
    case .action(let index): performPlanned(Int(index), &out)
    case .occurrence(let number, let process): occur(process: Int(process), number: Int(number), &out)
    case .linkEffectEnds(let index): linkEffectEnds(Int(index), &out)
    case .rolloutStep(let number, let step): rolloutStep(Int(number), Int(step), &out)
    default: handleKubelet(event, &out)
    }
  }

  /// The events of controllers that look after workloads.
  private mutating func handleWorkloads(_ event: ClusterEvent, _ out: inout ControlPlaneOutput) {
    switch event {
    case .createReplicas(let set, let batch): createReplicas(set, batch: Int(batch), &out)
    case .syncBudget(let index): syncBudget(Int(index), &out)
    case .autoscale(let index): autoscale(Int(index), &out)
    case .scrapeMetrics: scrapeMetrics(&out)
    case .drainBegins(let number): beginEvictions(number, &out)
    case .evict(let pod, let number): tryEviction(pod, number, &out)
    case .drainTimesOut(let number): drainTimesOut(number, &out)
    default: preconditionFailure("\(event) has no handler")
    }
  }

  /// The events of pods on their nodes.
  private mutating func handleKubelet(_ event: ClusterEvent, _ out: inout ControlPlaneOutput) {
    switch event {
    case .kubeletSeesPod(let pod, let epoch): kubeletSeesPod(pod, epoch, &out)
    case .containersStart(let pod, let epoch): containersStart(pod, epoch, &out)
    case .applicationReady(let pod, let epoch): applicationReady(pod, epoch, &out)
    case .reportPodStatus(let pod): reportPodStatus(pod, &out)
    case .kubeletSeesDeletion(let pod): kubeletSeesDeletion(pod, &out)
    case .preStopEnded(let pod, let epoch): preStopEnded(pod, epoch, &out)
    case .processExits(let pod, let epoch), .gracePeriodOver(let pod, let epoch):
      if pods[pod.index].epoch == epoch { endProcess(pod, crashed: false, &out) }
    case .sandboxRemoved(let pod): sandboxRemoved(pod, &out)
    case .confirmPodGone(let pod): confirmPodGone(pod, &out)
    case .containerRestarts(let pod, let epoch): containerRestarts(pod, epoch, &out)
    case .probeRecovers(let pod, let epoch): probeRecovers(pod, epoch, &out)
    case .startStage(let pod, let epoch): initContainerEnded(pod, epoch, &out)
    case .containersNoticed(let pod, let epoch): containersNoticed(pod, epoch, &out)
    case .probesDue(let pod, let generation): probesDue(pod, generation, &out)
    case .flapBegins(let pod, let epoch): flapBegins(pod, epoch, &out)
    case .hangEnds(let pod, let epoch): hangEnds(pod, epoch, &out)
    case .sandboxNoticed(let pod): sandboxNoticed(pod, &out)
    case .shutdownStage(let node, let epoch): shutdownStageOver(node, epoch, &out)
    default: preconditionFailure("\(event) has no handler")
    }
  }

  /// Traffic tells that a process that got SIGTERM has finished its work and exits.
  public mutating func processExited(_ pod: PodID, at time: SimTime, into out: inout ControlPlaneOutput) {
    now = time
    if pods[pod.index].process == .terminating { endProcess(pod, crashed: false, &out) }
  }
}

// MARK: Look-ups and draws

extension ControlPlane {
  /// The machine with this name, whether or not it has a Node object.
  public func nodeID(_ name: String) -> NodeID? { nodeIndex[name] }

  /// Nobody sends packets for this node's pods to an address that it no longer has. O(1).
  public func allRoutesAreCurrent(to node: NodeID) -> Bool {
    nodes[node.index].outdatedRoutes.isEmpty
      && nodes[node.index].routeAddress == nodes[node.index].primaryAddress
  }

  /// Where packets for the pods of `to` are sent by `on`; nil: it has no route. Own pods: the own address.
  public func nextHop(on: NodeID, to: NodeID) -> IPv4Address? {
    let target = nodes[to.index]
    if on == to { return target.primaryAddress }
    guard let outdated = target.outdatedRoutes[on] else { return target.routeAddress }
    return outdated.isUnspecified ? nil : outdated
  }

  mutating func draw(_ delay: Delay, pod: PodID) -> SimDuration {
    defer { pods[pod.index].draws += 1 }
    return draws.duration(delay, entity: pods[pod.index].drawEntity, number: pods[pod.index].draws)
  }

  mutating func draw(_ delay: Delay, node: NodeID) -> SimDuration {
    defer { nodes[node.index].draws += 1 }
    return draws.duration(delay, entity: nodes[node.index].drawEntity, number: nodes[node.index].draws)
  }

  mutating func draw(_ delay: Delay, service: ServiceID) -> SimDuration {
    let number = serviceDraws[service] ?? 0
    serviceDraws[service] = number + 1
    let entity = StableHash.of("service/\(store.serviceName(service))")
    return draws.duration(delay, entity: entity, number: number)
  }

  func log(
    _ object: String, _ action: String, _ detail: String = "", _ out: inout ControlPlaneOutput
  ) {
    out.log.append(
      ClusterLogEntry(
        time: now, object: object, action: action, detail: detail, occurrence: agenda.occurrenceUnderWay))
  }

  func object(_ pod: PodID) -> String { "pod/\(pods[pod.index].name)" }
  func object(_ node: NodeID) -> String { "node/\(nodes[node.index].name)" }
  func object(_ service: ServiceID) -> String { "service/\(store.serviceName(service))" }
}
