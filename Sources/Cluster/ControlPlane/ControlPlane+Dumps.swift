// SPDX-License-Identifier: GPL-3.0-or-later
//
// Objects that come out of a running cluster: their status is a fact, and the cluster at t = 0 is the one
// that was dumped, not the one that its controllers would make of it. What they would change they change once
// the run has begun.

import SimKernel

/// Which of the objects at t = 0 an API server has written.
struct DumpedObjects: Sendable {
  var services: Set<NamespacedName> = []
  /// Services with slices that were dumped.
  var slicedServices: Set<NamespacedName> = []
  /// Namespaces whose pods were dumped.
  var podNamespaces: Set<String> = []

  init(_ objects: [APIObject] = []) {
    for object in objects {
      switch object {
      case .service(let service) where !service.metadata.uid.isEmpty:
        services.insert(service.metadata.namespacedName)
      case .endpointSlice(let slice) where !slice.metadata.uid.isEmpty:
        if let name = slice.serviceName { slicedServices.insert(name) }
      case .pod(let pod) where pod.status.isReported: podNamespaces.insert(pod.metadata.namespace)
      default: break
      }
    }
  }
}

extension ControlPlane {
  /// Services whose slices at t = 0 are those of a dump and not those that the pods give.
  public var servicesToReconcile: [NamespacedName] { lateReconciles.map { store.serviceName($0) } }

  /// Keeps the slices of a dump as they are. If the controller would write others, it does so after t = 0.
  /// - Returns: false if the Service's slices do not come from a dump.
  mutating func keepDumpedSlices(of id: ServiceID, _ out: inout ControlPlaneOutput) -> Bool {
    guard dumped.slicedServices.contains(store.serviceName(id)), store.service(id) != nil else {
      return false
    }
    writeSlices(store.slices(of: id).map { withPods($0) }, of: id, &out)
    let desired = desiredSlices(of: id)
    let isRight = desired.elementsEqual(store.slices(of: id)) {
      $0.metadata.name == $1.metadata.name && $0.endpoints == $1.endpoints && $0.ports == $1.ports
    }
    if !isRight { lateReconciles.append(id) }
    return true
  }

  /// A pod whose dumped status says that it does not run: it has ended, waits for a node, or
  /// is being started.
  /// - Returns: false for a pod that runs, or of which no status is known.
  mutating func settleIdle(_ pod: PodID, _ object: Pod, on node: NodeID?) -> Bool {
    let status = object.status
    guard status.isReported else { return false }
    switch status.phase {
    case .succeeded, .failed:
      pods[pod.index].process = .ended
      pods[pod.index].address = nil
      if let node {
        attach(pod, to: node)
        nodes[node.index].livePods -= 1
      }
      return true
    case .pending:
      guard object.spec.nodeName != nil, let node else {
        unschedulable.append(pod)
        return true
      }
      attach(pod, to: node)
      if object.metadata.deletionTimestamp != nil { nodes[node.index].livePods -= 1 }
      pods[pod.index].process = .starting
      return true
    case .running, .unknown:
      guard status.podIP == nil, !object.spec.hostNetwork, let node else { return false }
      attach(pod, to: node)
      if object.metadata.deletionTimestamp != nil { nodes[node.index].livePods -= 1 }
      pods[pod.index].process = .starting
      return true
    }
  }

  /// The pods of a dumped workload are those that were dumped; missing ones are made after t = 0.
  /// - Returns: false if its pods were not dumped.
  mutating func keepDumpedPods(of workload: WorkloadID) -> Bool {
    let record = workloads[workload.index]
    guard record.isDumped, dumped.podNamespaces.contains(record.name.namespace) else {
      return false
    }
    lateSyncs.append(workload)
    let set = settledSet(of: workload)
    if set != workload { lateSyncs.append(set) }
    return true
  }

  /// Lets the controllers look at what differs from what they want.
  mutating func startLateControllers(_ out: inout ControlPlaneOutput) {
    for service in lateReconciles { queueReconcile(service, &out) }
    for workload in lateSyncs { queueSync(workload, &out) }
    (lateReconciles, lateSyncs) = ([], [])
  }
}
