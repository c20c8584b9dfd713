// SPDX-License-Identifier: GPL-3.0-or-later
//
// The flows of FACTS I2 in eBPF mode. Differences from kube-proxy are marked; their sources stand in
// Proxy/EBPF. "all" are 10.180.0.1 on this node and 10.180.2.1 elsewhere; M = the backend sees this node.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private typealias PacketCase = (name: String, from: String, to: String, port: Int, expected: String)

private let all = "10.180.0.1:80 10.180.2.1:80"
private let here = "10.180.0.1:80"
private let both = [
  testEndpoint("10.180.0.1", node: "testnode"), testEndpoint("10.180.2.1", node: "host2"),
]
private let otherNode = "192.168.0.3"

/// Node `testnode` and another one, both with Cilium.
private func world(_ change: (inout EBPFSettings) -> Void = { _ in }) -> ProxyWorld {
  let settings = testSettings { settings in
    settings.mode = .ebpf
    change(&settings.ebpf)
  }
  return ProxyWorld(
    nodes: [
      testNode(0, "testnode", zone: "a", [Address.node, Address.secondNodeAddress], settings),
      testNode(1, "host2", zone: "b", [otherNode], settings),
    ])
}

private func openService(
  external: String = "Cluster", internalPolicy: String = "Cluster", ranges: [String] = []
) -> Service {
  testService("svc1", clusterIP: "172.30.1.1") { service in
    service.spec.type = "LoadBalancer"
    service.spec.ports[0].nodePort = 30001
    service.spec.externalIPs = ["192.168.99.11"]
    service.spec.externalTrafficPolicy = external
    service.spec.internalTrafficPolicy = internalPolicy
    service.spec.loadBalancerSourceRanges = ranges
    service.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
  }
}

private func check(_ world: inout ProxyWorld, _ test: PacketCase) {
  let probe = Probe(from: test.from, to: test.to, port: test.port)
  let fate = world.fate(probe)
  #expect(fate == test.expected, "\(test.name): \(probe)")
}

@Suite struct EBPFPacketTests {
  @Test(arguments: [
    ("pod to cluster IP", Address.pod, "172.30.1.1", 80, "REJECT"),
    ("pod to node port", Address.pod, Address.node, 30001, "REJECT"),
    ("pod to LB IP", Address.pod, "1.2.3.4", 80, "REJECT"),
    // kube-proxy leaves a node's own packets to LB addresses alone.
    ("node to LB IP", Address.node, "1.2.3.4", 80, "REJECT"),
    ("outside to external IP", Address.outside, "192.168.99.11", 80, "REJECT"),
    ("outside to node port", Address.outside, Address.node, 30001, "REJECT"),
    ("outside to LB IP", Address.outside, "1.2.3.4", 80, "REJECT"),
  ]) fileprivate func withoutEndpointsConnectionsAreRefused(_ test: PacketCase) {
    var world = world()
    world.put(0, openService())
    world.converge()
    check(&world, test)
  }

  @Test func aRefusalInsideIsAnErrorOfConnectAndOutsideASetting() {
    var world = world { $0.noBackendResponse = .drop }
    world.put(0, openService())
    world.converge()
    let inside = world.verdict(Probe(from: Address.pod, to: "172.30.1.1", port: 80))
    #expect(inside.kind == .reject && inside.isAtSocket && inside.reason == .noEndpoints)
    let outside = world.verdict(Probe(from: Address.outside, to: "1.2.3.4", port: 80))
    #expect(outside.kind == .drop && !outside.isAtSocket && outside.reason == .noEndpoints)
  }

  @Test(arguments: [
    ("pod to cluster IP", Address.pod, "172.30.1.1", 80, all),
    ("an endpoint to its own Service: no masquerade", "10.180.0.1", "172.30.1.1", 80, all),
    ("pod to node port", Address.pod, Address.node, 30001, all),
    ("pod to another node's node port", Address.pod, otherNode, 30001, all),
    ("pod to LB IP", Address.pod, "1.2.3.4", 80, all),
    // CVE-2020-8554: kube-proxy sends it to all, masqueraded.
    ("pod to external IP: not translated", Address.pod, "192.168.99.11", 80, ""),
    ("node to cluster IP: no masquerade", Address.node, "172.30.1.1", 80, all),
    ("node to its own node port", Address.node, Address.secondNodeAddress, 30001, all),
    ("node to its node port on loopback", "127.0.0.1", "127.0.0.1", 30001, all),
    ("node to LB IP", Address.node, "1.2.3.4", 80, all),
    // kube-proxy serves it, masqueraded.
    ("outside to cluster IP: dropped", Address.outside, "172.30.1.1", 80, "DROP"),
    ("outside to node port", Address.outside, Address.node, 30001, all),
    ("outside to LB IP", Address.outside, "1.2.3.4", 80, all),
    ("outside to external IP", Address.outside, "192.168.99.11", 80, all),
    ("a port that the Service does not have", Address.pod, "172.30.1.1", 81, ""),
    ("a node's address on no node port", Address.pod, Address.node, 30002, ""),
  ]) fileprivate func underPolicyClusterEverybodyReachesAllBackends(_ test: PacketCase) {
    var world = world()
    world.put(0, openService(), both)
    world.converge()
    check(&world, test)
  }

