// SPDX-License-Identifier: GPL-3.0-or-later
//
// The nftables tables of three real nodes (kube-proxy 1.36.2), made from the objects that the cluster's API
// held: every set, map and chain as text, to the byte. Free is only the order of chains and of affinity sets.

import Cluster
import Foundation
import NetworkTypes
import Scenario
import SimKernel
import Testing

@testable import Proxy

private let testsFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

/// The objects of the real cluster that proxies watch.
private func goldenObjects() throws -> (services: [Service], slices: [EndpointSlice]) {
  let folder = testsFolder.appending(path: "ScenarioTests/Kubernetes/Golden/cluster/objects")
  var services: [Service] = []
  var slices: [EndpointSlice] = []
  for name in ["svc.yaml", "endpointslices.yaml"] {
    let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    var diagnostics: [Diagnostic] = []
    for document in try DocumentReader.read(text: text, path: name) {
      for object in ManifestDecoder().objects(in: document, diagnostics: &diagnostics).objects {
        if case .service(let service) = object { services.append(service) }
        if case .endpointSlice(let slice) = object { slices.append(slice) }
      }
    }
    #expect(diagnostics.isEmpty)
  }
  return (services, slices)
}

/// The golden cluster in nftables mode, converged: nodes cp, w1 and w2 are 0, 1 and 2.
func nftablesGoldenWorld(_ change: (inout ProxySettings) -> Void = { _ in }) throws -> ProxyWorld {
  let settings = testSettings {
    $0.mode = .nftables
    $0.clusterCIDR = IPv4CIDR("10.244.0.0/16")
    change(&$0)
  }
  let suffixes = [("control-plane", "zone-a"), ("worker", "zone-a"), ("worker2", "zone-b")]
  var world = ProxyWorld(
    nodes: suffixes.enumerated().map { i, node in
      testNode(i, "test-cluster-\(node.0)", zone: node.1, ["172.18.0.\(2 + i)"], settings)
    }, serviceCIDRs: [IPv4CIDR("10.96.0.0/12")!])
  let (services, slices) = try goldenObjects()
  for (id, service) in services.enumerated() {
    world.put(id, service)
    let own = slices.filter { slice in
      slice.metadata.labels["kubernetes.io/service-name"] == service.metadata.name
    }
    world.put(id, slices: own)
  }
  world.converge()
  return world
}

/// Sets, maps and chains of a listing, in an order of their own.
func nftablesBlocks(_ text: String) -> [String] {
  var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  while lines.last?.isEmpty ?? false { lines.removeLast() }
  #expect(lines.last == "}")
  let body = lines.dropFirst(2).dropLast().joined(separator: "\n")
  return (lines.prefix(2) + body.components(separatedBy: "\n\n")).sorted()
}

@Suite struct NftablesGoldenTests {
  private static func real(_ file: String) throws -> String {
    let url = testsFolder.appending(path: "ProxyTests/Golden/nftables-\(file).txt")
    return try String(contentsOf: url, encoding: .utf8)
  }

  @Test(arguments: [("cp", 0, 284), ("w1", 1, 298), ("w2", 2, 296)])
  func listingIsThatOfARealNode(file: String, node: Int, lines: Int) throws {
    var world = try nftablesGoldenWorld()
    let texts = world.fleet.ruleTexts(of: NodeID(node))
    #expect(texts.map(\.command) == ["nft list table ip kube-proxy", "nft list table ip6 kube-proxy"])
    let ours = nftablesBlocks(texts[0].text)
    let real = try nftablesBlocks(Self.real(file))
    let missing = real.filter { !ours.contains($0) }
    let added = ours.filter { !real.contains($0) }
    #expect(missing.isEmpty && added.isEmpty, "missing:\n\(missing)\nadded:\n\(added)")
    #expect(ours == real)
    // The number of lines that were compared.
    let compared = try Self.real(file).split(separator: "\n").count
    #expect(compared == lines)
    #expect(texts[0].text.split(separator: "\n").count == lines)
  }

  @Test func theIPv6TableHasTheSameFrameAndNoService() throws {
    var world = try nftablesGoldenWorld()
    let text = world.fleet.ruleTexts(of: NodeID(1))[1].text
    #expect(text.hasPrefix("table ip6 kube-proxy {\n\tcomment \"rules for kube-proxy\"\n"))
    #expect(text.contains("\t\tip6 daddr . meta l4proto . th dport vmap @service-ips\n"))
    #expect(!text.contains("ipv4") && !text.contains("elements") && !text.contains("service-2QRHZV4L"))
    // Neither a pod range nor a Service range of IPv6 is known.
    #expect(!text.contains("masquerade clusterIP traffic") && !text.contains("unallocated"))
  }

  @Test(arguments: [
    ("default/web/tcp/", "PFISGYVC-default/web/tcp/"),
    ("default/kubernetes/tcp/https", "2QRHZV4L-default/kubernetes/tcp/https"),
    ("default/multi/udp/dns", "BEH3B6JS-default/multi/udp/dns"),
    ("default/aff/tcp/__10.244.1.21/8080", "S34STDCA-default/aff/tcp/__10.244.1.21/8080"),
    ("default/aff/tcp/__10.244.2.22/8080", "J4YNV4GK-default/aff/tcp/__10.244.2.22/8080"),
    // From upstream's Test_servicePortChainNameBase.
    ("testing/service/tcp/http", "P4ZYZVCF-testing/service/tcp/http"),
    ("testing/service/tcp/http__10.180.0.1/80", "JO2XBXZR-testing/service/tcp/http__10.180.0.1/80"),
  ])
  func chainNamesCarryAHashOfThemselves(name: String, chain: String) {
    #expect(nftablesHashed(name) == chain)
  }

  @Test func longNamesAreCutTo240Bytes() {
    let name = String(repeating: "x", count: 300)
    let cut = nftablesHashed(name)
    #expect(cut.count == 240 && cut.hasSuffix("x...") && cut.dropFirst(8).hasPrefix("-xxx"))
    #expect(nftablesHashed(String(repeating: "x", count: 231)).count == 240)
    #expect(!nftablesHashed(String(repeating: "x", count: 231)).hasSuffix("..."))
    #expect(nftablesHashed(name + "y") != cut)
  }
}
