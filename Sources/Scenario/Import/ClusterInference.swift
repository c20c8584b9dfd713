// SPDX-License-Identifier: GPL-3.0-or-later
//
// The settings of the scenario that no Kubernetes object of the dump states: blocks of addresses, node ports,
// version and kube-proxy's configuration. What the input says goes first; what it only allows to conclude
// comes with the reason; what it leaves open is assumed and said to be.

import Cluster
import NetworkTypes

/// The cluster's settings as concluded from the input.
struct ClusterInference {
  let items: [ImportedItem]
  let contents: ManifestContents
  let configuration: ImportedConfiguration

  private(set) var serviceCIDR = ClusterSettings().serviceCIDR
  private(set) var podCIDR = ClusterSettings().podCIDR
  private(set) var nodePortRange = ClusterSettings().nodePortRange
  private(set) var minorVersion = ClusterSettings().minorVersion
  private(set) var proxy = ProxySettings()
  private(set) var settings: [ImportedSetting] = []
  private(set) var remarks: [ImportRemark] = []

  /// Versions whose behaviour is modelled.
  private static var minorVersions: ClosedRange<Int> { ModelledVersions.minors }

  init(items: [ImportedItem], contents: ManifestContents, configuration: ImportedConfiguration) {
    self.items = items
    self.contents = contents
    self.configuration = configuration
    inferVersion()
    inferServiceCIDR()
    inferProxy()
    inferPodCIDR()
    if proxy.clusterCIDR == nil, !isProxyKnown { proxy.clusterCIDR = podCIDR }
    inferNodePortRange()
  }

  private mutating func set(_ path: String, _ value: String, _ origin: String) {
    settings.append(ImportedSetting(path: path, value: value, origin: origin))
  }

  // MARK: What the objects have

  private var nodes: [Node] {
    items.compactMap { if case .node(let node) = $0.object { node } else { nil } }
  }
  private var pods: [Pod] {
    items.compactMap { if case .pod(let pod) = $0.object { pod } else { nil } }
  }
  private var services: [Service] {
    items.compactMap { if case .service(let service) = $0.object { service } else { nil } }
  }

  /// The smallest block that holds all of these; nil for none.
  static func smallestBlock(holding blocks: [IPv4CIDR]) -> IPv4CIDR? {
    guard var result = blocks.first else { return nil }
    for block in blocks.dropFirst() {
      while !result.contains(block.base) || block.prefixLength < result.prefixLength {
        if result.prefixLength == 0 { return result }
        result = IPv4CIDR(base: result.base, prefixLength: result.prefixLength - 1)
      }
    }
    return result
  }

  // MARK: Version

  private mutating func inferVersion() {
    let versions: [(minor: Int, text: String)] = nodes.compactMap { node in
      let parts = node.kubeletVersion.drop { $0 == "v" }.split(separator: ".")
      guard parts.count > 1, parts[0] == "1", let minor = Int(parts[1].prefix { $0.isNumber }) else {
        return nil
      }
      return (minor, node.kubeletVersion)
    }
    if let newest = versions.max(by: { $0.minor < $1.minor }) {
      minorVersion = newest.minor
      let oldest = versions.map(\.minor).min() ?? newest.minor
      let mixture = oldest == newest.minor ? "" : ", the newest of several"
      set("kubernetes", "1.\(minorVersion)", "kubeletVersion \(newest.text) of the Node objects" + mixture)
    } else if let minor = contents.kindMinorVersion {
      minorVersion = minor
      set("kubernetes", "1.\(minor)", "the image of the kind configuration")
    } else {
      set("kubernetes", "1.\(minorVersion)", "assumed: no Node object says its kubeletVersion")
    }
    guard !Self.minorVersions.contains(minorVersion) else { return }
    let nearest = min(max(minorVersion, Self.minorVersions.lowerBound), Self.minorVersions.upperBound)
    remarks.append(
      ImportRemark(
        "Kubernetes 1.\(minorVersion) is not modelled: its Services are taken for those of 1.\(nearest)"))
    settings[settings.count - 1].value = "1.\(nearest)"
    minorVersion = nearest
  }

