// SPDX-License-Identifier: GPL-3.0-or-later
//
// Documents in Kubernetes' own formats: which kind a document is, and who reads it. Kinds without meaning for
// Service networking are counted; kinds that would change the answer but are not modelled are named with
// their place. Whether an object may exist is admission's business (Cluster), not the reader's.

import Cluster
import NetworkTypes
import SimKernel

/// Reads API objects (also Lists and `kubectl get -o yaml` dumps), KubeProxyConfiguration and kind's Cluster.
public struct ManifestDecoder: ManifestReading {
  /// Unix time in seconds that counts as the start of the run, for `metadata.creationTimestamp` of dumps;
  /// nil: what a dump holds exists since the start of the run.
  public var epoch: Int64?

  public init(epoch: Int64? = nil) { self.epoch = epoch }

  /// Kinds that decide whether a packet arrives, and that the model does not have.
  private static let policies: Set<String> = [
    "NetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy",
    "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "GlobalNetworkPolicy",
  ]

  public func objects(in document: DocumentNode, diagnostics: inout [Diagnostic]) -> ManifestContents {
    var log = ReadingLog()
    if document.mapping == nil {
      log.wrong(document, .root, "expected a Kubernetes object")
    } else {
      read(ObjectFields(root: document, path: .root), impliedKind: nil, &log)
    }
    diagnostics += log.diagnostics
    return log.contents
  }

  /// - Parameter impliedKind: kind and version of the items of a typed list, which may leave them out.
  private func read(
    _ object: ObjectFields, impliedKind: (kind: String, version: String)?, _ log: inout ReadingLog
  ) {
    let kind = object.string("kind", &log) ?? impliedKind?.kind
    let version = object.string("apiVersion", &log) ?? impliedKind?.version
    guard let kind, !kind.isEmpty else {
      if object.value("kind") == nil { log.wrong(object.node, object.path, "kind not set") }
      return
    }
    guard let version, !version.isEmpty else {
      if object.value("apiVersion") == nil { log.wrong(object.node, object.path, "apiVersion not set") }
      return
    }
    if kind.hasSuffix("List"), object.node["items"] != nil {
      return readList(object, kind: kind, version: version, &log)
    }
    let group = version.contains("/") ? String(version.prefix { $0 != "/" }) : ""
    switch (group, kind) {
    case ("kubeproxy.config.k8s.io", "KubeProxyConfiguration"):
      log.contents.kubeProxyConfiguration = ProxyConfigurationReader.read(object, &log)
    case ("kind.x-k8s.io", "Cluster"): KindClusterReader.read(object, &log)
    case ("", "ConfigMap") where object.value("data")?["config.conf"] != nil: readConfigMap(object, &log)
    default:
      if Self.policies.contains(kind) {
        log.unmodelled(kind, object.node.position)
      } else if let expected = Self.versions[kind], Self.group(expected) == group {
        if expected == version {
          readModelled(kind, object, &log)
        } else if let value = object.value("apiVersion") {
          log.wrong(value, object.path.key("apiVersion"), "expected \(expected) for kind \(kind)")
        }
      } else {
        let name = Self.versions[kind] == nil ? kind : "\(kind).\(group)"
        log.contents.ignored[name, default: 0] += 1
      }
    }
  }

  /// The modelled kinds with the only version in which their group serves them.
  private static let versions: [String: String] = [
    "Service": "v1", "Endpoints": "v1", "Pod": "v1", "Node": "v1", "Namespace": "v1",
    "EndpointSlice": "discovery.k8s.io/v1", "Deployment": "apps/v1", "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
  ]
  private static func group(_ version: String) -> String {
    version.contains("/") ? String(version.prefix { $0 != "/" }) : ""
  }

  private func readModelled(_ kind: String, _ object: ObjectFields, _ log: inout ReadingLog) {
    let isNamespaced = kind != "Node" && kind != "Namespace"
    guard let metadata = MetadataReader(epoch: epoch).read(object, isNamespaced: isNamespaced, &log) else {
      return
    }
    let result: APIObject? =
      switch kind {
      case "Service": .service(ServiceReader.read(object, metadata, &log))
      case "Endpoints": .endpoints(EndpointsReader.read(object, metadata, &log))
      case "EndpointSlice": EndpointsReader.readSlice(object, metadata, &log).map { .endpointSlice($0) }
      case "Pod": .pod(PodReader.read(object, metadata, &log))
      case "Node": .node(NodeReader.read(object, metadata, &log))
      case "Namespace": .namespace(metadata.name)
      case "PodDisruptionBudget": .podDisruptionBudget(DisruptionReader.read(object, metadata, &log))
      case "HorizontalPodAutoscaler":
        AutoscalerReader.read(object, metadata, &log).map { .horizontalPodAutoscaler($0) }
      default:
        Workload.Kind(rawValue: kind).map { .workload(WorkloadReader.read($0, object, metadata, &log)) }
      }
    if let result { log.contents.objects.append(result) }
  }

  private func readList(_ list: ObjectFields, kind: String, version: String, _ log: inout ReadingLog) {
    let itemKind = String(kind.dropLast("List".count))
    let implied = itemKind.isEmpty ? nil : (kind: itemKind, version: version)
    guard let value = list.value("items") else { return }
    guard let items = value.sequence else {
      return log.wrong(value, list.path.key("items"), "expected a list")
    }
    for (index, item) in items.enumerated() {
      let path = list.path.key("items").index(index)
      if item.mapping == nil {
        log.wrong(item, path, "expected a Kubernetes object")
      } else {
        read(ObjectFields(root: item, path: path), impliedKind: implied, &log)
      }
    }
  }

  /// kube-proxy's ConfigMap holds its configuration as text.
  private func readConfigMap(_ object: ObjectFields, _ log: inout ReadingLog) {
    guard let data = object.object("data", &log), data.string("config.conf", &log) != nil,
      let entry = data.node.entry("config.conf")
    else { return }
    for inner in EmbeddedDocument.read(entry, &log) {
      let fields = ObjectFields(root: inner, path: data.path.key("config.conf"))
      if inner.mapping == nil {
        log.wrong(inner, fields.path, "expected a KubeProxyConfiguration")
      } else {
        read(fields, impliedKind: nil, &log)
      }
    }
  }
}
