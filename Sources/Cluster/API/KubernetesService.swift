// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Service `default/kubernetes`, which the API server makes for itself, with its hand-made Endpoints and
// slice. As in golden/cluster/objects.

import NetworkTypes

/// What the API server publishes about itself.
public enum KubernetesService {
  /// Port on which a kubeadm API server listens.
  public static let apiServerPort = 6443

  /// - Parameter serviceCIDR: its first address becomes the cluster IP.
  public static func service(serviceCIDR: IPv4CIDR) -> Service {
    let labels: Labels = ["component": "apiserver", "provider": "kubernetes"]
    var spec = ServiceSpec()
    spec.type = ServiceType.clusterIP.rawValue
    spec.clusterIP = serviceCIDR.address(at: 1).description
    spec.clusterIPs = [serviceCIDR.address(at: 1).description]
    spec.internalTrafficPolicy = "Cluster"
    spec.ipFamilies = ["IPv4"]
    spec.ipFamilyPolicy = "SingleStack"
    spec.sessionAffinity = "None"
    var port = ServicePort()
    port.name = "https"
    port.port = 443
    port.protocol = "TCP"
    port.targetPort = .int(apiServerPort)
    spec.ports = [port]
    return Service(metadata: ObjectMeta(name: "kubernetes", labels: labels), spec: spec)
  }

  /// - Parameter apiServers: addresses of the control plane nodes.
  public static func slice(apiServers: [IPv4Address]) -> EndpointSlice {
    var metadata = ObjectMeta(name: "kubernetes", labels: [EndpointSlice.serviceNameLabel: "kubernetes"])
    metadata.generation = 1
    let endpoints = apiServers.sorted().map { address in
      var endpoint = Endpoint(addresses: [address.description])
      endpoint.ready = true
      return endpoint
    }
    return EndpointSlice(
      metadata: metadata, endpoints: endpoints, ports: [EndpointPort(name: "https", port: apiServerPort)])
  }

  public static func endpoints(apiServers: [IPv4Address]) -> Endpoints {
    let metadata = ObjectMeta(name: "kubernetes", labels: [EndpointsMirroring.skipLabel: "true"])
    let addresses = apiServers.sorted().map { EndpointAddress(ip: $0.description) }
    return Endpoints(
      metadata: metadata,
      subsets: [
        EndpointSubset(addresses: addresses, ports: [EndpointPort(name: "https", port: apiServerPort)])
      ])
  }
}
