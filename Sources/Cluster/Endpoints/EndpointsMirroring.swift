// SPDX-License-Identifier: GPL-3.0-or-later
//
// The mirroring controller's decision: Endpoints written by hand for a Service without selector become
// slices, because proxies read slices only (KEP-752; FACTS B; golden/cases/22-endpoints-mirror).

public enum EndpointsMirroring {
  static let skipLabel = "endpointslice.kubernetes.io/skip-mirror"

  /// True if these Endpoints of this Service are to be copied into slices.
  public static func mirrors(_ endpoints: Endpoints, service: Service?) -> Bool {
    guard let service, service.serviceType != .externalName else { return false }
    return (service.spec.selector ?? [:]).isEmpty && endpoints.metadata.labels[skipLabel] != "true"
      && endpoints.metadata.annotations["control-plane.alpha.kubernetes.io/leader"] == nil
  }

  /// All slices of the Service afterwards. Mirrored slices are matched by their ports, so that a slice keeps
  /// its name while addresses change; slices of other writers are returned as they are.
  ///
  /// - Parameters:
  ///   - endpoints: nil if there are none (any more).
  ///   - existing: slices of this Service now in the API.
  ///   - addressesMax: `--mirroring-max-endpoints-per-subset`, 1000 by default: addresses of a subset beyond
  ///     it are not mirrored (FACTS B).
  public static func reconcile(
    endpoints: Endpoints?, service: Service?, existing: [EndpointSlice], addressesMax: Int = 1000
  ) -> [EndpointSlice] {
    let foreign = existing.filter { !isMirrored($0) }
    guard let endpoints, mirrors(endpoints, service: service) else { return foreign }
    var old = existing.filter { isMirrored($0) }
    var names = Set(existing.map(\.metadata.name))
    var result = foreign
    for subset in endpoints.subsets {
      let wanted = Array(mirrored(subset).prefix(addressesMax))
      if wanted.isEmpty { continue }
      var slice: EndpointSlice
      if let index = old.firstIndex(where: { $0.ports == subset.ports }) {
        slice = old.remove(at: index)
        slice.endpoints = wanted
      } else {
        slice = newSlice(endpoints, ports: subset.ports, endpoints: wanted, names: &names)
      }
      slice.metadata.labels = labels(endpoints)
      slice.metadata.annotations = annotations(endpoints)
      result.append(slice)
    }
    return result
  }

  private static func isMirrored(_ slice: EndpointSlice) -> Bool {
    slice.metadata.labels[EndpointSlice.managedByLabel] == EndpointSlice.mirroringControllerName
  }

  /// IPv4 addresses, ready ones first; only `ready` is set.
  private static func mirrored(_ subset: EndpointSubset) -> [Endpoint] {
    let all = subset.addresses.map { ($0, true) } + subset.notReadyAddresses.map { ($0, false) }
    return all.filter { !FieldRules.looksLikeIPv6($0.0.ip) }.map { address, isReady in
      var endpoint = Endpoint(addresses: [address.ip])
      endpoint.ready = isReady
      endpoint.hostname = address.hostname
      endpoint.nodeName = address.nodeName
      endpoint.targetPod = address.targetPod
      endpoint.targetUID = address.targetUID
      return endpoint
    }
  }

  private static func newSlice(
    _ endpoints: Endpoints, ports: [EndpointPort], endpoints content: [Endpoint], names: inout Set<String>
  ) -> EndpointSlice {
    let owner = endpoints.metadata
    let prefix = owner.name + "-"
    let name = GeneratedName.make(prefix: prefix, namespace: owner.namespace, taken: names)
    names.insert(name)
    var metadata = ObjectMeta(name: name, namespace: owner.namespace, generateName: prefix)
    metadata.generation = 1
    metadata.controller = OwnerReference(
      apiVersion: "v1", kind: "Endpoints", name: owner.name, uid: owner.uid)
    return EndpointSlice(metadata: metadata, endpoints: content, ports: ports)
  }

  private static func labels(_ endpoints: Endpoints) -> Labels {
    var labels = endpoints.metadata.labels
    labels[EndpointSlice.serviceNameLabel] = endpoints.metadata.name
    labels[EndpointSlice.managedByLabel] = EndpointSlice.mirroringControllerName
    labels.sort { $0.key < $1.key }
    return labels
  }

  /// All but what kubectl and the Endpoints' own writer left there.
  private static func annotations(_ endpoints: Endpoints) -> Labels {
    endpoints.metadata.annotations.filter {
      $0.key != "kubectl.kubernetes.io/last-applied-configuration"
        && $0.key != "endpoints.kubernetes.io/last-change-trigger-time"
    }
  }
}
