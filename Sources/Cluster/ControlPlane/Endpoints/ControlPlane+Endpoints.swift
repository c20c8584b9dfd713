// SPDX-License-Identifier: GPL-3.0-or-later
//
// The EndpointSlice controller's timing: a change of a pod or Service makes one reconciliation of each Service
// concerned, a delay later; what changes until then is covered by it. What the slices must be is the
// reconciler's (selector) and the mirror's (hand-written Endpoints) decision.

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

  mutating func writeSlices(_ slices: [EndpointSlice], of service: ServiceID, _ out: inout ControlPlaneOutput) {
    guard let revision = store.write(slices: slices, of: service) else { return }
    out.changes.append(.slicesChanged(service, revision))
  }

  /// `endpointslice.kubernetes.io/managed-by` of the EndpointSlice controller.
  static var endpointSliceController: String { "endpointslice-controller.k8s.io" }

  /// All slices that carry the Service's name: its controller's, mirrored ones, and others as they are.
  func desiredSlices(of id: ServiceID) -> [EndpointSlice] {
    let existing = store.slices(of: id)
    let managed = existing.filter {
      $0.metadata.labels[EndpointSlice.managedByLabel] == Self.endpointSliceController
    }
    let others = existing.filter {
      $0.metadata.labels[EndpointSlice.managedByLabel] != Self.endpointSliceController
        && !EndpointsMirror.isMirrored($0)
    }
    guard let service = store.service(id) else { return others }
    if service.serviceType == .externalName { return others }
    if hasSelector(service) {
      return reconciled(service, id, managed) + others
    }
    guard let endpoints = store.handWrittenEndpoints(of: id) else { return others }
    let mirrored = existing.filter(EndpointsMirror.isMirrored)
    return EndpointsMirror.slices(of: endpoints, existing: mirrored, now: now).map(withPods) + others
  }

  private func reconciled(_ service: Service, _ id: ServiceID, _ managed: [EndpointSlice]) -> [EndpointSlice] {
    let members = selection.pods(of: id).map { (pod: store.pod($0)!, id: $0) }
      .sorted { $0.pod.metadata.name < $1.pod.metadata.name }
    return EndpointSliceReconciler.reconcile(
      service: service, pods: members, nodes: store.nodesByName, existing: managed)
  }

  /// An empty selector means none (API documentation of ServiceSpec.selector).
  func hasSelector(_ service: Service) -> Bool { !(service.spec.selector ?? [:]).isEmpty }

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
