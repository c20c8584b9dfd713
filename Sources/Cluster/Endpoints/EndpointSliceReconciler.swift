// SPDX-License-Identifier: GPL-3.0-or-later
//
// The EndpointSlice controller's decision: which slices a Service with a selector must have, given the pods
// (FACTS B; k/k `pkg/controller/endpointslice`, staging `endpointslice/reconciler.go`). When it runs, and the
// writing of what it returns, is the controller's business.

import NetworkTypes
import SimKernel

/// Slices of Services with a selector.
public enum EndpointSliceReconciler {
  /// True for Services whose slices the controller owns: those with a selector, but no ExternalName
  /// (FACTS B).
  public static func manages(_ service: Service) -> Bool {
    service.spec.selector.map { !$0.isEmpty } == true && service.serviceType != .externalName
  }

  /// - Parameters:
  ///   - pods: the namespace's pods as the API has them, with their incarnation, ordered by name. Pods that
  ///     the selector does not match are ignored.
  ///   - nodes: Node objects by name. A pod on a node that is not there is left out, unless the Service
  ///     publishes unready addresses.
  ///   - existing: slices of this Service now in the API; those of other writers are returned as they are.
  ///   - endpointsPerSlice: `--max-endpoints-per-slice`, 100 by default (FACTS B).
  /// - Returns: all slices that the Service has afterwards: existing ones in their order, then new ones. A
  ///   slice that is not among them is to be deleted, one that differs to be written. New slices have a name,
  ///   and no uid, revision or timestamp. A Service without endpoints has one slice without endpoints and
  ///   ports.
  public static func reconcile(
    service: Service, pods: [(pod: Pod, id: PodID)], nodes: [String: Node], existing: [EndpointSlice],
    endpointsPerSlice: Int = 100
  ) -> [EndpointSlice] {
    guard manages(service) else { return existing }
    let groups = groupByPorts(service: service, pods: pods, nodes: nodes)
    var rest = existing.filter { isOwn($0) }
    let foreign = existing.filter { !isOwn($0) }
    var names = Set(existing.map(\.metadata.name))
    var kept: [EndpointSlice] = []
    var created: [EndpointSlice] = []
    for group in groups {
      let key = portKey(group.ports)
      let filler = SliceFiller(
        existing: rest.filter { portKey($0.ports) == key }, desired: group.endpoints,
        max: endpointsPerSlice)
      rest.removeAll { portKey($0.ports) == key }
      kept += filler.kept
      for endpoints in filler.created {
        created.append(newSlice(service: service, ports: group.ports, endpoints: endpoints, names: &names))
      }
    }
    if kept.isEmpty, created.isEmpty {
      // The controller keeps one empty slice, so that "no endpoints" is written down.
      if let empty = rest.first(where: { $0.ports.isEmpty && $0.endpoints.isEmpty }) {
        kept = [empty]
      } else {
        created = [newSlice(service: service, ports: [], endpoints: [], names: &names)]
      }
    }
    let byName = Dictionary(uniqueKeysWithValues: kept.map { ($0.metadata.name, $0) })
    let inOrder = existing.compactMap { byName[$0.metadata.name] }.map { labelled($0, service: service) }
    return foreign + inOrder + created
  }

  private struct Group {
    var ports: [EndpointPort]
    var endpoints: [Endpoint]
  }

  /// Pods with the same resolved ports share slices; in the order of the first pod of each group.
  private static func groupByPorts(
    service: Service, pods: [(pod: Pod, id: PodID)], nodes: [String: Node]
  ) -> [Group] {
    let selector = LabelSelector(service.spec.selector ?? [:])
    var groups: [Group] = []
    var indexByKey: [String: Int] = [:]
    for (pod, id) in pods
    where pod.metadata.namespace == service.metadata.namespace && selector.matches(pod.metadata.labels)
      && PodEndpoint.counts(pod, includingTerminating: true)
    {
      let node = pod.spec.nodeName.flatMap { nodes[$0] }
      if node == nil, !service.spec.publishNotReadyAddresses { continue }
      var endpoint = PodEndpoint.endpoint(pod, id: id, node: node, service: service)
      // The annotation goes before the field (k/k staging endpointslice/reconciler.go).
      if !service.asksForZoneHints {
        TopologyHints.apply(service.spec.trafficDistribution, to: &endpoint)
      }
      let ports = PodEndpoint.ports(pod, service: service)
      let key = portKey(ports)
      if let index = indexByKey[key] {
        groups[index].endpoints.append(endpoint)
      } else {
        indexByKey[key] = groups.count
        groups.append(Group(ports: ports, endpoints: [endpoint]))
      }
    }
    return groups
  }

  /// Equal for equal sets of ports, whatever their order.
  private static func portKey(_ ports: [EndpointPort]) -> String {
    ports.map { "\($0.name)|\($0.port.map(String.init) ?? "*")|\($0.protocol)|\($0.appProtocol ?? "")" }
      .sorted().joined(separator: ",")
  }

  private static func isOwn(_ slice: EndpointSlice) -> Bool {
    slice.metadata.labels[EndpointSlice.managedByLabel] == EndpointSlice.controllerName
      && slice.addressType == "IPv4"
  }

  private static func newSlice(
    service: Service, ports: [EndpointPort], endpoints: [Endpoint], names: inout Set<String>
  ) -> EndpointSlice {
    let prefix = service.metadata.name + "-"
    let namespace = service.metadata.namespace
    let name = GeneratedName.make(prefix: prefix, namespace: namespace, taken: names)
    names.insert(name)
    var metadata = ObjectMeta(name: name, namespace: namespace, generateName: prefix)
    metadata.generation = 1
    metadata.controller = OwnerReference(
      apiVersion: "v1", kind: "Service", name: service.metadata.name, uid: service.metadata.uid)
    let slice = EndpointSlice(metadata: metadata, endpoints: endpoints, ports: ports)
    return labelled(slice, service: service)
  }

  /// The Service's labels and the controller's own, sorted by key as every API writer sorts them.
  private static func labelled(_ slice: EndpointSlice, service: Service) -> EndpointSlice {
    var labels = service.metadata.labels
    labels[EndpointSlice.serviceNameLabel] = service.metadata.name
    labels[EndpointSlice.managedByLabel] = EndpointSlice.controllerName
    labels[EndpointSlice.headlessLabel] = service.isHeadless ? "" : nil
    labels.sort { $0.key < $1.key }
    var slice = slice
    slice.metadata.labels = labels
    return slice
  }
}
