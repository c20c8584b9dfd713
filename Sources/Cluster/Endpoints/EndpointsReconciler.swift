// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Endpoints controller's decision: the (deprecated) Endpoints object of a Service with a selector, which
// `get endpoints` shows. Proxies do not read it. Sources: golden/cluster/objects/endpoints.yaml; KEP-752 for
// the limit; k/k `pkg/api/v1/endpoints/util.go` for the packing into subsets.

public enum EndpointsReconciler {
  /// Addresses in one object at most; more are cut (FACTS B).
  public static let addressesMax = 1000
  static let managedByLabel = "endpoints.kubernetes.io/managed-by"
  /// golden/cluster/objects/endpoints.yaml
  static let controllerName = "endpoint-controller"

  /// - Parameters:
  ///   - pods: the namespace's pods; those that the selector does not match are ignored.
  ///   - existing: the object now in the API, whose identity is kept.
  /// - Returns: nil for Services that the controller leaves alone.
  public static func reconcile(service: Service, pods: [Pod], existing: Endpoints?) -> Endpoints? {
    guard EndpointSliceReconciler.manages(service) else { return nil }
    let namespacedName = service.metadata.namespacedName
    var endpoints =
      existing
      ?? Endpoints(metadata: ObjectMeta(name: namespacedName.name, namespace: namespacedName.namespace))
    endpoints.subsets = subsets(service: service, pods: pods)
    var labels = service.metadata.labels
    labels[managedByLabel] = controllerName
    labels[EndpointSlice.headlessLabel] = service.isHeadless ? "" : nil
    labels.sort { $0.key < $1.key }
    endpoints.metadata.labels = labels
    let isCut = truncate(&endpoints.subsets)
    endpoints.metadata.annotations["endpoints.kubernetes.io/over-capacity"] = isCut ? "truncated" : nil
    return endpoints
  }

  /// Addresses with the same ports are one subset, sorted as text; ports are sorted by name.
  private static func subsets(service: Service, pods: [Pod]) -> [EndpointSubset] {
    let selector = LabelSelector(service.spec.selector ?? [:])
    let includesTerminating = service.spec.publishNotReadyAddresses
    var subsets: [EndpointSubset] = []
    for pod in pods
    where pod.metadata.namespace == service.metadata.namespace && selector.matches(pod.metadata.labels)
      && PodEndpoint.counts(pod, includingTerminating: includesTerminating)
    {
      let ports = PodEndpoint.ports(pod, service: service).sorted { $0.name < $1.name }
      if ports.isEmpty, !service.spec.ports.isEmpty { continue }
      let index = subsets.firstIndex { $0.ports == ports } ?? subsets.count
      if index == subsets.count { subsets.append(EndpointSubset(addresses: [], ports: ports)) }
      let address = address(of: pod, service: service)
      if service.spec.publishNotReadyAddresses || pod.status.isReady {
        subsets[index].addresses.append(address)
      } else {
        subsets[index].notReadyAddresses.append(address)
      }
    }
    for index in subsets.indices {
      subsets[index].addresses.sort { ($0.ip, $0.targetUID) < ($1.ip, $1.targetUID) }
      subsets[index].notReadyAddresses.sort { ($0.ip, $0.targetUID) < ($1.ip, $1.targetUID) }
    }
    return subsets
  }

  private static func address(of pod: Pod, service: Service) -> EndpointAddress {
    var address = EndpointAddress(ip: pod.status.podIP?.description ?? "")
    address.hostname = PodEndpoint.hostname(pod, service: service)
    address.nodeName = pod.spec.nodeName
    address.targetPod = pod.metadata.namespacedName
    address.targetUID = pod.metadata.uid
    return address
  }

  /// Ready addresses first, subset by subset. (The real controller cuts subsets in proportion.)
  private static func truncate(_ subsets: inout [EndpointSubset]) -> Bool {
    var room = addressesMax
    var isCut = false
    func cut(_ list: inout [EndpointAddress]) {
      if list.count > room {
        list.removeLast(list.count - room)
        isCut = true
      }
      room -= list.count
    }
    for index in subsets.indices { cut(&subsets[index].addresses) }
    for index in subsets.indices { cut(&subsets[index].notReadyAddresses) }
    subsets.removeAll { $0.addresses.isEmpty && $0.notReadyAddresses.isEmpty }
    return isCut
  }
}
