// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether the objects of a dump fit together. What a dump leaves out although something in it names it (a
// node, a pod) is reconstructed where the objects that name it say enough for the same tables, and named;
// what no cluster can have is refused.

import Cluster
import NetworkTypes
import OrderedCollections

/// Goes through the objects of one import and completes them.
struct ReferenceCheck {
  private(set) var items: [ImportedItem]
  /// Nodes of a kind configuration.
  let configuredNodes: [NodeSettings]
  private(set) var remarks: [ImportRemark] = []
  private(set) var diagnostics: [Diagnostic] = []

  /// Index in `items` by `Kind namespace/name`.
  private var places: [String: Int] = [:]
  private var reconstruction = Reconstruction()
  private let firstFile: String

  /// - Parameter file: the first of the input, to name where it has no object at all.
  init(items: [ImportedItem], configuredNodes: [NodeSettings], file: String) {
    self.items = []
    firstFile = file
    self.configuredNodes = configuredNodes
    takeOnce(items)
    dropLooseSlices()
    completePods()
    completeEndpoints()
    completeSlices()
    completeNodes()
    checkAddresses()
    checkPods()
    checkNodes()
    checkWorkloads()
  }

  private mutating func remark(_ text: String, at position: SourcePosition?) {
    remarks.append(ImportRemark(text, at: position))
  }

  private mutating func refuse(_ text: String, at position: SourcePosition) {
    diagnostics.append(Diagnostic(position: position, message: text))
  }

  /// Of objects that are given twice the later ones hold, as with `kubectl apply`.
  private mutating func takeOnce(_ all: [ImportedItem]) {
    for item in all {
      guard let place = places[item.words] else {
        places[item.words] = items.count
        items.append(item)
        continue
      }
      if items[place].object != item.object {
        remark(
          "\(item.words) is given twice and differs from \(items[place].position); this one holds",
          at: item.position)
      }
      items[place] = item
    }
  }

  // MARK: Views of the items

  private func service(_ name: NamespacedName) -> Service? {
    guard let place = places["Service \(name)"], case .service(let service) = items[place].object else {
      return nil
    }
    return service
  }

  private func pod(_ name: NamespacedName) -> Pod? {
    guard let place = places["Pod \(name)"], case .pod(let pod) = items[place].object else { return nil }
    return pod
  }

  private var slices: [(slice: EndpointSlice, position: SourcePosition)] {
    items.compactMap { item in
      if case .endpointSlice(let slice) = item.object { (slice, item.position) } else { nil }
    }
  }
  private var pods: [(pod: Pod, position: SourcePosition)] {
    items.compactMap { item in if case .pod(let pod) = item.object { (pod, item.position) } else { nil } }
  }
  private var nodes: [(node: Node, position: SourcePosition)] {
    items.compactMap { item in if case .node(let node) = item.object { (node, item.position) } else { nil } }
  }

  private mutating func add(_ item: ImportedItem) {
    places[item.words] = items.count
    items.append(item)
  }

  // MARK: Slices

  /// Slices that belong to no Service change no table; the real cluster's garbage collector removes them.
  private mutating func dropLooseSlices() {
    var kept: [ImportedItem] = []
    for item in items {
      if case .endpointSlice(let slice) = item.object {
        guard let name = slice.serviceName else {
          remark("\(item.words) has no label \(EndpointSlice.serviceNameLabel): left out", at: item.position)
          continue
        }
        guard service(name) != nil else {
          remark(
            "\(item.words) is of Service \(name), which is not in the input: left out", at: item.position)
          continue
        }
      }
      kept.append(item)
    }
    items = kept
    places = [:]
    for (index, item) in items.enumerated() { places[item.words] = index }
  }

  /// Pods that slices (or, without slices, Endpoints) of Services with a selector name.
  private mutating func completePods() {
    var withSlices: Set<NamespacedName> = []
    for (slice, position) in slices {
      guard let name = slice.serviceName, let service = service(name) else { continue }
      withSlices.insert(name)
      guard EndpointSliceReconciler.manages(service),
        slice.metadata.labels[EndpointSlice.managedByLabel] == EndpointSlice.controllerName
      else { continue }
      for endpoint in slice.endpoints {
        note(endpoint, ports: slice.ports, of: service, at: position)
      }
    }
    for item in items {
      guard case .endpoints(let endpoints) = item.object,
        let service = service(endpoints.metadata.namespacedName), EndpointSliceReconciler.manages(service),
        !withSlices.contains(endpoints.metadata.namespacedName)
      else { continue }
      for subset in endpoints.subsets { note(subset, of: service, at: item.position) }
    }
    tellOfServicesWithoutSlices(withSlices)
    let added = reconstruction.pods()
    diagnostics += reconstruction.diagnostics
    for item in added { add(item) }
    if let first = added.first {
      let names = added.prefix(3).map(\.object.placeName).joined(separator: ", ")
      remark(
        "\(added.count) \(added.count == 1 ? "pod" : "pods") (\(names)\(added.count > 3 ? ", …" : "")) "
          + "not in the input: made from the endpoints that name them, with the Services' selectors as labels",
        at: first.position)
    }
  }

