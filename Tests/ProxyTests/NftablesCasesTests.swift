// SPDX-License-Identifier: GPL-3.0-or-later
//
// Packets that fare otherwise in nftables mode than in iptables mode (FACTS D2, I2; golden/README.md).

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private let serviceRange = IPv4CIDR("172.30.0.0/16")!

/// One node with two addresses, as in upstream's packet tests.
private func nftablesWorld(
  minorVersion: Int = 36, serviceCIDRs: [IPv4CIDR] = [serviceRange],
  _ change: (inout ProxySettings) -> Void = { _ in }
) -> ProxyWorld {
  let settings = testSettings {
    $0.mode = .nftables
    change(&$0)
  }
  return ProxyWorld(
    nodes: [testNode(0, "testnode", [Address.node, Address.secondNodeAddress], settings)],
    minorVersion: minorVersion, serviceCIDRs: serviceCIDRs)
}

/// A load balancer Service 172.30.0.41 with node port 3001, external IP and two load-balancer addresses.
private func everything(_ change: (inout Service) -> Void = { _ in }) -> Service {
  testService("svc1", clusterIP: "172.30.0.41") {
    $0.spec.type = "LoadBalancer"
    $0.spec.ports[0].nodePort = 3001
    $0.spec.externalIPs = ["192.168.99.11"]
    $0.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4"), LoadBalancerIngress(ip: "5.6.7.8")]
    change(&$0)
  }
}

private let two = [
  testEndpoint("10.180.0.1", node: "testnode"), testEndpoint("10.180.1.1", node: "elsewhere"),
]
private let both = "10.180.0.1:80 10.180.1.1:80"

private struct PacketCase: CustomTestStringConvertible {
  var testDescription: String
  var from: String
  var to: String
  var port = 80
  var transport = TransportProtocol.tcp
  var fate: String
  var reason = VerdictReason.none

  var probe: Probe { Probe(from: from, to: to, port: port, transport: transport) }
}

@Suite struct NftablesCasesTests {
  private static let cases: [PacketCase] = [
    PacketCase(testDescription: "pod to cluster IP", from: Address.pod, to: "172.30.0.41", fate: both),
    PacketCase(
      testDescription: "pod to another port of it", from: Address.pod, to: "172.30.0.41", port: 443,
      fate: "REJECT", reason: .unknownPort),
    PacketCase(
      testDescription: "UDP to a TCP port", from: Address.pod, to: "172.30.0.41", transport: .udp,
      fate: "REJECT", reason: .unknownPort),
    PacketCase(
      testDescription: "outside to another port of it", from: Address.outside, to: "172.30.0.41", port: 443,
      fate: "REJECT", reason: .unknownPort),
    PacketCase(
      testDescription: "node to another port of it", from: Address.node, to: "172.30.0.41", port: 443,
      fate: "REJECT", reason: .unknownPort),
    PacketCase(
      testDescription: "pod to an unallocated cluster IP", from: Address.pod, to: "172.30.0.99", fate: "DROP",
      reason: .unallocatedAddress),
    PacketCase(
      testDescription: "node to an unallocated cluster IP", from: Address.node, to: "172.30.0.99",
      fate: "DROP", reason: .unallocatedAddress),
    PacketCase(
      testDescription: "another port of an external IP is nobody's", from: Address.pod, to: "192.168.99.11",
      port: 443, fate: ""),
    PacketCase(
      testDescription: "outside to node port", from: Address.outside, to: Address.node, port: 3001,
      fate: both + " M"),
    PacketCase(
      testDescription: "outside to node port on a second address", from: Address.outside,
      to: Address.secondNodeAddress, port: 3001, fate: "", reason: .nodePortAddress),
    PacketCase(
      testDescription: "node to node port on localhost", from: "127.0.0.1", to: "127.0.0.1", port: 3001,
      fate: "", reason: .nodePortAddress),
    PacketCase(
      testDescription: "node to node port", from: Address.node, to: Address.node, port: 3001,
      fate: both + " M"),
    PacketCase(
      testDescription: "a port of the node that is no node port", from: Address.outside, to: Address.node,
      port: 3002, fate: ""),
  ]

