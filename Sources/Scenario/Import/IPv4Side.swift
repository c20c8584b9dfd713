// SPDX-License-Identifier: GPL-3.0-or-later
//
// The IPv4 half of an object of a dual-stack cluster, for imports that accept to go without IPv6.

import Cluster

enum IPv4Side {
  /// The object without anything of IPv6; nil if nothing of it is left.
  static func of(_ node: DocumentNode) -> DocumentNode? {
    switch node["kind"]?.string {
    case "Service": service(node)
    case "EndpointSlice": node["addressType"]?.string == "IPv6" ? nil : node
    case "Endpoints": endpoints(node)
    case "Pod": pod(node)
    case "Node": self.node(node)
    case "KubeProxyConfiguration", "Cluster", "ConfigMap": node
    default: node
    }
  }

  private static func isIPv6(_ node: DocumentNode) -> Bool { node.scalar?.text.contains(":") ?? false }

  private static func withoutIPv6(_ list: DocumentNode) -> DocumentNode? {
    let kept = (list.sequence ?? []).filter { !isIPv6($0) && $0.scalar?.text != "IPv6" }
    return kept.isEmpty ? nil : DocumentNode(.sequence(kept), at: list.position)
  }

  /// Without the items of a list of objects whose `key` is an IPv6 address.
  private static func withoutIPv6(_ list: DocumentNode, by key: String) -> DocumentNode? {
    let kept = (list.sequence ?? []).filter { item in !(item[key].map(isIPv6) ?? false) }
    return kept.isEmpty ? nil : DocumentNode(.sequence(kept), at: list.position)
  }

  private static func service(_ node: DocumentNode) -> DocumentNode? {
    guard let spec = node["spec"] else { return node }
    let addresses = spec["clusterIPs"]?.sequence ?? spec["clusterIP"].map { [$0] } ?? []
    let families = spec["ipFamilies"]?.sequence ?? []
    if !addresses.isEmpty, addresses.allSatisfy(isIPv6) { return nil }
    if !families.isEmpty, families.allSatisfy({ $0.string == "IPv6" }) { return nil }
    var result = node
    for key in ["clusterIPs", "ipFamilies", "externalIPs", "loadBalancerSourceRanges"] {
      result = result.replacing(["spec", key]) { withoutIPv6($0) }
    }
    if let first = addresses.first(where: { !isIPv6($0) }) {
      result = result.replacing(["spec", "clusterIP"]) { .text(first.scalar?.text ?? "", at: $0.position) }
    }
    result = result.replacing(["spec", "ipFamilyPolicy"]) { .text("SingleStack", at: $0.position) }
    return result.replacing(["status", "loadBalancer", "ingress"]) { withoutIPv6($0, by: "ip") }
  }

  private static func endpoints(_ node: DocumentNode) -> DocumentNode? {
    node.replacing(["subsets"]) { subsets in
      let kept: [DocumentNode] = (subsets.sequence ?? []).compactMap { subset in
        var subset = subset
        for key in ["addresses", "notReadyAddresses"] {
          subset = subset.replacing([key]) { withoutIPv6($0, by: "ip") }
        }
        return subset["addresses"] == nil && subset["notReadyAddresses"] == nil ? nil : subset
      }
      return DocumentNode(.sequence(kept), at: subsets.position)
    }
  }

  private static func pod(_ node: DocumentNode) -> DocumentNode? {
    let first = node["status"]?["podIPs"]?.sequence?.compactMap { $0["ip"] }.first { !isIPv6($0) }
    var result = node.replacing(["status", "podIPs"]) { withoutIPv6($0, by: "ip") }
    result = result.replacing(["status", "podIP"]) { address in
      isIPv6(address) ? first.map { .text($0.scalar?.text ?? "", at: address.position) } : address
    }
    for key in ["hostIP"] {
      result = result.replacing(["status", key]) { isIPv6($0) ? nil : $0 }
    }
    return result
  }

  private static func node(_ node: DocumentNode) -> DocumentNode? {
    let first = node["spec"]?["podCIDRs"]?.sequence?.first { !isIPv6($0) }
    var result = node.replacing(["spec", "podCIDRs"]) { withoutIPv6($0) }
    result = result.replacing(["spec", "podCIDR"]) { block in
      isIPv6(block) ? first.map { .text($0.scalar?.text ?? "", at: block.position) } : block
    }
    return result.replacing(["status", "addresses"]) { withoutIPv6($0, by: "address") }
  }
}
