// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the API server has stored: the present state of every object, and a revision that grows with each
// write. Only the control plane writes; the store decides nothing. History is the reader's business.

import OrderedCollections
import SimKernel

/// The API's objects by index, each stamped with the revision that wrote it.
public struct APIStore: Sendable {
  /// The last write's.
  public private(set) var revision = Revision.zero
  public private(set) var serviceNames: [NamespacedName] = []
  private var serviceIndex: [NamespacedName: ServiceID] = [:]
  private var services: [Service?] = []
  private var slicesOfService: [[EndpointSlice]] = []
  private var endpointsOfService: [Endpoints?] = []
  private var pods: [Pod?] = []
  private var podIndex: [NamespacedName: PodID] = [:]
  /// Pods of each namespace in order of name, for selectors.
  private(set) var podsInNamespace: [String: [PodID]] = [:]
  private var nodes: [Node?] = []
  private var nodeIndex: [String: NodeID] = [:]
  /// Node objects by name, as the EndpointSlice controller wants them.
  private(set) var nodesByName: [String: Node] = [:]
  /// Grows whenever a node comes, goes, or changes its readiness or zone.
  private(set) var topologyGeneration = 0
  /// Nodes that take any pod without wishes, for the scheduler.
  private var openNodes: [Bool] = []
  /// A node has or had a taint that only puts pods off.
  private(set) var hasPreferNoSchedule = false
  public private(set) var namespaces: OrderedSet<String> = ["default", "kube-system"]

  init() {}

  private mutating func nextRevision() -> Revision {
    revision = Revision(revision.number + 1)
    return revision
  }
}

// MARK: Services, slices, Endpoints

extension APIStore {
  /// Number of names that a ServiceID stands for, whether or not the Service exists.
  public var serviceCount: Int { serviceNames.count }
  public func serviceID(_ name: NamespacedName) -> ServiceID? { serviceIndex[name] }
  public func serviceName(_ id: ServiceID) -> NamespacedName { serviceNames[id.index] }
  public func service(_ id: ServiceID) -> Service? { services[id.index] }
  /// The EndpointSlices that carry the Service's name, whoever wrote them and whether or not it exists.
  public func slices(of id: ServiceID) -> [EndpointSlice] { slicesOfService[id.index] }
  /// The Endpoints object of that name if somebody wrote one by hand.
  public func handWrittenEndpoints(of id: ServiceID) -> Endpoints? { endpointsOfService[id.index] }

  /// The index of a name, given out on first use.
  mutating func internService(_ name: NamespacedName) -> ServiceID {
    if let known = serviceIndex[name] { return known }
    let id = ServiceID(serviceNames.count)
    serviceIndex[name] = id
    serviceNames.append(name)
    services.append(nil)
    slicesOfService.append([])
    endpointsOfService.append(nil)
    return id
  }

  mutating func write(_ service: Service?, as id: ServiceID) -> Revision {
    let revision = nextRevision()
    services[id.index] = service
    services[id.index]?.metadata.resourceVersion = revision
    return revision
  }

  /// Replaces all slices of a Service; those that are as before keep their resourceVersion.
  /// - Returns: nil if nothing changed.
  mutating func write(slices: [EndpointSlice], of id: ServiceID) -> Revision? {
    let before = slicesOfService[id.index]
    guard slices != before else { return nil }
    let revision = nextRevision()
    slicesOfService[id.index] = slices.map { slice in
      if before.contains(slice) { return slice }
      var written = slice
      written.metadata.resourceVersion = revision
      return written
    }
    return revision
  }

  mutating func write(endpoints: Endpoints?, of id: ServiceID) -> Revision {
    let revision = nextRevision()
    endpointsOfService[id.index] = endpoints
    endpointsOfService[id.index]?.metadata.resourceVersion = revision
    return revision
  }
}

// MARK: Pods

extension APIStore {
  /// nil once the object is gone.
  public func pod(_ id: PodID) -> Pod? { pods[id.index] }
  /// The incarnation that has the name now.
  public func podID(_ name: NamespacedName) -> PodID? { podIndex[name] }
  /// Pods of a namespace in order of name.
  public func pods(in namespace: String) -> [PodID] { podsInNamespace[namespace] ?? [] }

