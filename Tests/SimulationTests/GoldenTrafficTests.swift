// SPDX-License-Identifier: GPL-3.0-or-later
//
// Real traffic, end to end: clients at seven places of a real cluster (kube-proxy 1.36.2, iptables) called
// every address and port of its Services; a run with the same objects must be answered by the same pods,
// refused where they were refused, meet silence where they did, and show the servers the same source
// addresses.

import Cluster
import Foundation
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

/// One line of traffic-iptables.txt.
private struct Probe {
  var name: String
  var transport: TransportProtocol
  var address: IPv4Address
  var port: UInt16
  /// Empty where an error came instead.
  var pods: Set<String> = []
  /// Source addresses that the pods saw.
  var sources: Set<String> = []
  var isRefused = false

  init?(_ line: String) {
    let words = line.split(separator: " ").map(String.init)
    guard let at = words.firstIndex(where: { $0 == "TCP" || $0 == "UDP" }), words.count > at + 1 else {
      return nil
    }
    let parts = words[at + 1].split(separator: ":")
    guard parts.count == 2, let address = IPv4Address(String(parts[0])), let port = UInt16(parts[1]) else {
      return nil
    }
    name = words[..<at].joined(separator: " ")
    transport = words[at] == "TCP" ? .tcp : .udp
    self.address = address
    self.port = port
    let source = words.firstIndex(of: "src") ?? words.count
    for word in words[(at + 2)..<source] { pods.insert(String(word.prefix { $0 != "=" })) }
    if !pods.isEmpty, source + 1 < words.count {
      sources = Set(words[source + 1].split(separator: ",").map(String.init))
    }
    isRefused = line.contains("ECONNREFUSED")
  }
}

struct GoldenTrafficTests {
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

  private static func probes(from vantage: String) throws -> [Probe] {
    let path = tests.appending(path: "ProxyTests/Golden/traffic-iptables.txt")
    let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
    var isHere = false
    var found: [Probe] = []
    for line in lines {
      if line.hasPrefix("==") {
        isHere = line == "== from \(vantage)"
      } else if isHere {
        found += [Probe(String(line))].compactMap { $0 }
      }
    }
    return found
  }

  /// Seen by real clients outside, but through a route of the test bed and not through a modelled part.
  private static func isModelled(_ probe: Probe, from vantage: String) -> Bool {
    guard vantage == "outside" else { return true }
    // Cluster IPs were routed to worker, and so were load balancer addresses: with policy Local that matters.
    let isCluster = probe.name.contains("clusterIP") || probe.name.hasPrefix("unallocated")
    return !isCluster && probe.name != "etp-local lbIP"
  }

  private static func place(_ vantage: String, _ file: inout ScenarioFile) -> ClientSettings.Place {
    switch vantage {
    case "outside": return .outside(address: IPv4Address("172.18.0.100")!, count: 1)
    case "node-cp": return .nodes(["test-cluster-control-plane"])
    case "node-worker": return .nodes(["test-cluster-worker"])
    case "node-worker2": return .nodes(["test-cluster-worker2"])
    default:
      let name = vantage.dropFirst("pod-".count)
      for i in file.objects.indices {
        guard case .pod(var pod) = file.objects[i], pod.metadata.name == name else { continue }
        pod.metadata.labels["vantage"] = vantage
        file.objects[i] = .pod(pod)
      }
      return .pods(namespace: "default", labels: ["vantage": vantage])
    }
  }

  /// What the connections of one client met.
  private struct Meeting {
    var outcomes: Set<Outcome> = []
    var pods: Set<String> = []
    var sources: Set<String> = []
  }

  private static func run(_ probes: [Probe], from vantage: String) throws -> [Meeting] {
    let path = tests.appending(path: "ScenarioTests/Kubernetes/Golden/cluster/traffic.json").path
    var file = try ScenarioLoader.load(path: path)
    for transport in [TransportProtocol.tcp, .udp] {
      var server = ServerSettings(name: transport.name, place: .pods(namespace: "default", labels: [:]))
      server.transport = transport
      server.serviceTime = .constant(0.5)
      file.servers.append(server)
    }
    let place = place(vantage, &file)
    for probe in probes { file.clients.append(client(probe, place)) }
    var world = try World.make(file, replication: 0)
    // By now every connection has reached its server, if any, and none is answered yet.
    world.advance(to: .zero + .milliseconds(1300))
    var meetings = [Meeting](repeating: Meeting(), count: probes.count)
    for slot in 0..<UInt32(world.connections.used) {
      let c = world.connections[slot].pointee
      guard c.isLive, c.server != .max else { continue }
      let group = world.instances[Int(c.instance)].group
      let host = world.servers[Int(c.server)].host
      meetings[group].pods.insert(world.control.pods[Int(host.id)].name.name)
      meetings[group].sources.insert(c.serverTuple.source.description)
    }
    try world.run(observer: nil)
    #expect(world.brokenInvariants() == [])
    let result = world.result(variant: "base")
    #expect(result.brokenInvariants() == [])
    for group in result.groups { meetings[group.client].outcomes.insert(group.outcome) }
    return meetings
  }

  private static func client(_ probe: Probe, _ place: ClientSettings.Place) -> ClientSettings {
    // The kernel answers six refusals at once and one more per second.
    let count = probe.pods.isEmpty ? 3 : 40
    var client = ClientSettings(
      name: "\(probe.name) \(probe.transport.name)", place: place,
      target: .address(probe.address, port: probe.port),
      arrivals: .trace((0..<count).map { .zero + .milliseconds(1000 + Int64($0)) }))
    client.transport = probe.transport
    client.connectTimeout = .seconds(2)
    client.requestTimeout = .seconds(1)
    return client
  }

  @Test(arguments: [
    "node-cp", "node-worker", "node-worker2", "outside", "pod-client-1", "pod-client-2", "pod-web-1",
  ])
  func clientsMeetWhatTheyMetInTheRealCluster(_ vantage: String) throws {
    let probes = try Self.probes(from: vantage).filter { Self.isModelled($0, from: vantage) }
    #expect(probes.count > (vantage == "outside" ? 20 : 45))
    for (probe, meeting) in zip(probes, try Self.run(probes, from: vantage)) {
      let name = Comment(rawValue: "\(probe.name) \(probe.transport)")
      if probe.pods.isEmpty {
        let silence: Outcome = probe.transport == .udp ? .noReply : .connectTimeout
        #expect(meeting.outcomes == [probe.isRefused ? .refused : silence], name)
      } else if probe.name.hasPrefix("aff ") {
        // Stuck to one endpoint, and which is a matter of chance.
        #expect(meeting.outcomes == [.completed] && meeting.pods.count == 1, name)
      } else {
        #expect(meeting.outcomes == [.completed], name)
        #expect(meeting.pods == probe.pods, name)
        // The test bed routed what is for no node to worker; the modelled balancer and routers take every
        // node.
        let isSpread = vantage == "outside" && !probe.name.contains("nodePort")
        #expect(
          isSpread ? meeting.sources.isSuperset(of: probe.sources) : meeting.sources == probe.sources, name)
      }
    }
  }
}