  private mutating func note(
    _ endpoint: Endpoint, ports: [EndpointPort], of service: Service, at position: SourcePosition
  ) {
    guard let address = endpoint.addresses.first else { return }
    let name = endpoint.targetPod ?? Reconstruction.podName(address: address, service: service)
    if let pod = pod(name) {
      if let own = pod.status.podIP, "\(own)" != address {
        remark(
          "\(service.metadata.namespacedName): endpoint \(address) names Pod \(name), whose address is \(own)",
          at: position)
      }
      return
    }
    reconstruction.add(name, endpoint: endpoint, ports: ports, service: service, position: position)
  }

  private mutating func note(_ subset: EndpointSubset, of service: Service, at position: SourcePosition) {
    for (addresses, isReady) in [(subset.addresses, true), (subset.notReadyAddresses, false)] {
      for address in addresses {
        var endpoint = Endpoint(addresses: [address.ip])
        endpoint.ready = isReady
        endpoint.nodeName = address.nodeName
        endpoint.hostname = address.hostname
        endpoint.targetPod = address.targetPod
        endpoint.targetUID = address.targetUID
        note(endpoint, ports: subset.ports, of: service, at: position)
      }
    }
  }

  private mutating func tellOfServicesWithoutSlices(_ withSlices: Set<NamespacedName>) {
    guard !withSlices.isEmpty else { return }
    for item in items where item.isDumped {
      guard case .service(let service) = item.object, EndpointSliceReconciler.manages(service),
        !withSlices.contains(service.metadata.namespacedName)
      else { continue }
      remark(
        "\(item.words) has no EndpointSlice in the input: its endpoints are made from its pods",
        at: item.position)
    }
  }

  /// Endpoints objects behind mirrored slices: without them the mirroring controller would take the slices
  /// away.
  private mutating func completeEndpoints() {
    var missing: OrderedDictionary<NamespacedName, (slices: [EndpointSlice], position: SourcePosition)> = [:]
    for (slice, position) in slices {
      guard slice.metadata.labels[EndpointSlice.managedByLabel] == EndpointSlice.mirroringControllerName,
        let name = slice.serviceName, places["Endpoints \(name)"] == nil
      else { continue }
      missing[name, default: ([], position)].slices.append(slice)
    }
    for (name, found) in missing {
      guard let item = Reconstruction.endpoints(name, from: found.slices, at: found.position) else {
        continue
      }
      add(item)
      remark("Endpoints \(name) not in the input: made from its mirrored EndpointSlices", at: found.position)
    }
  }

  /// Slices of Endpoints that nobody mirrors because their writer, as the API server, writes slices too.
  private mutating func completeSlices() {
    let sliced = Set(slices.compactMap(\.slice.serviceName))
    for item in items {
      guard case .endpoints(let endpoints) = item.object, !endpoints.subsets.isEmpty,
        let service = service(endpoints.metadata.namespacedName),
        !sliced.contains(service.metadata.namespacedName),
        !EndpointSliceReconciler.manages(service), !EndpointsMirroring.mirrors(endpoints, service: service),
        let slice = Reconstruction.slice(of: endpoints, at: item.position)
      else { continue }
      add(slice)
      remark("\(slice.words) not in the input: made from the Endpoints of that name", at: item.position)
    }
  }

  // MARK: Nodes

  private mutating func completeNodes() {
    var known = Set(nodes.map(\.node.metadata.name))
    // The dump says which nodes there are; without Node objects the kind configuration does.
    if known.isEmpty { known.formUnion(configuredNodes.map(\.name)) }
    var zones: [String: String] = [:]
    for (slice, _) in slices {
      for endpoint in slice.endpoints {
        if let node = endpoint.nodeName, let zone = endpoint.zone { zones[node] = zones[node] ?? zone }
      }
    }
    var missing: OrderedDictionary<String, (pods: [Pod], position: SourcePosition)> = [:]
    for (pod, position) in pods where pod.status.phase != .succeeded && pod.status.phase != .failed {
      guard let name = pod.spec.nodeName, !known.contains(name) else { continue }
      missing[name, default: ([], position)].pods.append(pod)
    }
    let taken = nodes.compactMap(\.node.podCIDR) + configuredNodes.compactMap(\.podCIDR)
    for (name, found) in missing {
      let node = Reconstruction.node(
        name, pods: found.pods, zone: zones[name], taken: taken, at: found.position)
      guard let node else { continue }
      add(node.item)
      remark(
        "Node \(name) not in the input: made from "
          + (found.pods.count == 1 ? "the pod that names it" : "the \(found.pods.count) pods that name it")
          + (node.hasAddress ? "" : "; none says its address, so it gets a free one"), at: found.position)
    }
    if nodes.isEmpty, configuredNodes.isEmpty {
      let place = SourcePosition(file: items.first?.position.file ?? firstFile, line: 0, column: 0)
      refuse(
        "no node in the input: add a dump of the nodes (kubectl get nodes -o yaml) or a kind configuration",
        at: place)
    }
  }

