// SPDX-License-Identifier: GPL-3.0-or-later
//
// kind.x-k8s.io/v1alpha4 Cluster: which nodes `kind create cluster --config` makes, under which names, and
// the network settings that it hands to kubeadm and kube-proxy.

import Cluster
import NetworkTypes

enum KindClusterReader {
  /// kind's defaults (kind `pkg/apis/config/v1alpha4/default.go`); its service subnet is smaller than
  /// kubeadm's.
  private static let defaultPodSubnet = IPv4CIDR("10.244.0.0/16")!
  private static let defaultServiceSubnet = IPv4CIDR("10.96.0.0/16")!

  static func read(_ fields: ObjectFields, _ log: inout ReadingLog) {
    fields.check(.kindCluster, &log)
    if let version = fields.value("apiVersion"), version.string != "kind.x-k8s.io/v1alpha4" {
      log.wrong(version, fields.path.key("apiVersion"), "expected kind.x-k8s.io/v1alpha4")
    }
    let name = fields.string("name", &log) ?? "kind"
    log.contents.kindNodes = readNodes(fields, cluster: name.isEmpty ? "kind" : name, &log)
    log.contents.kindPodCIDR = defaultPodSubnet
    log.contents.kindServiceCIDR = defaultServiceSubnet
    if let networking = fields.object("networking", &log) { readNetworking(networking, &log) }
    readPatches(fields, &log)
  }

  /// The first node of a role carries the role's name, the next ones also a number from 2 on.
  private static func readNodes(
    _ fields: ObjectFields, cluster: String, _ log: inout ReadingLog
  ) -> [NodeSettings] {
    var nodes: [NodeSettings] = []
    var workers = 0
    var controlPlanes = 0
    for node in fields.objects("nodes", &log) {
      node.check(.kindNode, &log)
      let role = node.string("role", &log) ?? "control-plane"
      var settings: NodeSettings
      switch role {
      case "control-plane":
        controlPlanes += 1
        settings = NodeSettings(name: nodeName(cluster, role, controlPlanes))
        settings.roles = ["control-plane"]
      case "worker":
        workers += 1
        settings = NodeSettings(name: nodeName(cluster, role, workers))
      default:
        let known = ["control-plane", "worker"]
        log.wrong(
          node.value("role") ?? node.node, node.path.key("role"), "expected control-plane or worker",
          suggestion: nearestName(to: role, in: known))
        continue
      }
      for (key, value) in node.labels("labels", &log) ?? [:] { settings.labels[key] = value }
      settings.zone = settings.labels[Node.zoneLabel]
      readImage(node, &log)
      readPatches(node, &log)
      nodes.append(settings)
    }
    if nodes.isEmpty {
      var settings = NodeSettings(name: nodeName(cluster, "control-plane", 1))
      settings.roles = ["control-plane"]
      nodes = [settings]
    }
    return nodes
  }

  private static func nodeName(_ cluster: String, _ role: String, _ number: Int) -> String {
    "\(cluster)-\(role)" + (number == 1 ? "" : String(number))
  }

  /// `kindest/node:v1.24.1` says which Kubernetes this is; the first node's image counts.
  private static func readImage(_ node: ObjectFields, _ log: inout ReadingLog) {
    guard let image = node.string("image", &log), log.contents.kindMinorVersion == nil else { return }
    let tag = image.prefix { $0 != "@" }.split(separator: "/").last?.split(separator: ":").dropFirst().first
    let parts = (tag ?? "").split(separator: ".")
    guard parts.count >= 2, parts[0] == "v1", let minor = Int(parts[1]), (0...99).contains(minor) else {
      return
    }
    log.contents.kindMinorVersion = minor
    if parts.count >= 3, let patch = Int(parts[2]), (0...999).contains(patch) {
      log.contents.kindPatchVersion = patch
    }
  }

  private static func readNetworking(_ fields: ObjectFields, _ log: inout ReadingLog) {
    fields.check(.kindNetworking, &log)
    if let family = fields.string("ipFamily", &log), let value = fields.value("ipFamily") {
      switch family {
      case "ipv4", "": break
      case "ipv6", "dual": log.unmodelled("IPv6", value.position)
      default: log.wrong(value, fields.path.key("ipFamily"), "expected ipv4, ipv6 or dual")
      }
    }
    if let block = fields.cidr("podSubnet", &log) { log.contents.kindPodCIDR = block }
    if let block = fields.cidr("serviceSubnet", &log) { log.contents.kindServiceCIDR = block }
    guard let text = fields.string("kubeProxyMode", &log), !text.isEmpty,
      let value = fields.value("kubeProxyMode")
    else { return }
    let known = [ProxyMode.iptables, .ipvs, .nftables].map(\.rawValue)
    if text == "none" {
      log.unmodelled("kubeProxyMode none", value.position)
    } else if known.contains(text) {
      log.contents.kindProxyMode = ProxyMode(rawValue: text)
    } else {
      log.wrong(
        value, fields.path.key("kubeProxyMode"),
        "expected one of \((known + ["none"]).joined(separator: ", "))",
        suggestion: nearestName(to: text, in: known))
    }
  }

  /// Of kubeadm's patches only the API server's node port range matters here.
  private static func readPatches(_ fields: ObjectFields, _ log: inout ReadingLog) {
    for item in fields.value("kubeadmConfigPatches")?.sequence ?? [] {
      guard item.string != nil else { continue }
      let entry = DocumentNode.Entry(
        key: "", keyPosition: fields.position("kubeadmConfigPatches"), value: item)
      for patch in EmbeddedDocument.read(entry, &log) {
        let arguments = patch["apiServer"]?["extraArgs"]
        let listed = arguments?.sequence?.first { $0["name"]?.string == "service-node-port-range" }
        guard let value = arguments?["service-node-port-range"] ?? listed?["value"] else { continue }
        if let range = portRange(value.string ?? "") {
          log.contents.kindNodePortRange = range
        } else {
          log.wrong(
            value, fields.path.key("kubeadmConfigPatches"), "expected a port range such as 30000-32767")
        }
      }
    }
  }

  private static func portRange(_ text: String) -> ClosedRange<Int>? {
    let parts = text.split(separator: "-").map { Int($0) }
    guard parts.count == 2, let low = parts[0], let high = parts[1], 1 <= low, low <= high, high <= 65535
    else {
      return nil
    }
    return low...high
  }
}
