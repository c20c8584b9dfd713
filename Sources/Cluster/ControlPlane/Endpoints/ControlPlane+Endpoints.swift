// SPDX-License-Identifier: GPL-3.0-or-later
//
// The controllers that write EndpointSlices, in time: a change reaches the controller, waits for the batch
// period, then for a worker; the worker compares and writes slice by slice, each write under the client's
// rate limit; what fails comes back after a back-off (FACTS B; k/k pkg/controller/endpointslice). What the
// slices must be is decided by EndpointSliceReconciler (selector) and EndpointsMirroring (hand-written
// Endpoints).

import SimKernel
import SimRandom

/// Why a Service is to be looked at: it decides how long the controller waits for more.
enum EndpointTrigger {
  case service, pod
  /// Somebody else wrote or deleted a slice of the controller's.
  case slice
}

/// Work on one Service that a worker has begun.
struct EndpointSync: Sendable {
  /// Not before the first step.
  var writes: [SliceWrite]?
  /// The API client has been granted the next write.
  var hasToken = false
  /// Some pod was left out for want of its node: the sync counts as failed when it is done.
  var isIncomplete = false
  var isMirroring: Bool
}

/// What is done to one slice.
enum SliceWrite: Sendable, Equatable {
  case create(EndpointSlice)
  case update(EndpointSlice)
  case delete(String)
}

/// Everything that the endpoint controllers remember.
struct EndpointControllers: Sendable {
  /// `endpointSliceChangeMinSyncDelay` (k/k pkg/controller/endpointslice).
  static let sliceChangeDelay = SimDuration.seconds(1)

  let settings: EndpointControllerSettings
  var slices: ServiceWorkQueue
  var mirroring: ServiceWorkQueue
  /// When the delay of a request began that has not joined the line: its time and the batch period.
  var asked: [ServiceID: SimTime] = [:]
  var syncs: [ServiceID: EndpointSync] = [:]
  var triggers = TriggerTimeTracker()
  /// When the controller's own informer will have what it wrote last.
  var informerHas: [ServiceID: SimTime] = [:]
  var informerDraws: [ServiceID: UInt64] = [:]
  var failures = EndpointSyncFailures()
  /// Hints of the topology annotation.
  var zones = ZoneCache()

  init(_ settings: EndpointControllerSettings) {
    self.settings = settings
    slices = ServiceWorkQueue(workers: settings.workers, qps: settings.apiQPS, burst: settings.apiBurst)
    mirroring = ServiceWorkQueue(
      workers: settings.mirroring.workers, qps: settings.apiQPS, burst: settings.apiBurst)
  }

  subscript(isMirroring isMirroring: Bool) -> ServiceWorkQueue {
    get { isMirroring ? mirroring : slices }
    _modify { if isMirroring { yield &mirroring } else { yield &slices } }
  }

  mutating func joinLine(_ service: ServiceID, at now: SimTime) {
    slices.joinLine(service, at: now)
    mirroring.joinLine(service, at: now)
    if slices.waiting[service] == nil, mirroring.waiting[service] == nil { asked[service] = nil }
  }

  /// As after a start of the process that has looked at everything.
  mutating func forgetQueues() {
    slices.restart(workers: settings.workers)
    mirroring.restart(workers: settings.mirroring.workers)
    (asked, syncs, informerHas) = ([:], [:], [:])
  }
}

extension ControlPlane {
  mutating func queueReconcile(
    _ service: ServiceID, because trigger: EndpointTrigger = .service, _ out: inout ControlPlaneOutput
  ) {
    let isMirroring = isMirrored(service)
    let wait = batchDelay(trigger, isMirroring: isMirroring)
    // The watch is first in, first out: a request that waits for no longer comes with the earlier one.
    if let asked = endpointControllers.asked[service], asked <= now + wait { return }
    endpointControllers.asked[service] = now + wait
    let delay = draw(.endpointController, service: service)
    let work = min(delay, settings.endpointController.writeTime)
    addEndpointSync(service, at: now + wait + (delay - work), isMirroring: isMirroring, &out)
  }

