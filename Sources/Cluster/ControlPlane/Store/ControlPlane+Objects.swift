// SPDX-License-Identifier: GPL-3.0-or-later
//
// Objects that people write and delete: each goes through the API server's checks, and a refusal changes
// nothing. What follows from an object (slices, pods, load balancers) is left to the controllers that hear
// of it.

import SimKernel

extension ControlPlane {
  /// Creates or updates an object, as `kubectl apply` does.
  mutating func apply(_ object: APIObject, _ out: inout ControlPlaneOutput) throws(APIRefusal) {
    switch object {
    case .service(let service): try apply(service, &out)
    case .endpointSlice(let slice): apply(try ObjectValidation.admit(slice), &out)
    case .endpoints(let endpoints): apply(try ObjectValidation.admit(endpoints), &out)
    case .pod(let pod): apply(try ObjectValidation.admit(pod), &out)
    case .workload(let workload): apply(try ObjectValidation.admit(workload), &out)
    case .node(let node): apply(node, &out)
    case .namespace(let name): store.addNamespace(name)
    case .podDisruptionBudget(let budget): apply(budget, &out)
    case .horizontalPodAutoscaler(let scaler): apply(scaler, &out)
    }
  }

  // MARK: Services

  private mutating func apply(_ written: Service, _ out: inout ControlPlaneOutput) throws(APIRefusal) {
    let id = store.internService(written.metadata.namespacedName)
    let old = store.service(id)
    var service: Service
    if let old {
      service = try admission.update(old: old, new: written)
      service.metadata.uid = old.metadata.uid
      service.metadata.creationTimestamp = old.metadata.creationTimestamp
      if service.status.loadBalancerIngress.isEmpty, service.serviceType == .loadBalancer {
        service.status = old.status
      }
    } else {
      service = try admission.create(written)
      service.metadata.creationTimestamp = min(now, written.metadata.creationTimestamp)
      if now > .zero { service.metadata.creationTimestamp = now }
      if service.metadata.uid.isEmpty {
        service.metadata.uid = Self.uid(of: service.metadata.namespacedName, number: id.index)
      }
    }
    store.addNamespace(service.metadata.namespace)
    out.changes.append(.serviceChanged(id, store.write(service, as: id)))
    log(object(id), old == nil ? "created" : "updated", service.serviceType.rawValue, &out)
    serviceChanged(id, old: old, &out)
  }

  private mutating func serviceChanged(_ id: ServiceID, old: Service?, _ out: inout ControlPlaneOutput) {
    let name = store.serviceName(id)
    let service = store.service(id)
    let isManaged = service.map(EndpointSliceReconciler.manages) ?? false
    let selector = isManaged ? LabelSelector(service!.spec.selector!) : nil
    selection.setSelector(
      selector, of: id, in: name.namespace,
      candidates: store.pods(in: name.namespace).map { ($0, pods[$0.index].labels) })
    queueReconcile(id, &out)
    balancerHears(of: id, old: old, &out)
  }

  private mutating func deleteService(_ id: ServiceID, _ out: inout ControlPlaneOutput) {
    guard let old = store.service(id) else { return }
    admission.release(old)
    out.changes.append(.serviceChanged(id, store.write(nil as Service?, as: id)))
    log(object(id), "deleted", "", &out)
    // The Endpoints controller deletes the Endpoints of the same name (k/k pkg/controller/endpoint
    // syncService); slices of the controllers go with their owner, others stay.
    if store.handWrittenEndpoints(of: id) != nil { _ = store.write(endpoints: nil, of: id) }
    serviceChanged(id, old: old, &out)
  }

  // MARK: Slices and Endpoints

  private mutating func apply(_ slice: EndpointSlice, _ out: inout ControlPlaneOutput) {
    guard let name = slice.serviceName else {
      return log("endpointslice/\(slice.metadata.namespacedName)", "ignored", "names no Service", &out)
    }
    let id = store.internService(name)
    var slices = store.slices(of: id)
    if let place = slices.firstIndex(where: { $0.metadata.name == slice.metadata.name }) {
      slices[place] = withPods(slice)
    } else {
      slices.append(withPods(slice))
    }
    log("endpointslice/\(slice.metadata.namespacedName)", "written", "of \(name.name)", &out)
    writeSlices(slices, of: id, &out)
    // A controller puts right what is its own.
    if Self.isManaged(slice, by: EndpointSlice.controllerName) { queueReconcile(id, because: .slice, &out) }
  }

  private mutating func deleteSlice(_ name: NamespacedName, _ out: inout ControlPlaneOutput) -> Bool {
    for index in 0..<store.serviceCount {
      let id = ServiceID(index)
      guard store.serviceName(id).namespace == name.namespace else { continue }
      let slices = store.slices(of: id)
      guard slices.contains(where: { $0.metadata.name == name.name }) else { continue }
      writeSlices(slices.filter { $0.metadata.name != name.name }, of: id, &out)
      // A controller puts back what is its own.
      queueReconcile(id, because: .slice, &out)
      return true
    }
    return false
  }