  @Test(arguments: [35, 36]) func packetsMeetTheAnswersOfThisMode(minorVersion: Int) {
    var world = nftablesWorld(minorVersion: minorVersion)
    world.put(0, everything(), two)
    world.converge()
    for packet in Self.cases {
      #expect(world.fate(packet.probe) == packet.fate, "\(packet.testDescription)")
      #expect(world.verdict(packet.probe).reason == packet.reason, "\(packet.testDescription)")
    }
  }

  @Test func withoutServiceRangesNothingIsKnownOfUnallocatedAddresses() {
    let probe = Probe(from: Address.pod, to: "172.30.0.99", port: 80)
    var without = nftablesWorld(serviceCIDRs: [])
    // ServiceCIDR objects came with 1.33.
    var older = nftablesWorld(minorVersion: 32)
    without.converge()
    older.converge()
    #expect(without.fate(probe) == "")
    #expect(older.fate(probe) == "")
  }

  @Test(arguments: [
    (["192.168.0.0/24"], [true, false, false]), (["192.168.1.0/24"], [false, true, false]),
    (["0.0.0.0/0"], [true, true, false]), (["127.0.0.0/8"], [false, false, false]),
    (["192.168.0.0/16", "127.0.0.0/8"], [true, true, false]),
  ])
  func nodePortsAreOnChosenAddressesAndNeverOnLoopback(blocks: [String], takes: [Bool]) {
    var world = nftablesWorld { $0.nodePortAddresses = blocks.compactMap { IPv4CIDR($0) } }
    world.put(0, everything(), two)
    world.converge()
    for (to, isTaken) in zip([Address.node, Address.secondNodeAddress, "127.0.0.1"], takes) {
      let probe = Probe(from: to, to: to, port: 3001)
      #expect(world.fate(probe) == (isTaken ? both + " M" : ""), "\(to)")
    }
  }

  @Test(arguments: [Address.pod, Address.node, Address.outside])
  func aServiceWithoutEndpointsRefusesEverybodyEverywhere(from: String) {
    var world = nftablesWorld()
    world.put(0, everything(), [])
    world.converge()
    let destinations = ["172.30.0.41", "192.168.99.11", "1.2.3.4", "5.6.7.8"].map { ($0, 80) }
    for (to, port) in destinations + [(Address.node, 3001)] {
      let probe = Probe(from: from, to: to, port: port)
      // The node's own packet to an external address is refused, too, unlike in iptables mode.
      #expect(world.fate(probe) == "REJECT", "\(to)")
      #expect(world.verdict(probe).reason == .noEndpoints)
    }
  }

  @Test func sourceRangesComeBeforeTheRefusal() {
    var world = nftablesWorld()
    world.put(0, everything { $0.spec.loadBalancerSourceRanges = ["203.0.113.0/25"] }, [])
    world.converge()
    #expect(world.fate(Probe(from: Address.outside, to: "1.2.3.4", port: 80)) == "REJECT")
    let blocked = world.verdict(Probe(from: Address.blocked, to: "1.2.3.4", port: 80))
    #expect(blocked.kind == .drop && blocked.reason == .sourceRange)
    #expect(world.fate(Probe(from: Address.blocked, to: Address.node, port: 3001)) == "REJECT")
  }

  @Test func aNodeInsideTheRangesMayComeAsTheLoadBalancerAddress() {
    var world = nftablesWorld()
    world.put(
      0, everything { $0.spec.loadBalancerSourceRanges = ["192.168.0.0/24", " 203.0.113.0/25"] }, two)
    world.converge()
    let origins: [(String, FlowOrigin, String)] = [
      (Address.outside, .outside, both + " M"), (Address.blocked, .outside, "DROP"),
      (Address.pod, .pod, "DROP"),
      (Address.node, .node, both + " M"), ("1.2.3.4", .node, both + " M"), ("5.6.7.8", .node, both + " M"),
    ]
    for (from, origin, fate) in origins {
      for to in ["1.2.3.4", "5.6.7.8"] {
        #expect(world.fate(Probe(from: from, to: to, port: 80, origin: origin)) == fate, "\(from) to \(to)")
      }
    }
  }

