// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cluster whose rules, metrics and traffic stand in Golden, for the tests of every mode.

import Cluster
import Foundation
import NetworkTypes
import SimKernel

@testable import Proxy

/// A text of Tests/ProxyTests/Golden.
func golden(_ name: String) throws -> String {
  let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name)")
  return try String(contentsOf: url, encoding: .utf8)
}

/// The golden cluster, converged: nodes cp, w1 and w2 have the IDs 0, 1 and 2.
/// - Parameters:
///   - files: of Golden, in the form that cluster.txt explains; a Service of a later one replaces an earlier one.
///   - add: puts more Services, from number `count` on, before the nodes converge.
///   - names: gets the names of the Services, by ServiceID.
func goldenWorld(
  _ files: [String] = ["cluster.txt"], names: inout [String], timing: TimingSettings = testTiming(),
  _ change: (inout ProxySettings) -> Void = { _ in },
  addingServices add: (inout ProxyWorld, _ count: Int) -> Void = { _, _ in }
) throws -> ProxyWorld {
  var world = goldenNodes(timing, change)
  func list(_ word: String) -> [String] { word == "-" ? [] : word.split(separator: ",").map(String.init) }
  func text(_ word: String) -> String? { word == "-" ? nil : word }
  var service: Service?
  var slices: [EndpointSlice] = []
  var lines: [Substring] = []
  for file in files { lines += try golden(file).split(separator: "\n") }
  for line in lines + ["end"] where !line.hasPrefix("#") {
    let words = line.split(separator: " ").map(String.init)
    switch words[0] {
    case "port":
      var port = ServicePort()
      port.name = text(words[1]) ?? ""
      port.protocol = words[2]
      port.port = Int(words[3]) ?? 0
      port.nodePort = Int(words[4]) ?? 0
      service?.spec.ports.append(port)
    case "slice":
      let ports = list(words[1]).map { port in
        let parts = port.split(separator: "/", omittingEmptySubsequences: false)
        return EndpointPort(name: String(parts[0]), port: Int(parts[2]), protocol: String(parts[1]))
      }
      slices.append(EndpointSlice(metadata: ObjectMeta(name: "slice"), ports: ports))
    case "endpoint":
      var endpoint = Endpoint(addresses: [words[1]])
      endpoint.nodeName = text(words[2])
      (endpoint.ready, endpoint.serving) = (words[3].contains("R"), words[3].contains("S"))
      endpoint.terminating = words[3].contains("T")
      endpoint.zoneHints = words[4] == "-" ? nil : list(words[4])
      endpoint.nodeHints = words[5] == "-" ? nil : list(words[5])
      slices[slices.count - 1].endpoints.append(endpoint)
    default:
      if let service {
        let id = names.firstIndex(of: service.metadata.name) ?? names.count
        world.put(id, service)
        world.put(id, slices: slices)
        if id == names.count { names.append(service.metadata.name) }
      }
      guard words[0] == "service" else { break }
      slices = []
      var fresh = Service(metadata: ObjectMeta(name: words[1]), spec: ServiceSpec())
      fresh.spec.type = words[2]
      fresh.spec.clusterIP = text(words[3])
      fresh.spec.externalTrafficPolicy = text(words[4])
      fresh.spec.internalTrafficPolicy = text(words[5])
      fresh.spec.sessionAffinity = words[6] == "0" ? "None" : "ClientIP"
      fresh.spec.affinityTimeoutSeconds = Int(words[6])
      fresh.spec.healthCheckNodePort = Int(words[7])
      fresh.spec.externalIPs = list(words[8])
      fresh.status.loadBalancerIngress = list(words[9]).map { LoadBalancerIngress(ip: $0) }
      fresh.spec.loadBalancerSourceRanges = list(words[10])
      service = fresh
    }
  }
  add(&world, names.count)
  world.converge()
  return world
}

private func goldenNodes(_ timing: TimingSettings, _ change: (inout ProxySettings) -> Void) -> ProxyWorld {
  let settings = testSettings {
    $0.clusterCIDR = IPv4CIDR("10.244.0.0/16")
    change(&$0)
  }
  let suffixes = [("control-plane", "zone-a"), ("worker", "zone-a"), ("worker2", "zone-b")]
  return ProxyWorld(
    nodes: suffixes.enumerated().map { i, node in
      testNode(i, "test-cluster-\(node.0)", zone: node.1, ["172.18.0.\(2 + i)"], settings)
    }, timing: timing)
}