  private mutating func checkNodes() {
    for (node, position) in nodes {
      if node.internalIPs.isEmpty {
        remark("Node \(node.metadata.name) has no InternalIP: it gets a free address", at: position)
      }
      if node.ready == .unknown {
        remark(
          "Node \(node.metadata.name) is Ready=Unknown: taken to be down since before the run", at: position)
      }
    }
    let dumped = Set(nodes.map(\.node.metadata.name))
    guard !dumped.isEmpty else { return }
    for node in configuredNodes where !dumped.contains(node.name) {
      remark("node \(node.name) of the kind configuration has no Node object: left out", at: nil)
    }
  }

  // MARK: Addresses

  /// Two pods cannot have one address at a time; nor can a pod have a node's unless it is on its network.
  private mutating func checkAddresses() {
    var owners: [IPv4Address: (words: String, position: SourcePosition)] = [:]
    for (node, position) in nodes {
      for address in node.internalIPs + node.externalIPs {
        owners[address] = ("Node \(node.metadata.name)", position)
      }
    }
    for (pod, position) in pods {
      guard let address = pod.status.podIP, !pod.spec.hostNetwork, pod.status.phase != .succeeded,
        pod.status.phase != .failed
      else { continue }
      let words = "Pod \(pod.metadata.namespacedName)"
      if let owner = owners[address] {
        refuse("\(words) has the address \(address) of \(owner.words), \(owner.position)", at: position)
      } else {
        owners[address] = (words, position)
      }
    }
  }

  private mutating func checkPods() {
    let blocks = Dictionary(nodes.map { ($0.node.metadata.name, $0.node.podCIDR) }) { first, _ in first }
    let hosts = Dictionary(nodes.map { ($0.node.metadata.name, $0.node.internalIPs) }) { first, _ in first }
    var outside: [(name: NamespacedName, position: SourcePosition)] = []
    for (pod, position) in pods {
      let name = pod.metadata.namespacedName
      let address = pod.status.podIP
      if pod.status.phase == .running, address == nil {
        remark("Pod \(name) runs without an address: its node starts it anew", at: position)
      }
      guard let address, let node = pod.spec.nodeName else { continue }
      if pod.spec.hostNetwork {
        if let own = hosts[node], !own.isEmpty, !own.contains(address) {
          remark(
            "Pod \(name) has its node's network and the address \(address), which Node \(node) does not have",
            at: position)
        }
      } else if let block = blocks[node] ?? nil, !block.contains(address) {
        outside.append((name, position))
      }
    }
    if let first = outside.first {
      remark(
        "\(outside.count) \(outside.count == 1 ? "pod has an address" : "pods have addresses") outside the "
          + "podCIDR of the node, the first is Pod \(first.name): kept; new pods get addresses of the podCIDR",
        at: first.position)
    }
  }

  // MARK: Workloads

  private mutating func checkWorkloads() {
    let dumpedNamespaces = Set(
      items.filter(\.isDumped).compactMap { item -> String? in
        if case .pod(let pod) = item.object { pod.metadata.namespace } else { nil }
      })
    var living: [String: [Labels]] = [:]
    for (pod, _) in pods
    where pod.metadata.deletionTimestamp == nil && pod.status.phase != .succeeded
      && pod.status.phase != .failed
    {
      living[pod.metadata.namespace, default: []].append(pod.metadata.labels)
    }
    for item in items {
      guard case .workload(let workload) = item.object, item.isDumped, workload.kind != .daemonSet,
        dumpedNamespaces.contains(workload.metadata.namespace), !isOwned(workload)
      else { continue }
      let count = (living[workload.metadata.namespace] ?? []).count { workload.selector.matches($0) }
      if count < workload.replicas {
        remark(
          "\(item.words) wants \(workload.replicas) replicas and has \(count) pods in the input: its controller makes the rest after t = 0",
          at: item.position)
      }
    }
  }

  /// A ReplicaSet is its Deployment's business.
  private func isOwned(_ workload: Workload) -> Bool {
    workload.kind == .replicaSet && workload.metadata.controller?.kind == "Deployment"
  }
}
