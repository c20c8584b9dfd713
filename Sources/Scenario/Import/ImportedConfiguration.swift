// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a dump says about the cluster's settings outside of Services and pods: ServiceCIDR objects, kubeadm's
// ClusterConfiguration, and the command lines of control plane components and of kube-proxy.

import NetworkTypes

/// Settings found in the input, each with its place.
struct ImportedConfiguration {
  struct Found: Equatable {
    var text: String
    /// Such as `kubeadm's ClusterConfiguration`.
    var source: String
    var position: SourcePosition
  }

  /// Blocks of ServiceCIDR objects, that of the API server (`kubernetes`) first.
  private(set) var serviceBlocks: [Found] = []
  private(set) var kubeadmServiceSubnet: Found?
  private(set) var kubeadmPodSubnet: Found?
  /// `--flag` of a container by the container's name; the first pod that has it counts.
  private var flags: [String: [String: Found]] = [:]

  /// Components whose command lines are read.
  private static let components: Set<String> = ["kube-apiserver", "kube-controller-manager", "kube-proxy"]

  /// Objects that are read here only, and so are not of no use.
  static func isConsumed(_ node: DocumentNode, kind: String, version: String) -> Bool {
    isServiceCIDR(kind, version) || isKubeadmConfig(node, kind)
  }

  private static func isServiceCIDR(_ kind: String, _ version: String) -> Bool {
    kind == "ServiceCIDR" && version.hasPrefix("networking.k8s.io/")
  }

  private static func isKubeadmConfig(_ node: DocumentNode, _ kind: String) -> Bool {
    kind == "ConfigMap" && node["metadata"]?["name"]?.string == "kubeadm-config"
      && node["data"]?["ClusterConfiguration"] != nil
  }

  mutating func note(_ node: DocumentNode, kind: String, version: String) {
    if Self.isServiceCIDR(kind, version) { return noteServiceCIDR(node) }
    if Self.isKubeadmConfig(node, kind) { return noteKubeadm(node) }
    if kind == "Pod" { noteCommandLines(node) }
  }

  private mutating func noteServiceCIDR(_ node: DocumentNode) {
    let isFirst = node["metadata"]?["name"]?.string == "kubernetes"
    for block in node["spec"]?["cidrs"]?.sequence ?? [] {
      guard let text = block.string else { continue }
      let found = Found(text: text, source: "the ServiceCIDR object", position: block.position)
      if isFirst { serviceBlocks.insert(found, at: 0) } else { serviceBlocks.append(found) }
    }
  }

  private mutating func noteKubeadm(_ node: DocumentNode) {
    var log = ReadingLog()
    guard let entry = node["data"]?.entry("ClusterConfiguration") else { return }
    for inner in EmbeddedDocument.read(entry, &log) {
      func found(_ key: String) -> Found? {
        guard let value = inner["networking"]?[key], let text = value.string else { return nil }
        return Found(text: text, source: "kubeadm's ClusterConfiguration", position: value.position)
      }
      kubeadmServiceSubnet = kubeadmServiceSubnet ?? found("serviceSubnet")
      kubeadmPodSubnet = kubeadmPodSubnet ?? found("podSubnet")
    }
  }

  private mutating func noteCommandLines(_ pod: DocumentNode) {
    for container in pod["spec"]?["containers"]?.sequence ?? [] {
      guard let name = container["name"]?.string, Self.components.contains(name) else { continue }
      for key in ["command", "args"] {
        for word in container[key]?.sequence ?? [] {
          guard let text = word.string, text.hasPrefix("--"), let sign = text.firstIndex(of: "=") else {
            continue
          }
          let flag = String(text[text.index(text.startIndex, offsetBy: 2)..<sign])
          let value = String(text[text.index(after: sign)...])
          guard flags[name]?[flag] == nil else { continue }
          flags[name, default: [:]][flag] = Found(
            text: value, source: "--\(flag) of \(name)", position: word.position)
        }
      }
    }
  }

  func flag(_ name: String, of component: String) -> Found? { flags[component]?[name] }
}

extension ImportedConfiguration.Found {
  /// The first IPv4 block of a list separated by commas.
  var block: IPv4CIDR? { text.split(separator: ",").compactMap { IPv4CIDR($0) }.first }

  var origin: String { "\(source), \(position)" }
}