  // MARK: Blocks

  private var clusterAddresses: [IPv4Address] { services.compactMap(\.clusterAddress) }

  private mutating func inferServiceCIDR() {
    let addresses = clusterAddresses
    let blocks = configuration.serviceBlocks.compactMap { found in found.block.map { ($0, found.origin) } }
    var said = blocks.first
    if blocks.count > 1, let all = Self.smallestBlock(holding: blocks.map(\.0)) {
      said = (all, "holds all \(blocks.count) blocks of the ServiceCIDR objects")
      remarks.append(
        ImportRemark(
          "the cluster has \(blocks.count) ServiceCIDR blocks; the model has one, \(all) around them"))
    }
    said = said ?? contents.kindServiceCIDR.map { ($0, "the kind configuration, or kind's default") }
    for found in [
      configuration.kubeadmServiceSubnet,
      configuration.flag("service-cluster-ip-range", of: "kube-apiserver"),
    ] {
      said = said ?? found.flatMap { found in found.block.map { ($0, found.origin) } }
    }
    if let said {
      serviceCIDR = said.0
      set("cluster.serviceCIDR", "\(said.0)", said.1)
      for service in items {
        guard case .service(let object) = service.object, let address = object.clusterAddress,
          !serviceCIDR.contains(address)
        else { continue }
        remarks.append(
          ImportRemark("\(service.words): clusterIP \(address) is outside \(said.0)", at: service.position))
      }
      return
    }
    let own = apiServerAddress
    let fits = addresses.allSatisfy { serviceCIDR.contains($0) }
    if fits, own == nil || own == serviceCIDR.address(at: 1) {
      let reason = addresses.isEmpty ? "assumed: no Service has a clusterIP" : "every clusterIP fits"
      return set("cluster.serviceCIDR", "\(serviceCIDR)", "kubeadm's default; \(reason)")
    }
    // The API server's own Service has the first address of the block (FACTS A1).
    let first = own.map { IPv4Address(bits: $0.bits &- 1) } ?? addresses.min() ?? serviceCIDR.base
    var block = IPv4CIDR(base: first, prefixLength: 16)
    if own != nil, block.base != first {
      block = IPv4CIDR(base: first, prefixLength: UInt8(32 - min(16, first.bits.trailingZeroBitCount)))
    }
    let all = Self.smallestBlock(holding: [block] + addresses.map { IPv4CIDR(base: $0, prefixLength: 32) })
    serviceCIDR = all ?? block
    let origin =
      own == nil
      ? "the smallest block from /16 that holds every clusterIP"
      : "from the clusterIP of default/kubernetes, its first address; the length is assumed"
    set("cluster.serviceCIDR", "\(serviceCIDR)", origin)
  }

  private var apiServerAddress: IPv4Address? {
    let own = services.first { $0.metadata.namespacedName == NamespacedName(name: "kubernetes") }
    return own?.clusterAddress
  }

  private mutating func inferPodCIDR() {
    var said: (IPv4CIDR, String)?
    if let block = proxy.clusterCIDR { said = (block, "kube-proxy's clusterCIDR") }
    said = said ?? contents.kindPodCIDR.map { ($0, "the kind configuration, or kind's default") }
    for found in [
      configuration.kubeadmPodSubnet, configuration.flag("cluster-cidr", of: "kube-controller-manager"),
    ] {
      said = said ?? found.flatMap { found in found.block.map { ($0, found.origin) } }
    }
    if let said {
      podCIDR = said.0
      return set("cluster.podCIDR", "\(said.0)", said.1)
    }
    let blocks = nodes.compactMap(\.podCIDR)
    if !blocks.isEmpty, let all = Self.smallestBlock(holding: blocks) {
      let isDefault = blocks.allSatisfy { podCIDR.contains($0.base) && $0.prefixLength >= 16 }
      if !isDefault { podCIDR = all }
      let reason =
        isDefault
        ? "kind's default; every node's podCIDR fits" : "the smallest block that holds every node's podCIDR"
      return set("cluster.podCIDR", "\(podCIDR)", reason)
    }
    let addresses = pods.filter { !$0.spec.hostNetwork }.compactMap(\.status.podIP)
    if !addresses.isEmpty, !addresses.allSatisfy({ podCIDR.contains($0) }) {
      let all = Self.smallestBlock(holding: addresses.map { IPv4CIDR(base: $0, prefixLength: 24) })
      podCIDR = all ?? podCIDR
      return set(
        "cluster.podCIDR", "\(podCIDR)", "assumed: the smallest block that holds every pod's address")
    }
    set("cluster.podCIDR", "\(podCIDR)", "assumed: nothing says another")
  }

