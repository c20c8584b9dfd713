// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cluster at t = 0: nodes registered and ready, objects admitted in their order, pods placed, running and
// ready, slices written, load balancers provisioned, everybody informed. What does not fit stays pending.

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// What kubeadm puts on control plane nodes; kind takes it off where there is no other node.
  static var controlPlaneTaint: String { "node-role.kubernetes.io/control-plane:NoSchedule" }
  static var controlPlaneRole: String { "control-plane" }

  mutating func converge(_ objects: [APIObject]) throws(APIRefusal) {
    // Timers and changes of the way to the first state interest nobody.
    var out = ControlPlaneOutput()
    dumped = DumpedObjects(objects)
    registerNodes(objects)
    try publishAPIServer(objects, &out)
    for object in objects {
      switch object {
      case .pod, .workload, .node: break
      default: try apply(object, &out)
      }
    }
    try placePods(objects, &out)
    for index in 0..<store.serviceCount { settleService(ServiceID(index), &out) }
    settleWorkloads()
    settleHealth(&out)
    endpointControllers.forgetQueues()
    for index in budgets.indices { budgets[index].isSyncPending = false }
    for workload in workloads.indices { workloads[workload].isSyncPending = false }
  }

  // MARK: Nodes

  private mutating func registerNodes(_ objects: [APIObject]) {
    var manifests: [String: Node] = [:]
    var all = settings.nodes
    for case .node(let node) in objects where manifests[node.metadata.name] == nil {
      manifests[node.metadata.name] = node
      if !all.contains(where: { $0.name == node.metadata.name }) { all.append(Self.settings(of: node)) }
    }
    for given in all { addressPlan.reserve(given.addresses, given.podCIDR) }
    let hasWorkers = all.contains { !$0.roles.contains(Self.controlPlaneRole) }
    for given in all {
      let id = addNode(given)
      if nodes[id.index].hasJoined { register(id, manifest: manifests[given.name], hasWorkers: hasWorkers) }
    }
  }

  private mutating func register(_ id: NodeID, manifest: Node?, hasWorkers: Bool) {
    var object = nodeObject(id)
    if let manifest {
      object.metadata.labels.merge(manifest.metadata.labels) { $1 }
      object.metadata.annotations = manifest.metadata.annotations
      object.metadata.creationTimestamp = manifest.metadata.creationTimestamp
      object.metadata.uid = manifest.metadata.uid
      object.isUnschedulable = manifest.isUnschedulable
      // A Node object adds what the scenario does not say.
      if nodes[id.index].allocatable == NodeCapacity() { nodes[id.index].allocatable = manifest.allocatable }
      object.taints = manifest.taints
      if !manifest.kubeletVersion.isEmpty { object.kubeletVersion = manifest.kubeletVersion }
      (object.osImage, object.kernelVersion) = (manifest.osImage, manifest.kernelVersion)
      object.containerRuntime = manifest.containerRuntime
      object.architecture = manifest.architecture
      object.ready = manifest.ready
      // Nobody has heard of it for longer than the grace period.
      if manifest.ready == .unknown { nodes[id.index].isUp = false }
    } else if nodes[id.index].roles.contains(Self.controlPlaneRole), hasWorkers {
      object.taints.append(Self.controlPlaneTaint)
      object.metadata.labels[Self.excludedFromBalancers] = ""
    }
    if settings.nodes.contains(where: { $0.name == object.metadata.name && $0.isUnschedulable }) {
      object.isUnschedulable = true
    }
    if object.metadata.uid.isEmpty {
      object.metadata.uid = Self.uid(of: NamespacedName(namespace: "", name: object.metadata.name), number: 0)
    }
    nodes[id.index].zone = object.zone
    nodes[id.index].labels = object.metadata.labels
    nodes[id.index].registersItself = false
    nodes[id.index].routeAddress = nodes[id.index].primaryAddress
    object.allocatable = nodes[id.index].allocatable
    _ = store.write(object, as: id)
  }

  /// A machine that is known from a Node object only.
  private static func settings(of node: Node) -> NodeSettings {
    var settings = NodeSettings(name: node.metadata.name)
    settings.zone = node.zone
    settings.addresses = node.internalIPs
    settings.externalAddresses = node.externalIPs
    settings.podCIDR = node.podCIDR
    let prefix = "node-role.kubernetes.io/"
    settings.roles = node.metadata.labels.keys.filter { $0.hasPrefix(prefix) }.map {
      String($0.dropFirst(prefix.count))
    }
    for (key, value) in node.metadata.labels { settings.labels[key] = value }
    return settings
  }

  /// The Service `default/kubernetes`, unless the objects bring it.
  private mutating func publishAPIServer(
    _ objects: [APIObject], _ out: inout ControlPlaneOutput
  ) throws(APIRefusal) {
    let own = NamespacedName(name: "kubernetes")
    for case .service(let service) in objects where service.metadata.namespacedName == own { return }
    let servers = nodes.filter { $0.hasJoined && $0.roles.contains(Self.controlPlaneRole) }
      .map(\.primaryAddress)
    // Without a control plane node the API server is somewhere else and of no interest.
    guard !servers.isEmpty else { return }
    try apply(.service(KubernetesService.service(serviceCIDR: settings.serviceCIDR)), &out)
    try apply(.endpointSlice(KubernetesService.slice(apiServers: servers)), &out)
    try apply(.endpoints(KubernetesService.endpoints(apiServers: servers)), &out)
  }

  // MARK: Pods

  private mutating func placePods(_ objects: [APIObject], _ out: inout ControlPlaneOutput) throws(APIRefusal)
  {
    try adoptReplicaSets(objects)
    var arrivals: [PodID] = []
    for case .pod(let pod) in objects {
      let admitted = try ObjectValidation.admit(pod)
      guard store.podID(admitted.metadata.namespacedName) == nil else { continue }
      arrivals.append(adopt(admitted, &out))
    }
    // Addresses that are given come before addresses that are chosen.
    for pod in arrivals { keepAddress(pod) }
    for pod in arrivals { settle(pod, &out) }
    for workload in workloads.indices { fill(WorkloadID(workload), &out) }
  }

  /// Workloads without the ReplicaSets that belong to one of the Deployments.
  private mutating func adoptReplicaSets(_ objects: [APIObject]) throws(APIRefusal) {
    var deployments: [Workload] = []
    for case .workload(let workload) in objects where workload.kind == .deployment {
      deployments.append(workload)
    }
    for case .workload(let workload) in objects {
      let isOwned = workload.kind == .replicaSet && deployments.contains { owns($0, workload) }
      if !isOwned, workloadID(workload.metadata.namespacedName, kind: workload.kind) == nil {
        _ = addWorkload(try ObjectValidation.admit(workload))
      }
    }
  }

  private func owns(_ deployment: Workload, _ set: Workload) -> Bool {
    deployment.metadata.namespace == set.metadata.namespace
      && deployment.selector.matches(set.templateLabels)
  }

  /// A pod of a manifest, as part of the workload that selects it if there is one.
  private mutating func adopt(_ pod: Pod, _ out: inout ControlPlaneOutput) -> PodID {
    let selecting = workloads.first {
      $0.name.namespace == pod.metadata.namespace && $0.parent.isNone
        && $0.object.selector.matches(pod.metadata.labels)
    }
    let owner = selecting.map { settledSet(of: $0.id) }
    let revision = owner.map { workloads[$0.index].templateRevision }
    let id = createPod(pod, owner: owner ?? .none, templateRevision: revision ?? 0, &out)
    if let owner { workloads[owner.index].pods.append(id) }
    // A dump shows pods that are up and not ready; a bare manifest has no status.
    if pod.status.phase == .running && !pod.status.isReady { pods[id.index].isProbeFailing = true }
    return id
  }

  private mutating func keepAddress(_ pod: PodID) {
    guard let object = store.pod(pod), let address = object.status.podIP, !object.spec.hostNetwork,
      // Their status still shows the address that they had.
      object.status.phase != .succeeded, object.status.phase != .failed,
      let node = object.spec.nodeName.flatMap({ nodeIndex[$0] })
    else { return }
    if nodes[node.index].addressPool.reserve(address) { pods[pod.index].address = address }
  }

  private mutating func fill(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    if !workloads[workload.index].parent.isNone || keepDumpedPods(of: workload) { return }
    let record = workloads[workload.index]
    switch record.object.kind {
    case .deployment, .replicaSet:
      let set = settledSet(of: workload)
      while workloads[set.index].pods.count < record.object.replicas {
        settle(createPod(of: set, name: freePodName(set), &out), &out)
      }
    case .statefulSet:
      for ordinal in 0..<max(0, record.object.replicas) {
        let name = "\(record.name.name)-\(ordinal)"
        guard store.podID(NamespacedName(namespace: record.name.namespace, name: name)) == nil else {
          continue
        }
        settle(createPod(of: workload, name: name, &out), &out)
      }
    case .daemonSet:
      for index in nodes.indices {
        guard let node = store.node(NodeID(index)),
          PodScheduler.daemon(on: node, record.object.template).shouldRun,
          !workloads[workload.index].pods.contains(where: { pods[$0.index].node == NodeID(index) })
        else { continue }
        let name = workloads[workload.index].nextPodName()
        let pod = createPod(of: workload, name: name, &out)
        pods[pod.index].pinnedNode = NodeID(index)
        settle(pod, &out)
      }
    }
  }

  /// What pods of a workload belong to: a Deployment's are those of its ReplicaSet.
  mutating func settledSet(of workload: WorkloadID) -> WorkloadID {
    guard workloads[workload.index].object.kind == .deployment else { return workload }
    if let set = newestSet(of: workload) { return set }
    return addReplicaSet(of: workload, replicas: workloads[workload.index].object.replicas)
  }

  /// Controllers know what there is, and nothing is being rolled out.
  private mutating func settleWorkloads() {
    for index in workloads.indices where workloads[index].object.kind != .deployment {
      workloads[index].status = counted(workloads[index].pods, workloads[index])
      if workloads[index].object.kind == .daemonSet {
        let template = workloads[index].object.template
        workloads[index].object.replicas = nodes.indices.count { node in
          store.node(NodeID(node)).map { PodScheduler.daemon(on: $0, template).shouldRun } ?? false
        }
      }
    }
    for index in workloads.indices where workloads[index].object.kind == .deployment {
      let set = settledSet(of: WorkloadID(index))
      let part = workloads[set.index].status
      workloads[index].status = part
      workloads[index].status.updated = part.replicas
      workloads[index].progress = .complete
    }
    for index in budgets.indices { count(budget: index) }
  }

  /// Places a pod and lets all its delays pass.
  private mutating func settle(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard let object = store.pod(pod) else { return }
    let fitting = nodeFor(pod, object)
    if settleIdle(pod, object, on: fitting) { return }
    guard let node = fitting else { return unschedulable.append(pod) }
    attach(pod, to: node)
    if object.metadata.deletionTimestamp != nil { nodes[node.index].livePods -= 1 }
    let name = nodes[node.index].name
    guard assignAddress(pod, &out) else {
      updatePod(pod, &out) { $0.spec.nodeName = name }
      pods[pod.index].process = .starting
      return
    }
    guard nodes[node.index].isUp else {
      pods[pod.index].process = .ended
      return
    }
    pods[pod.index].process = .running
    pods[pod.index].isApplicationReady = true
    settleKubelet(pod)
    let record = pods[pod.index]
    let hostIP = nodes[node.index].primaryAddress
    updatePod(pod, &out) {
      $0.spec.nodeName = name
      $0.status = record.status(after: $0.status, hostIP: hostIP)
    }
    // Long since available, whatever minReadySeconds says.
    if pods[pod.index].readySince != nil { pods[pod.index].readySince = SimTime.zero - .hours(24) }
  }

  // MARK: Services

  private mutating func settleService(_ id: ServiceID, _ out: inout ControlPlaneOutput) {
    // In a dumped cluster nobody has provided what is pending.
    if !dumped.services.contains(store.serviceName(id)) { provisionLoadBalancer(id, &out) }
    if keepDumpedSlices(of: id, &out) { return }
    reconcileEndpoints(id, &out)
    // Hand-written slices were there before the pods that they name.
    writeSlices(store.slices(of: id).map { withPods($0) }, of: id, &out)
  }
}
