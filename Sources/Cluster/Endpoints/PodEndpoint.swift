// SPDX-License-Identifier: GPL-3.0-or-later
//
// One pod seen as an endpoint of one Service: whether it counts, with which conditions and ports. Sources:
// FACTS B; k/k staging `endpointslice/utils.go`. What becomes of the endpoints, slices or an Endpoints
// object, is decided elsewhere.

import NetworkTypes

enum PodEndpoint {
  /// Pods that have an address and still run. Terminating ones are endpoints of slices, but of an Endpoints
  /// object only with `publishNotReadyAddresses`.
  static func counts(_ pod: Pod, includingTerminating: Bool) -> Bool {
    pod.status.podIP != nil && pod.status.phase != .succeeded && pod.status.phase != .failed
      && (includingTerminating || pod.metadata.deletionTimestamp == nil)
  }

  /// `serving` is readiness, `terminating` the deletion timestamp, `ready` both, unless the Service publishes
  /// unready addresses (FACTS B).
  static func endpoint(_ pod: Pod, id: PodID, node: Node?, service: Service) -> Endpoint {
    var endpoint = Endpoint(addresses: pod.status.podIP.map { [$0.description] } ?? [])
    let isTerminating = pod.metadata.deletionTimestamp != nil
    endpoint.serving = pod.status.isReady
    endpoint.terminating = isTerminating
    endpoint.ready = service.spec.publishNotReadyAddresses || (pod.status.isReady && !isTerminating)
    endpoint.nodeName = pod.spec.nodeName
    endpoint.zone = node?.zone
    endpoint.hostname = hostname(pod, service: service)
    endpoint.targetPod = pod.metadata.namespacedName
    endpoint.targetUID = pod.metadata.uid
    endpoint.pod = id
    return endpoint
  }

  /// A DNS name of its own goes to a pod whose subdomain is the Service's name.
  static func hostname(_ pod: Pod, service: Service) -> String? {
    guard let hostname = pod.spec.hostname, !hostname.isEmpty,
      pod.spec.subdomain == service.metadata.name
    else { return nil }
    return hostname
  }

  /// The Service's ports as this pod has them; a named target port that the pod lacks is left out. In the
  /// Service's order.
  static func ports(_ pod: Pod, service: Service) -> [EndpointPort] {
    service.spec.ports.compactMap { servicePort in
      guard let number = targetPort(servicePort, of: pod) else { return nil }
      var port = EndpointPort(
        name: servicePort.name, port: number, protocol: servicePort.protocol ?? "TCP")
      port.appProtocol = servicePort.appProtocol
      return port
    }
  }

  private static func targetPort(_ port: ServicePort, of pod: Pod) -> Int? {
    switch port.targetPort ?? .int(port.port) {
    case .int(let number): return number
    case .string(let name):
      for container in pod.spec.containers {
        let match = container.ports.first {
          $0.name == name && $0.protocol == (port.protocol ?? "TCP")
        }
        if let match { return match.containerPort }
      }
      return nil
    }
  }
}
