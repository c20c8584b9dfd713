// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Endpoints object that the older controller keeps beside the slices of a Service with a selector: one
// subset per set of ports, addresses in order, at most 1000 (FACTS B), none that terminate unless the Service
// publishes addresses that are not ready (k/k pkg/controller/endpoint).

import NetworkTypes
import SimKernel

enum EndpointsView {
  static let addressLimit = 1000
  static let managedByLabel = "endpoints.kubernetes.io/managed-by"

  static func endpoints(of service: Service, slices: [EndpointSlice]) -> Endpoints {
    var meta = ObjectMeta(
      name: service.metadata.name, namespace: service.metadata.namespace, labels: service.metadata.labels,
      creationTimestamp: service.metadata.creationTimestamp)
    meta.labels[managedByLabel] = "endpoint-controller"
    meta.resourceVersion = slices.map(\.metadata.resourceVersion).max() ?? service.metadata.resourceVersion
    var subsets: [EndpointSubset] = []
    for slice in slices {
      let place = subsets.firstIndex { $0.ports == slice.ports } ?? subsets.count
      if place == subsets.count { subsets.append(EndpointSubset(addresses: [], ports: slice.ports)) }
      for endpoint in slice.endpoints { add(endpoint, of: service, to: &subsets[place]) }
    }
    for place in subsets.indices {
      subsets[place].addresses = ordered(subsets[place].addresses)
      subsets[place].notReadyAddresses = ordered(subsets[place].notReadyAddresses)
    }
    return Endpoints(
      metadata: meta, subsets: subsets.filter { !$0.addresses.isEmpty || !$0.notReadyAddresses.isEmpty })
  }

  private static func add(_ endpoint: Endpoint, of service: Service, to subset: inout EndpointSubset) {
    guard let ip = endpoint.addresses.first else { return }
    let publishesAll = service.spec.publishNotReadyAddresses
    if endpoint.isTerminating && !publishesAll { return }
    var address = EndpointAddress(ip: ip)
    address.nodeName = endpoint.nodeName
    address.targetPod = endpoint.targetPod
    if endpoint.isReady || publishesAll {
      subset.addresses.append(address)
    } else {
      subset.notReadyAddresses.append(address)
    }
  }

  private static func ordered(_ addresses: [EndpointAddress]) -> [EndpointAddress] {
    let sorted = addresses.sorted { a, b in
      (IPv4Address(a.ip) ?? .unspecified, a.ip) < (IPv4Address(b.ip) ?? .unspecified, b.ip)
    }
    return Array(sorted.prefix(addressLimit))
  }
}