  @Test func aPodsOwnLoopbackIsNotTheNodes() {
    var world = world()
    world.put(0, openService(), both)
    world.converge()
    let probe = Probe(from: "127.0.0.1", to: "127.0.0.1", port: 30001, origin: .pod)
    #expect(world.fate(probe) == "")
  }

  @Test(arguments: [
    ("pod to cluster IP", Address.pod, "172.30.1.1", 80, all),
    ("pod to LB IP", Address.pod, "1.2.3.4", 80, all),
    ("pod to node port", Address.pod, Address.node, 30001, all),
    ("outside to LB IP", Address.outside, "1.2.3.4", 80, here),
    ("outside to node port", Address.outside, Address.node, 30001, here),
    ("outside to external IP", Address.outside, "192.168.99.11", 80, here),
  ]) fileprivate func externalPolicyLocalBindsOutsideTrafficOnly(_ test: PacketCase) {
    var world = world()
    world.put(0, openService(external: "Local"), both)
    world.converge()
    check(&world, test)
  }

  @Test(arguments: [
    ("pod to cluster IP", Address.pod, "172.30.1.1", 80, here),
    ("node to cluster IP", Address.node, "172.30.1.1", 80, here),
    // To kube-proxy the internal policy is about cluster IPs only.
    ("pod to LB IP", Address.pod, "1.2.3.4", 80, here),
    ("pod to node port", Address.pod, Address.node, 30001, here),
    ("outside to LB IP", Address.outside, "1.2.3.4", 80, all),
    ("outside to node port", Address.outside, Address.node, 30001, all),
  ]) fileprivate func internalPolicyLocalBindsAllTrafficFromInside(_ test: PacketCase) {
    var world = world()
    world.put(0, openService(internalPolicy: "Local"), both)
    world.converge()
    check(&world, test)
  }

  @Test func withoutLocalBackendsPolicyLocalRefuses() {
    var world = world()
    world.put(
      0, openService(external: "Local", internalPolicy: "Local"), [testEndpoint("10.180.2.1", node: "host2")])
    world.converge()
    for probe in [
      Probe(from: Address.pod, to: "172.30.1.1", port: 80),
      // kube-proxy drops it.
      Probe(from: Address.outside, to: "1.2.3.4", port: 80),
    ] {
      let verdict = world.verdict(probe)
      #expect(verdict.kind == .reject && verdict.reason == .localPolicy, "\(probe)")
    }
  }

  @Test(arguments: [
    ("allowed to LB IP", Address.outside, "1.2.3.4", 80, all),
    ("blocked to LB IP", Address.blocked, "1.2.3.4", 80, "DROP"),
    ("blocked to node port", Address.blocked, Address.node, 30001, all),
    // kube-proxy drops both.
    ("pod to LB IP", Address.pod, "1.2.3.4", 80, all),
    ("node to LB IP", Address.secondNodeAddress, "1.2.3.4", 80, all),
  ]) fileprivate func sourceRangesBindOutsideTrafficToLoadBalancerAddresses(_ test: PacketCase) {
    var world = world()
    world.put(0, openService(ranges: ["192.168.0.0/24", " 203.0.113.0/25"]), both)
    world.converge()
    check(&world, test)
  }

  /// FACTS I2, TestTerminatingEndpoints…: R ready, T serving and terminating, X only terminating.
  @Test(arguments: [
    ("RRTX", "R", "10.180.0.1:80 10.180.0.2:80 10.180.2.1:80", "10.180.0.1:80 10.180.0.2:80"),
    ("TTX", "R", "10.180.2.1:80", "10.180.0.1:80 10.180.0.2:80"),
    ("", "T", "10.180.2.1:80", "REJECT"),
    ("X", "X", "REJECT", "REJECT"),
    ("U", "U", "REJECT", "REJECT"),
  ]) func terminatingBackendsServeOnlyWhereNothingElseDoes(
    _ local: String, _ remote: String, _ inside: String, _ outside: String
  ) {
    var world = world()
    var endpoints: [Endpoint] = []
    for (i, state) in local.enumerated() {
      endpoints.append(testEndpoint("10.180.0.\(i + 1)", node: "testnode", state))
    }
    for (i, state) in remote.enumerated() {
      endpoints.append(testEndpoint("10.180.2.\(i + 1)", node: "host2", state))
    }
    world.put(0, openService(external: "Local"), endpoints)
    world.converge()
    #expect(world.fate(Probe(from: Address.pod, to: "172.30.1.1", port: 80)) == inside)
    #expect(world.fate(Probe(from: Address.outside, to: "1.2.3.4", port: 80)) == outside)
  }

