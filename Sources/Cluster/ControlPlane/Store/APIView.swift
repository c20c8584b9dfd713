// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel

/// What `kubectl get` would list now, each kind in order of namespace and name.
public struct APIView: Sendable {
  public var time: SimTime
  public var services: [Service]
  public var endpoints: [Endpoints]
  public var slices: [EndpointSlice]
  public var pods: [Pod]
  public var nodes: [Node]
  public var workloads: [Workload]
}

extension ControlPlane {
  /// The API's objects as they are now. Costs a copy of all of them. The Endpoints of Services with a selector
  /// are worked out here from the pods, since nobody but a reader of `get endpoints` uses them.
  public func apiView() -> APIView {
    var endpoints: [Endpoints] = []
    for index in 0..<store.serviceCount {
      let id = ServiceID(index)
      guard let service = store.service(id), EndpointSliceReconciler.manages(service) else {
        if let written = store.handWrittenEndpoints(of: id) { endpoints.append(written) }
        continue
      }
      var base = ObjectMeta(name: service.metadata.name, namespace: service.metadata.namespace)
      base.creationTimestamp = service.metadata.creationTimestamp
      let made = EndpointsReconciler.reconcile(
        service: service, pods: members(of: id).map(\.pod), existing: Endpoints(metadata: base))
      if let made { endpoints.append(made) }
    }
    return APIView(
      time: now, services: store.allServices(), endpoints: endpoints.sorted { $0.metadata < $1.metadata },
      slices: store.allSlices(), pods: store.allPods(), nodes: store.allNodes(),
      workloads: workloads.filter { !$0.isDeleted }.map(\.object).sorted { $0.metadata < $1.metadata })
  }
}
