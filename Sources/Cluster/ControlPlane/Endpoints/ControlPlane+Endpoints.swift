// SPDX-License-Identifier: GPL-3.0-or-later
//
// The EndpointSlice controllers' timing: a change of a pod or Service makes one reconciliation of each
// Service concerned, a delay later; what changes until then is covered by it. What the slices must be is
// decided by EndpointSliceReconciler (selector) and EndpointsMirroring (hand-written Endpoints).

import SimKernel

extension ControlPlane {
  mutating func queueReconcile(_ service: ServiceID, _ out: inout ControlPlaneOutput) {
    guard isReconcilePending[service] != true else { return }
    isReconcilePending[service] = true
    out.schedule.append((now + draw(.endpointController, service: service), .reconcileEndpoints(service)))
  }

  mutating func reconcileEndpoints(_ service: ServiceID, _ out: inout ControlPlaneOutput) {
    isReconcilePending[service] = nil
    writeSlices(desiredSlices(of: service), of: service, &out)
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

  /// All slices that carry the Service's name: its controller's, mirrored ones, and others as they are.
  func desiredSlices(of id: ServiceID) -> [EndpointSlice] {
    let service = store.service(id)
    let existing = store.slices(of: id)
    if let service, EndpointSliceReconciler.manages(service) {
      let rest = existing.filter { !Self.isManaged($0, by: EndpointSlice.mirroringControllerName) }
      return EndpointSliceReconciler.reconcile(
        service: service, pods: members(of: id), nodes: store.nodesByName, existing: rest)
    }
    let rest = existing.filter { !Self.isManaged($0, by: EndpointSlice.controllerName) }
    return EndpointsMirroring.reconcile(
      endpoints: store.handWrittenEndpoints(of: id), service: service, existing: rest
    ).map { withPods($0) }
  }

  static func isManaged(_ slice: EndpointSlice, by controller: String) -> Bool {
    slice.metadata.labels[EndpointSlice.managedByLabel] == controller
  }

  /// The pods that the Service selects, in order of name.
  func members(of service: ServiceID) -> [(pod: Pod, id: PodID)] {
    selection.pods(of: service).map { (pod: store.pod($0)!, id: $0) }
      .sorted { $0.pod.metadata.name < $1.pod.metadata.name }
  }

  /// Endpoints that name a pod by targetRef get its present incarnation.
  func withPods(_ slice: EndpointSlice) -> EndpointSlice {
    var slice = slice
    for index in slice.endpoints.indices {
      guard let name = slice.endpoints[index].targetPod else { continue }
      slice.endpoints[index].pod = store.podID(name)
    }
    return slice
  }
}
