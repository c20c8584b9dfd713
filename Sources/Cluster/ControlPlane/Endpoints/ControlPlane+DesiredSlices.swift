// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the slices of a Service must be now, by the objects that the API has: one question for both
// controllers.

import SimKernel

extension ControlPlane {
  /// All slices that carry the Service's name: its controller's, mirrored ones, and others as they are.
  mutating func desiredSlices(of id: ServiceID) -> [EndpointSlice] {
    let service = store.service(id)
    let existing = store.slices(of: id)
    if let service, EndpointSliceReconciler.manages(service) {
      let rest = existing.filter { !Self.isManaged($0, by: EndpointSlice.mirroringControllerName) }
      let slices = EndpointSliceReconciler.reconcile(
        service: service, pods: members(of: id), nodes: store.nodesByName,
        existing: comparableSlices(rest, of: service),
        endpointsPerSlice: settings.endpointController.endpointsPerSlice)
      return withHints(slices, existing: rest, of: service, id)
    }
    endpointControllers.zones.forget(id)
    let rest = existing.filter { !Self.isManaged($0, by: EndpointSlice.controllerName) }
    return EndpointsMirroring.reconcile(
      endpoints: store.handWrittenEndpoints(of: id), service: service, existing: rest,
      addressesMax: settings.endpointController.mirroring.endpointsPerSubset
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
