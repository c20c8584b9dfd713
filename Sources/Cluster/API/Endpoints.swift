// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel

/// discovery.k8s.io/v1 EndpointSlice, addressType IPv4.
public struct EndpointSlice: Sendable, Equatable {
  public var metadata: ObjectMeta
  public var addressType: String
  public var endpoints: [Endpoint]
  public var ports: [EndpointPort]
  /// Annotation `endpoints.kubernetes.io/last-change-trigger-time`; nil: it is not there.
  public var triggerTime: SimTime?

  public init(
    metadata: ObjectMeta, addressType: String = "IPv4", endpoints: [Endpoint] = [], ports: [EndpointPort] = []
  ) {
    self.metadata = metadata
    self.addressType = addressType
    self.endpoints = endpoints
    self.ports = ports
  }

  /// Label that ties a slice to its Service.
  public static let serviceNameLabel = "kubernetes.io/service-name"
  public static let managedByLabel = "endpointslice.kubernetes.io/managed-by"
  /// Value of `managedByLabel` on slices made from pods (golden/cases).
  public static let controllerName = "endpointslice-controller.k8s.io"
  /// Value of `managedByLabel` on slices copied from Endpoints (golden/cases/22-endpoints-mirror).
  public static let mirroringControllerName = "endpointslicemirroring-controller.k8s.io"
  /// Set, with an empty value, on slices and Endpoints of headless Services (golden/cases/14-headless).
  public static let headlessLabel = "service.kubernetes.io/headless"
  public var serviceName: NamespacedName? {
    metadata.labels[Self.serviceNameLabel].map { NamespacedName(namespace: metadata.namespace, name: $0) }
  }
}

public struct Endpoint: Sendable, Equatable {
  /// One or more addresses, as text in a manifest; kube-proxy uses the first only.
  public var addresses: [String]
  /// nil = unknown, which consumers take as ready (API documentation of EndpointConditions).
  public var ready: Bool?
  /// nil = same as ready.
  public var serving: Bool?
  public var terminating: Bool?
  /// Set for a pod with `hostname` and `subdomain` equal to the Service's name (DNS name of its own).
  public var hostname: String?
  public var nodeName: String?
  public var zone: String?
  /// nil = no hints.
  public var zoneHints: [String]?
  public var nodeHints: [String]?
  /// Namespace and name of the pod behind the endpoint, if one is.
  public var targetPod: NamespacedName?
  /// `targetRef.uid`, shown by `-o yaml` only.
  public var targetUID = ""
  /// Pod incarnation behind the endpoint, inside a run.
  public var pod: PodID?

  public init(addresses: [String]) { self.addresses = addresses }

  public var isReady: Bool { ready ?? true }
  public var isServing: Bool { serving ?? isReady }
  public var isTerminating: Bool { terminating ?? false }
}

public struct EndpointPort: Sendable, Equatable {
  public var name: String
  /// nil = all ports.
  public var port: Int?
  public var `protocol`: String
  public var appProtocol: String?
  public init(name: String = "", port: Int?, protocol: String = "TCP") {
    self.name = name
    self.port = port
    self.protocol = `protocol`
  }
}

/// v1 Endpoints (deprecated since 1.33, still written by hand for selector-less Services).
public struct Endpoints: Sendable, Equatable {
  public var metadata: ObjectMeta
  public var subsets: [EndpointSubset]
  public init(metadata: ObjectMeta, subsets: [EndpointSubset] = []) {
    self.metadata = metadata
    self.subsets = subsets
  }
}

public struct EndpointSubset: Sendable, Equatable {
  public var addresses: [EndpointAddress]
  public var notReadyAddresses: [EndpointAddress]
  public var ports: [EndpointPort]
  public init(addresses: [EndpointAddress], notReadyAddresses: [EndpointAddress] = [], ports: [EndpointPort])
  {
    self.addresses = addresses
    self.notReadyAddresses = notReadyAddresses
    self.ports = ports
  }
}

public struct EndpointAddress: Sendable, Equatable {
  public var ip: String
  public var hostname: String?
  public var nodeName: String?
  public var targetPod: NamespacedName?
  /// `targetRef.uid`, shown by `-o yaml` only.
  public var targetUID = ""
  public init(ip: String) { self.ip = ip }
}