  private mutating func inferNodePortRange() {
    if let range = contents.kindNodePortRange {
      nodePortRange = range
      return set("cluster.serviceNodePortRange", text(range), "the kind configuration")
    }
    if let found = configuration.flag("service-node-port-range", of: "kube-apiserver"),
      let range = Self.range(found.text)
    {
      nodePortRange = range
      return set("cluster.serviceNodePortRange", text(range), found.origin)
    }
    var ports: [Int] = []
    for service in services {
      ports += service.spec.ports.map(\.nodePort)
      if let port = service.spec.healthCheckNodePort { ports.append(port) }
    }
    ports.removeAll { $0 <= 0 }
    guard let low = ports.min(), let high = ports.max(),
      !(nodePortRange.contains(low) && nodePortRange.contains(high)), high <= 65535
    else { return }
    nodePortRange = min(low, nodePortRange.lowerBound)...max(high, nodePortRange.upperBound)
    set(
      "cluster.serviceNodePortRange", text(nodePortRange), "widened from 30000-32767 to hold every nodePort")
  }

  private func text(_ range: ClosedRange<Int>) -> String { "\(range.lowerBound)-\(range.upperBound)" }

  private static func range(_ text: String) -> ClosedRange<Int>? {
    let ends = text.split(separator: "-").map { Int($0) }
    guard ends.count == 2, let low = ends[0], let high = ends[1], 1 <= low, low <= high, high <= 65535 else {
      return nil
    }
    return low...high
  }

  // MARK: kube-proxy

  private(set) var isProxyKnown = false

  private mutating func inferProxy() {
    if let read = contents.kubeProxyConfiguration {
      proxy = read
      isProxyKnown = true
      let detector =
        read.clusterCIDR.map { "clusterCIDR \($0)" } ?? "no clusterCIDR: pods are not told from others"
      return set("cluster.proxy", "\(read.mode.rawValue), \(detector)", "the KubeProxyConfiguration")
    }
    let mode = configuration.flag("proxy-mode", of: "kube-proxy")
    let block = configuration.flag("cluster-cidr", of: "kube-proxy")
    if mode != nil || block != nil {
      if let text = mode?.text, let known = ProxyMode(rawValue: text), known != .ebpf { proxy.mode = known }
      proxy.clusterCIDR = block?.block
      proxy.masqueradeAll = configuration.flag("masquerade-all", of: "kube-proxy")?.text == "true"
      isProxyKnown = block != nil
      let origin = (mode ?? block)?.position
      return set(
        "cluster.proxy", proxy.mode.rawValue,
        "the command line of a kube-proxy pod, \(origin.map { "\($0)" } ?? ""); its other flags are not read")
    }
    if let mode = contents.kindProxyMode {
      proxy.mode = mode
      return set("cluster.proxy", mode.rawValue, "the kind configuration")
    }
    set(
      "cluster.proxy", proxy.mode.rawValue,
      "assumed, with kube-proxy's defaults: the input has no KubeProxyConfiguration "
        + "(kubectl -n kube-system get configmap kube-proxy -o yaml)")
  }
}
