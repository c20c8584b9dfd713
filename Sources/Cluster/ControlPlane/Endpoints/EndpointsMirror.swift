// SPDX-License-Identifier: GPL-3.0-or-later
//
// EndpointSlices for Endpoints objects that somebody wrote by hand, as the mirroring controller makes them:
// one slice per subset, ready said and nothing else (KEP-752; golden case 22-endpoints-mirror).

import SimKernel

enum EndpointsMirror {
  /// `endpointslice.kubernetes.io/managed-by` of mirrored slices.
  static let managedBy = "endpointslicemirroring-controller.k8s.io"
  static let skipLabel = "endpointslice.kubernetes.io/skip-mirror"
  /// Addresses of one subset beyond this number are not mirrored (KEP-752).
  static let subsetLimit = 1000

  static func isMirrored(_ slice: EndpointSlice) -> Bool {
    slice.metadata.labels[EndpointSlice.managedByLabel] == managedBy
  }

  /// The slices that mirror `endpoints`. `existing` ones are kept as they are where nothing changed.
  static func slices(of endpoints: Endpoints, existing: [EndpointSlice], now: SimTime) -> [EndpointSlice] {
    if endpoints.metadata.labels[skipLabel] == "true" { return [] }
    return endpoints.subsets.indices.map { index in
      let name = endpoints.metadata.name
      let seed = "mirror/\(endpoints.metadata.namespacedName)/\(index)"
      var meta = ObjectMeta(
        name: "\(name)-\(StableHash.suffix(seed, length: 5))", namespace: endpoints.metadata.namespace,
        creationTimestamp: now)
      meta.labels = endpoints.metadata.labels
      meta.labels[EndpointSlice.managedByLabel] = managedBy
      meta.labels[EndpointSlice.serviceNameLabel] = name
      meta.generateName = name + "-"
      let subset = endpoints.subsets[index]
      var slice = EndpointSlice(metadata: meta, ports: subset.ports)
      slice.endpoints = mirrored(subset)
      if let before = existing.first(where: { $0.metadata.name == meta.name }) { keep(before, &slice) }
      return slice
    }
  }

  /// Identity and revision stay those of the slice that is there.
  private static func keep(_ before: EndpointSlice, _ slice: inout EndpointSlice) {
    slice.metadata.creationTimestamp = before.metadata.creationTimestamp
    slice.metadata.resourceVersion = before.metadata.resourceVersion
    slice.metadata.uid = before.metadata.uid
  }

  private static func mirrored(_ subset: EndpointSubset) -> [Endpoint] {
    let ready = subset.addresses.map { (address: $0, ready: true) }
    let notReady = subset.notReadyAddresses.map { (address: $0, ready: false) }
    return (ready + notReady).prefix(subsetLimit).map { entry in
      var endpoint = Endpoint(addresses: [entry.address.ip])
      endpoint.ready = entry.ready
      endpoint.nodeName = entry.address.nodeName
      endpoint.targetPod = entry.address.targetPod
      return endpoint
    }
  }
}