  mutating func create(_ pod: Pod, as id: PodID) -> Revision {
    precondition(id.index == pods.count, "pod \(id) is not the next one")
    precondition(podIndex[pod.metadata.namespacedName] == nil, "pod \(pod.metadata.namespacedName) exists")
    let revision = nextRevision()
    pods.append(pod)
    pods[id.index]!.metadata.resourceVersion = revision
    podIndex[pod.metadata.namespacedName] = id
    let place = position(of: pod.metadata.name, in: podsInNamespace[pod.metadata.namespace] ?? [])
    podsInNamespace[pod.metadata.namespace, default: []].insert(id, at: place)
    return revision
  }

  /// Changes an existing pod's object.
  /// - Returns: nil if it is as before.
  mutating func update(_ id: PodID, _ change: (inout Pod) -> Void) -> Revision? {
    guard let before = pods[id.index] else { return nil }
    var after = before
    change(&after)
    guard after != before else { return nil }
    let revision = nextRevision()
    after.metadata.resourceVersion = revision
    pods[id.index] = after
    return revision
  }

  mutating func removePod(_ id: PodID) -> Revision? {
    guard let pod = pods[id.index] else { return nil }
    let revision = nextRevision()
    let namespace = pod.metadata.namespace
    if let ids = podsInNamespace[namespace] {
      let place = position(of: pod.metadata.name, in: ids)
      podsInNamespace[namespace]!.remove(at: place)
    }
    podIndex[pod.metadata.namespacedName] = nil
    pods[id.index] = nil
    return revision
  }

  /// The first place whose pod's name is not before `name`.
  private func position(of name: String, in ids: [PodID]) -> Int {
    var (low, high) = (0, ids.count)
    while low < high {
      let middle = (low + high) / 2
      if pods[ids[middle].index]!.metadata.name < name { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

// MARK: Nodes and namespaces

extension APIStore {
  /// nil if there is no Node object now.
  public func node(_ id: NodeID) -> Node? { id.index < nodes.count ? nodes[id.index] : nil }
  public func nodeID(_ name: String) -> NodeID? { nodeIndex[name] }
  func isOpen(_ id: NodeID) -> Bool { id.index < openNodes.count && openNodes[id.index] }

  /// Creates, replaces or (nil) deletes a Node object.
  /// - Returns: nil if it is as before.
  mutating func write(_ node: Node?, as id: NodeID) -> Revision? {
    while nodes.count <= id.index { nodes.append(nil) }
    let before = nodes[id.index]
    guard node != before else { return nil }
    let revision = nextRevision()
    if before?.ready != node?.ready || before?.zone != node?.zone || (before == nil) != (node == nil) {
      topologyGeneration += 1
    }
    if let before { (nodeIndex[before.metadata.name], nodesByName[before.metadata.name]) = (nil, nil) }
    nodes[id.index] = node
    while openNodes.count < nodes.count { openNodes.append(false) }
    openNodes[id.index] = node.map(PodScheduler.isOpen) ?? false
    if let node, node.taints.contains(where: { $0.hasSuffix(":PreferNoSchedule") }) {
      hasPreferNoSchedule = true
    }
    if let node {
      nodes[id.index]!.metadata.resourceVersion = revision
      nodeIndex[node.metadata.name] = id
      nodesByName[node.metadata.name] = nodes[id.index]!
    }
    return revision
  }

  mutating func addNamespace(_ name: String) { namespaces.append(name) }

  /// Everything there is, each kind in order of namespace and name.
  func allServices() -> [Service] { services.compactMap { $0 }.sorted { $0.metadata < $1.metadata } }
  func allSlices() -> [EndpointSlice] { slicesOfService.flatMap { $0 }.sorted { $0.metadata < $1.metadata } }
  func allPods() -> [Pod] { pods.compactMap { $0 }.sorted { $0.metadata < $1.metadata } }
  func allNodes() -> [Node] { nodes.compactMap { $0 }.sorted { $0.metadata < $1.metadata } }
}

extension ObjectMeta {
  /// Order of `kubectl get -A`.
  static func < (a: ObjectMeta, b: ObjectMeta) -> Bool { (a.namespace, a.name) < (b.namespace, b.name) }
}