  @Test(arguments: [
    (EBPFSettings.Forwarding.snat, TransportProtocol.tcp, true), (.snat, .udp, true), (.dsr, .tcp, false),
    (.dsr, .udp, false), (.hybrid, .tcp, false), (.hybrid, .udp, true),
  ]) func onlyARemoteBackendUnderSnatSeesTheNode(
    _ mode: EBPFSettings.Forwarding, _ transport: TransportProtocol, _ isMasqueraded: Bool
  ) {
    var world = world { $0.forwarding = mode }
    var service = openService()
    service.spec.ports[0].protocol = transport.apiName
    world.put(0, service, both)
    world.converge()
    let probe = Probe(from: Address.outside, to: "1.2.3.4", port: 80, transport: transport)
    let local = world.verdict(probe, random: 0)
    let remote = world.verdict(probe, random: .max)
    #expect("\(local.address)" == "10.180.0.1" && !local.masquerade)
    #expect("\(remote.address)" == "10.180.2.1" && remote.masquerade == isMasqueraded)
  }

  @Test func settingsOpenWhatIsClosedByDefault() {
    var world = world {
      $0.externalClusterIP = true
      $0.externalIPMitigation = false
    }
    world.put(0, openService(), both)
    world.converge()
    #expect(world.fate(Probe(from: Address.outside, to: "172.30.1.1", port: 80)) == all)
    #expect(world.fate(Probe(from: Address.pod, to: "192.168.99.11", port: 80)) == all)
  }

  @Test func nodePortAddressesBindTheDevicesButNotTheSockets() {
    let settings = testSettings { settings in
      settings.mode = .ebpf
      settings.nodePortAddresses = [IPv4CIDR("192.168.0.0/24")!]
    }
    var world = ProxyWorld(
      nodes: [testNode(0, "testnode", [Address.node, Address.secondNodeAddress], settings)])
    world.put(0, openService(), both)
    world.converge()
    #expect(world.fate(Probe(from: Address.outside, to: Address.node, port: 30001)) == all)
    let other = Probe(from: Address.outside, to: Address.secondNodeAddress, port: 30001)
    #expect(world.fate(other) == "")
    #expect(world.verdict(other).reason == .nodePortAddress)
    #expect(world.fate(Probe(from: Address.pod, to: Address.secondNodeAddress, port: 30001)) == all)
  }

  @Test func sctpIsNotServed() {
    var world = world()
    world.put(0, testService("s", clusterIP: "172.30.1.1", transport: "SCTP"), both)
    world.converge()
    for from in [Address.pod, Address.outside] {
      let probe = Probe(from: from, to: "172.30.1.1", port: 80, transport: .sctp)
      #expect(world.fate(probe) == "")
    }
  }

  @Test func ofTwoServicesOnOneAddressTheFirstIsServed() {
    var world = world()
    for (id, ip) in [(0, "172.30.1.1"), (1, "172.30.1.2")] {
      let service = testService("s\(id)", clusterIP: ip) { $0.spec.externalIPs = ["192.168.99.11"] }
      world.put(id, service, [testEndpoint("10.180.0.\(id + 1)", node: "testnode")])
    }
    world.converge()
    let probe = Probe(from: Address.outside, to: "192.168.99.11", port: 80)
    #expect(world.fate(probe) == "10.180.0.1:80")
    world.put(0, nil)
    world.run(for: .seconds(5))
    #expect(world.fate(probe) == "10.180.0.2:80")
  }

  @Test func hintsCountOnlyIfTopologyIsOn() {
    let hinted = zip(both, ["a", "b"]).map { endpoint, zone in
      var endpoint = endpoint
      endpoint.zoneHints = [zone]
      return endpoint
    }
    for (isOn, expected) in [(false, all), (true, here)] {
      var world = world { $0.serviceTopology = isOn }
      world.put(0, openService(), hinted)
      world.converge()
      #expect(world.fate(Probe(from: Address.pod, to: "172.30.1.1", port: 80)) == expected)
    }
  }

  @Test func anEndpointOfNoKnownNodeIsLocal() {
    var world = world()
    var endpoint = testEndpoint("10.180.9.1", node: "")
    endpoint.nodeName = nil
    world.put(0, openService(internalPolicy: "Local"), [endpoint] + both)
    world.converge()
    let probe = Probe(from: Address.pod, to: "172.30.1.1", port: 80)
    #expect(world.fate(probe) == "10.180.0.1:80 10.180.9.1:80")
  }

  @Test func slotsAreInTheOrderOfNumericAddresses() {
    var world = world()
    let endpoints = ["10.180.0.10", "10.180.0.9"].map { testEndpoint($0, node: "testnode") }
    world.put(0, openService(), endpoints)
    world.converge()
    let first = world.verdict(Probe(from: Address.pod, to: "172.30.1.1", port: 80), random: 0)
    #expect("\(first.address)" == "10.180.0.9")
  }
}
