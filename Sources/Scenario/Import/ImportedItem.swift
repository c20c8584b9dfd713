// SPDX-License-Identifier: GPL-3.0-or-later
//
// One Kubernetes object of the input on its way into a scenario: what the model makes of it, where it stands,
// and the text that is written. And what the user is told beside the scenario.

import Cluster

/// An object that the scenario will hold.
struct ImportedItem {
  var object: APIObject
  /// The object in Kubernetes' own form with kind and version, as far as the model reads it.
  var document: DocumentNode
  /// Where it stands; for one that was reconstructed, where the object stands that names it.
  var position: SourcePosition
  /// The API server has given it a uid: a dump, not a manifest.
  var isDumped: Bool

  var kind: String { document["kind"]?.string ?? "" }
  /// `Service shop/web`, `Node worker`
  var words: String { "\(kind) \(object.placeName)" }
}

extension APIObject {
  var metadata: ObjectMeta {
    switch self {
    case .service(let object): object.metadata
    case .endpointSlice(let object): object.metadata
    case .endpoints(let object): object.metadata
    case .pod(let object): object.metadata
    case .workload(let object): object.metadata
    case .node(let object): object.metadata
    case .podDisruptionBudget(let object): object.metadata
    case .horizontalPodAutoscaler(let object): object.metadata
    case .namespace(let name): ObjectMeta(name: name, namespace: "")
    }
  }
  /// `namespace/name`, or the name alone for what has no namespace.
  var placeName: String { metadata.namespace.isEmpty ? metadata.name : "\(metadata.namespacedName)" }
}

/// Something that the user should know: what was left out, added or assumed.
public struct ImportRemark: Sendable, Equatable, CustomStringConvertible {
  /// nil: about the input as a whole.
  public var position: SourcePosition?
  public var text: String

  public init(_ text: String, at position: SourcePosition? = nil) {
    self.text = text
    self.position = position
  }

  public var description: String { (position.map { "\($0): " } ?? "") + text }
}

/// A setting of the scenario with where it comes from.
public struct ImportedSetting: Sendable, Equatable, CustomStringConvertible {
  /// Such as `cluster.serviceCIDR`.
  public var path: String
  public var value: String
  /// Such as `the clusterCIDR of kube-proxy.yaml`, or `assumed: …`.
  public var origin: String

  public var description: String { "\(path) \(value): \(origin)" }
}