  private func batchDelay(_ trigger: EndpointTrigger, isMirroring: Bool) -> SimDuration {
    let settings = settings.endpointController
    let batch = isMirroring ? settings.mirroring.batchPeriod : settings.batchPeriod
    return switch trigger {
    case .service: isMirroring ? batch : .zero
    case .pod: batch
    case .slice: max(EndpointControllers.sliceChangeDelay, batch)
    }
  }

  private func isMirrored(_ service: ServiceID) -> Bool {
    guard let object = store.service(service) else { return store.handWrittenEndpoints(of: service) != nil }
    return !EndpointSliceReconciler.manages(object)
  }

  private mutating func addEndpointSync(
    _ service: ServiceID, at time: SimTime, isMirroring: Bool, _ out: inout ControlPlaneOutput
  ) {
    guard endpointControllers[isMirroring: isMirroring].add(service, at: time) else { return }
    out.schedule.append((time, .endpointSyncDue(service)))
  }

  /// A Service's delay is over.
  mutating func endpointSyncDue(_ service: ServiceID, _ out: inout ControlPlaneOutput) {
    endpointControllers.joinLine(service, at: now)
    giveWork(&out)
  }

  private mutating func giveWork(_ out: inout ControlPlaneOutput) {
    for isMirroring in [false, true] {
      while let service = endpointControllers[isMirroring: isMirroring].takeNext() {
        endpointControllers.syncs[service] = EndpointSync(isMirroring: isMirroring)
        out.schedule.append((now + settings.endpointController.writeTime, .reconcileEndpoints(service)))
      }
    }
  }

  /// One step of the work on a Service: the comparison with the first write, or another write.
  mutating func stepEndpointSync(_ service: ServiceID, _ out: inout ControlPlaneOutput) {
    guard var sync = endpointControllers.syncs[service] else { return }
    if sync.writes == nil {
      let began = now - settings.endpointController.writeTime
      if !sync.isMirroring, let fresh = endpointControllers.informerHas[service], fresh > began {
        return failEndpointSync(service, sync, "informer out of date", &out)
      }
      plan(&sync, service)
    }
    guard let write = sync.writes!.first else { return endEndpointSync(service, sync, &out) }
    if !sync.hasToken {
      let granted = endpointControllers[isMirroring: sync.isMirroring].request(at: now)
      sync.hasToken = true
      if granted > now {
        endpointControllers.syncs[service] = sync
        return out.schedule.append((granted, .reconcileEndpoints(service)))
      }
    }
    if endpointWriteFails(service) { return failEndpointSync(service, sync, "write failed", &out) }
    perform(write, of: service, &out)
    sync.writes!.removeFirst()
    sync.hasToken = false
    if sync.writes!.isEmpty { return endEndpointSync(service, sync, &out) }
    endpointControllers.syncs[service] = sync
    out.schedule.append((now + settings.endpointController.writeTime, .reconcileEndpoints(service)))
  }

  private mutating func endEndpointSync(
    _ service: ServiceID, _ sync: EndpointSync, _ out: inout ControlPlaneOutput
  ) {
    if sync.isIncomplete { return failEndpointSync(service, sync, "node not found", &out) }
    endpointControllers[isMirroring: sync.isMirroring].succeeded(service)
    release(service, sync, &out)
  }

  private mutating func failEndpointSync(
    _ service: ServiceID, _ sync: EndpointSync, _ reason: String, _ out: inout ControlPlaneOutput
  ) {
    let again = endpointControllers[isMirroring: sync.isMirroring].failed(service, at: now)
    let words = again.map { "\(reason), again after \($0 - now)" } ?? "\(reason), given up"
    log(object(service), "endpoint sync failed", words, &out)
    if let again { addEndpointSync(service, at: again, isMirroring: sync.isMirroring, &out) }
    release(service, sync, &out)
  }

