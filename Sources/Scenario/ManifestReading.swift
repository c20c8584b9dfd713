// SPDX-License-Identifier: GPL-3.0-or-later
//
// The seam between the scenario format and the reader of Kubernetes' own formats.

import Cluster
import NetworkTypes
import OrderedCollections

/// What one Kubernetes document, or all of a scenario's, holds for the model.
public struct ManifestContents: Sendable {
  /// In the order of the text; the items of a List one by one.
  public var objects: [APIObject] = []
  /// Kinds that change nothing in the model, with their numbers.
  public var ignored: OrderedDictionary<String, Int> = [:]
  /// What would change the answer but is not modelled, by the name with which a scenario can accept it:
  /// `NetworkPolicy`, `IPv6`.
  public var unmodelled: [(kind: String, position: SourcePosition)] = []
  /// Of a KubeProxyConfiguration, plain or inside the kube-proxy ConfigMap.
  public var kubeProxyConfiguration: ProxySettings?
  /// Of a kind Cluster config.
  public var kindNodes: [NodeSettings]?
  /// `networking.podSubnet`, `serviceSubnet` and `kubeProxyMode` of a kind Cluster config.
  public var kindPodCIDR: IPv4CIDR?
  public var kindServiceCIDR: IPv4CIDR?
  public var kindProxyMode: ProxyMode?
  /// Kubernetes 1.x of the first node's image, and `--service-node-port-range` in a kubeadm patch.
  public var kindMinorVersion: Int?
  public var kindPatchVersion: Int?
  public var kindNodePortRange: ClosedRange<Int>?

  public init() {}

  /// Adds a later document's contents; of settings that both have, the later ones hold.
  public mutating func append(_ other: ManifestContents) {
    objects += other.objects
    ignored.merge(other.ignored, uniquingKeysWith: +)
    unmodelled += other.unmodelled
    kubeProxyConfiguration = other.kubeProxyConfiguration ?? kubeProxyConfiguration
    kindNodes = other.kindNodes ?? kindNodes
    kindPodCIDR = other.kindPodCIDR ?? kindPodCIDR
    kindServiceCIDR = other.kindServiceCIDR ?? kindServiceCIDR
    kindProxyMode = other.kindProxyMode ?? kindProxyMode
    kindMinorVersion = other.kindMinorVersion ?? kindMinorVersion
    kindPatchVersion = other.kindPatchVersion ?? kindPatchVersion
    kindNodePortRange = other.kindNodePortRange ?? kindNodePortRange
  }
}

/// Reads documents in Kubernetes' own formats: API objects, Lists, KubeProxyConfiguration, kind's Cluster.
public protocol ManifestReading: Sendable {
  /// Mistakes go to `diagnostics`, with paths from the document's root; what is right is returned.
  func objects(in document: DocumentNode, diagnostics: inout [Diagnostic]) -> ManifestContents
}