  @Test func localPolicyDropsOnlyWhatNoShortCircuitTakes() {
    var world = nftablesWorld()
    let remote = [testEndpoint("10.180.1.1", node: "elsewhere")]
    world.put(
      0,
      everything {
        $0.spec.externalTrafficPolicy = "Local"
        $0.spec.internalTrafficPolicy = "Local"
      }, remote)
    world.converge()
    for (to, port) in [("192.168.99.11", 80), ("1.2.3.4", 80), (Address.node, 3001)] {
      #expect(world.fate(Probe(from: Address.pod, to: to, port: port)) == "10.180.1.1:80", "\(to)")
      #expect(world.fate(Probe(from: Address.node, to: to, port: port)) == "10.180.1.1:80 M", "\(to)")
      #expect(world.fate(Probe(from: Address.outside, to: to, port: port)) == "DROP", "\(to)")
    }
    #expect(world.fate(Probe(from: Address.pod, to: "172.30.0.41", port: 80)) == "DROP")
    #expect(world.verdict(Probe(from: Address.pod, to: "172.30.0.41", port: 80)).reason == .localPolicy)
  }

  /// The hairpin set of 1.36 has endpoints of this node only; before, each endpoint had a rule.
  @Test(arguments: [(36, "testnode", true), (36, "elsewhere", false), (35, "elsewhere", true)])
  func anEndpointOfThisNodeThatReachesItselfIsMasqueraded(
    minorVersion: Int, node: String, isMasqueraded: Bool
  ) {
    var world = nftablesWorld(minorVersion: minorVersion)
    world.put(0, everything(), [testEndpoint("10.180.0.1", node: node)])
    world.converge()
    let probe = Probe(from: "10.180.0.1", to: "172.30.0.41", port: 80)
    #expect(world.fate(probe) == "10.180.0.1:80" + (isMasqueraded ? " M" : ""))
  }

  @Test func whatComesToThisNodeItselfPassesNoPostrouting() {
    var world = nftablesWorld()
    world.put(0, everything(), [testEndpoint(Address.node, node: "testnode")])
    world.converge()
    #expect(world.fate(Probe(from: Address.outside, to: "172.30.0.41", port: 80)) == "192.168.0.2:80")
    #expect(world.fate(Probe(from: Address.node, to: "1.2.3.4", port: 80)) == "192.168.0.2:80 M")
  }

  @Test func theWorkForAPacketDoesNotGrowWithServices() {
    func work(_ services: Int) -> Verdict {
      var world = nftablesWorld()
      for id in 0..<services {
        world.put(id, testService("s\(id)", clusterIP: "172.30.\(id / 200).\(1 + id % 200)"), two)
      }
      world.converge()
      return world.verdict(Probe(from: Address.pod, to: "172.30.0.1", port: 80))
    }
    let (one, many) = (work(1), work(500))
    #expect(one.rulesWalked == many.rulesWalked && one.lookups == many.lookups)
    // firewall 2, services 4 with the map of endpoints, forward 4 and the Service range, postrouting 3.
    #expect(one.rulesWalked == 2 + 4 + 5 + 3)
    #expect(one.lookups == 1 + 3 + 2 + 1)
  }

  @Test func newNodePortAddressesWaitForAFullSync() {
    var world = nftablesWorld { $0.nodePortAddresses = [IPv4CIDR("192.168.0.0/16")!] }
    world.put(0, everything(), two)
    world.converge()
    world.fleet.updateNodeAddresses(NodeID(0), [address(Address.node), address("192.168.5.5")])
    let probe = Probe(from: Address.outside, to: "192.168.5.5", port: 3001)
    world.put(0, slices: [testSlice([two[0]], ports: [EndpointPort(port: 80, protocol: "TCP")])])
    world.run(for: .seconds(5))
    #expect(world.syncs.last?.kind == .partial)
    #expect(world.fate(probe) == "")
    world.fleet.restart(NodeID(0), settings: nil, at: world.now, into: &world.output)
    world.take()
    world.run(for: .seconds(10))
    #expect(world.syncs.last?.kind == .full)
    #expect(world.fate(probe) == "10.180.0.1:80 M")
  }
}