  private mutating func release(
    _ service: ServiceID, _ sync: EndpointSync, _ out: inout ControlPlaneOutput
  ) {
    endpointControllers.syncs[service] = nil
    endpointControllers[isMirroring: sync.isMirroring].finish(service)
    giveWork(&out)
  }

  /// Compares what is with what must be.
  private mutating func plan(_ sync: inout EndpointSync, _ service: ServiceID) {
    let desired = desiredSlices(of: service)
    let trigger = triggerTime(of: service)
    sync.writes = SliceWrites.between(store.slices(of: service), desired, trigger: trigger)
    sync.isIncomplete = !sync.isMirroring && lacksNodes(service)
  }

  /// The controller's tracker is told of every sync, also of one that writes nothing.
  private mutating func triggerTime(of service: ServiceID) -> SimTime? {
    guard let object = store.service(service), EndpointSliceReconciler.manages(object) else {
      endpointControllers.triggers.forget(service)
      return nil
    }
    let pods = members(of: service).map { (name: $0.pod.metadata.name, id: $0.id) }
    return endpointControllers.triggers.triggerTime(
      service, created: object.metadata.creationTimestamp, pods: pods)
  }

  /// Pods whose Node object is missing are left out, and looked at again after a back-off
  /// (reconcileByAddressType in k/k staging endpointslice/reconciler.go).
  private func lacksNodes(_ service: ServiceID) -> Bool {
    guard let object = store.service(service), EndpointSliceReconciler.manages(object),
      !object.spec.publishNotReadyAddresses
    else { return false }
    return selection.pods(of: service).contains { id in
      guard let pod = store.pod(id), PodEndpoint.counts(pod, includingTerminating: true) else { return false }
      return pod.spec.nodeName.map { store.nodesByName[$0] == nil } ?? true
    }
  }

  private mutating func perform(_ write: SliceWrite, of service: ServiceID, _ out: inout ControlPlaneOutput) {
    var slices = store.slices(of: service)
    switch write {
    case .create(let slice): slices.append(slice)
    case .update(let slice):
      guard let place = slices.firstIndex(where: { $0.metadata.name == slice.metadata.name }) else { break }
      slices[place] = slice
    case .delete(let name): slices.removeAll { $0.metadata.name == name }
    }
    writeSlices(slices, of: service, &out)
    noteOwnWrite(service)
  }

  /// The controller's informer gets to know its own write a watch delivery later.
  private mutating func noteOwnWrite(_ service: ServiceID) {
    let number = endpointControllers.informerDraws[service] ?? 0
    endpointControllers.informerDraws[service] = number + 1
    let entity = StableHash.of("service/\(store.serviceName(service))")
    let delay = draws.duration(
      settings.endpointController.ownWatch, .endpointInformer, entity: entity, number: number)
    endpointControllers.informerHas[service] = now + max(.zero, delay)
  }

  /// The state at t = 0, without delays and limits.
  mutating func reconcileEndpoints(_ service: ServiceID, _ out: inout ControlPlaneOutput) {
    let trigger = triggerTime(of: service)
    var slices = desiredSlices(of: service)
    for index in slices.indices where slices[index].metadata.uid.isEmpty {
      slices[index].triggerTime = trigger
    }
    writeSlices(slices, of: service, &out)
  }

  /// Writes all slices of a Service; new ones get their identity.
  mutating func writeSlices(_ slices: [EndpointSlice], of service: ServiceID, _ out: inout ControlPlaneOutput)
  {
    let stamped = slices.map { slice in
      guard slice.metadata.uid.isEmpty else { return slice }
      var new = slice
      new.metadata.uid = Self.uid(of: slice.metadata.namespacedName, number: Int(store.revision.number))
      new.metadata.creationTimestamp = max(now, slice.metadata.creationTimestamp)
      return new
    }
    guard let revision = store.write(slices: stamped, of: service) else { return }
    out.changes.append(.slicesChanged(service, revision))
  }
}

extension RandomPurpose {
  static let endpointInformer = RandomPurpose("endpoint controller's informer")
}
