// SPDX-License-Identifier: GPL-3.0-or-later
//
// The store's content as readers of the API see it.

import SimKernel

extension ControlPlane {
  /// The API's objects as they are now. Costs a copy of all of them. The Endpoints of Services with a
  /// selector are worked out here from the pods, since nobody but a reader of `get endpoints` uses them.
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
      services: store.allServices(), endpoints: endpoints, slices: store.allSlices(), pods: store.allPods(),
      nodes: store.allNodes(), workloads: workloadStates(), budgets: budgetStates(),
      autoscalers: autoscalerStates(), now: now)
  }

  private func workloadStates() -> [WorkloadState] {
    workloads.filter { !$0.isDeleted }.map { record in
      let status = record.status
      return WorkloadState(
        object: record.object, replicas: status.replicas, ready: status.ready, updated: status.updated,
        available: status.available)
    }
  }

  private func budgetStates() -> [BudgetState] {
    budgets.filter { !$0.isDeleted }.map { record in
      BudgetState(
        object: record.object, allowed: record.status.allowed, healthy: record.status.healthy,
        desired: record.status.desired, expected: record.status.expected)
    }
  }

  private func autoscalerStates() -> [AutoscalerState] {
    autoscalers.filter { !$0.isDeleted }.map { record in
      let name = NamespacedName(
        namespace: record.object.metadata.namespace, name: record.object.targetName)
      let target = workloadID(name, kind: Workload.Kind(rawValue: record.object.targetKind))
      return AutoscalerState(
        object: record.object, utilization: record.utilization,
        replicas: target.map { workloads[$0.index].object.replicas } ?? 0)
    }
  }
}