  private mutating func apply(_ endpoints: Endpoints, _ out: inout ControlPlaneOutput) {
    let id = store.internService(endpoints.metadata.namespacedName)
    var written = endpoints
    if now > .zero { written.metadata.creationTimestamp = now }
    if written.metadata.uid.isEmpty {
      written.metadata.uid = Self.uid(of: endpoints.metadata.namespacedName, number: id.index + 1_000_000)
    }
    _ = store.write(endpoints: written, of: id)
    log("endpoints/\(endpoints.metadata.namespacedName)", "written", "", &out)
    queueReconcile(id, &out)
  }

  // MARK: Pods, workloads, nodes

  private mutating func apply(_ pod: Pod, _ out: inout ControlPlaneOutput) {
    guard store.podID(pod.metadata.namespacedName) == nil else {
      return log("pod/\(pod.metadata.namespacedName)", "unchanged", "a pod's spec cannot be edited", &out)
    }
    var object = pod
    object.status = PodStatus()
    object.metadata.deletionTimestamp = nil
    object.metadata.creationTimestamp = now
    let id = createPod(object, &out)
    log(self.object(id), "created", "", &out)
    queueScheduling(id, &out)
  }

  func workloadID(_ name: NamespacedName, kind: Workload.Kind? = nil) -> WorkloadID? {
    workloads.first {
      $0.name == name && !$0.isDeleted && (kind == nil || $0.object.kind == kind)
    }?.id
  }

  private mutating func apply(_ workload: Workload, _ out: inout ControlPlaneOutput) {
    let name = workload.metadata.namespacedName
    guard let id = workloadID(name, kind: workload.kind) else {
      let id = addWorkload(workload)
      log("\(workload.kind.rawValue.lowercased())/\(name)", "created", "replicas \(workload.replicas)", &out)
      return queueSync(id, &out)
    }
    let old = workloads[id.index].object
    workloads[id.index].object = workload
    workloads[id.index].object.metadata.uid = old.metadata.uid
    workloads[id.index].object.metadata.creationTimestamp = old.metadata.creationTimestamp
    log("\(workload.kind.rawValue.lowercased())/\(name)", "updated", "replicas \(workload.replicas)", &out)
    workloadChanged(id, old: old, &out)
  }

  mutating func addWorkload(_ workload: Workload) -> WorkloadID {
    let id = WorkloadID(workloads.count)
    workloads.append(WorkloadRecord(id: id, object: workload))
    if now > .zero { workloads[id.index].object.metadata.creationTimestamp = now }
    if workload.metadata.uid.isEmpty {
      let uid = Self.uid(of: workload.metadata.namespacedName, number: 2_000_000 + id.index)
      workloads[id.index].object.metadata.uid = uid
    }
    store.addNamespace(workload.metadata.namespace)
    return id
  }

  /// Labels, taints and cordon of a Node object; what its kubelet reports stays.
  private mutating func apply(_ node: Node, _ out: inout ControlPlaneOutput) {
    guard let id = nodeIndex[node.metadata.name], var object = store.node(id) else {
      return log("node/\(node.metadata.name)", "ignored", "no such machine", &out)
    }
    object.metadata.labels.merge(node.metadata.labels) { $1 }
    object.isUnschedulable = node.isUnschedulable
    object.taints = node.taints
    if object.ready == .unknown { object.taints.append(Self.unreachableTaint) }
    nodes[id.index].zone = object.zone ?? nodes[id.index].zone
    write(object, id, &out)
    log(self.object(id), "updated", "", &out)
    nodeBecameUsable(&out)
  }

  // MARK: Deletion

  mutating func delete(_ kind: ObjectKind, _ name: NamespacedName, _ out: inout ControlPlaneOutput) {
    let isDone: Bool
    switch kind {
    case .service:
      let id = store.serviceID(name).flatMap { store.service($0) == nil ? nil : $0 }
      isDone = id != nil
      if let id { deleteService(id, &out) }
    case .endpointSlice: isDone = deleteSlice(name, &out)
    case .endpoints:
      let id = store.serviceID(name).flatMap { store.handWrittenEndpoints(of: $0) == nil ? nil : $0 }
      isDone = id != nil
      if let id {
        _ = store.write(endpoints: nil, of: id)
        queueReconcile(id, &out)
      }
    case .pod:
      isDone = store.podID(name) != nil
      if let pod = store.podID(name) { requestDeletion(pod, &out) }
    case .deployment: isDone = deleteWorkload(.deployment, name, &out)
    case .replicaSet: isDone = deleteWorkload(.replicaSet, name, &out)
    case .statefulSet: isDone = deleteWorkload(.statefulSet, name, &out)
    case .daemonSet: isDone = deleteWorkload(.daemonSet, name, &out)
    case .podDisruptionBudget: isDone = deleteBudget(name, &out)
    case .horizontalPodAutoscaler: isDone = deleteAutoscaler(name, &out)
    }
    if !isDone { log("\(kind.rawValue.lowercased())/\(name)", "delete ignored", "not found", &out) }
  }

  /// Its pods are garbage-collected (background propagation).
  private mutating func deleteWorkload(
    _ kind: Workload.Kind, _ name: NamespacedName, _ out: inout ControlPlaneOutput
  ) -> Bool {
    guard let id = workloadID(name, kind: kind) else { return false }
    workloads[id.index].isDeleted = true
    log("\(kind.rawValue.lowercased())/\(name)", "deleted", "", &out)
    queueSync(id, &out)
    return true
  }
}
