// SPDX-License-Identifier: GPL-3.0-or-later
//
// FACTS I2: TestNodePorts (IPv4) and TestInternalExternalMasquerade with its four settings.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

@Suite struct NodePortTests {
  /// Which destinations of the node lead to the node port.
  @Test(arguments: [
    ("any address", [String](), true, true, true, true),
    ("any address, no localhost", [], false, true, true, false),
    ("the primary's block", ["192.168.0.0/24"], true, true, false, false),
    ("both blocks", ["192.168.0.0/24", "192.168.1.0/24"], true, true, true, false),
    ("loopback only", ["127.0.0.0/8"], true, false, false, true),
    ("loopback only, but not allowed", ["127.0.0.0/8"], false, false, false, false),
    ("every block", ["0.0.0.0/0"], true, true, true, true),
  ]) func nodePortsAnswerOnTheConfiguredAddresses(
    name: String, blocks: [String], localhost: Bool, primary: Bool, second: Bool, loopback: Bool
  ) {
    let settings = testSettings {
      $0.nodePortAddresses = blocks.compactMap { IPv4CIDR($0) }
      $0.localhostNodePorts = localhost
    }
    var world = ProxyWorld(
      nodes: [testNode(0, "testnode", [Address.node, Address.secondNodeAddress], settings)])
    let service = testService("svc1", clusterIP: "172.30.1.1") {
      $0.spec.type = "NodePort"
      $0.spec.ports[0].nodePort = 3001
    }
    world.put(0, service, [testEndpoint("10.180.0.1", node: "testnode")])
    world.converge()
    let ok = "10.180.0.1:80 M"
    #expect(world.fate(Probe(from: Address.pod, to: "172.30.1.1", port: 80)) == "10.180.0.1:80")
    #expect(world.fate(Probe(from: Address.outside, to: Address.node, port: 3001)) == (primary ? ok : ""))
    #expect(world.fate(Probe(from: Address.node, to: Address.node, port: 3001)) == (primary ? ok : ""))
    #expect(
      world.fate(Probe(from: Address.outside, to: Address.secondNodeAddress, port: 3001))
        == (second ? ok : ""))
    #expect(world.fate(Probe(from: "127.0.0.1", to: "127.0.0.1", port: 3001)) == (loopback ? ok : ""))
    #expect(world.fate(Probe(from: Address.outside, to: "192.168.0.77", port: 3001)) == "")
    let verdict = world.verdict(Probe(from: Address.outside, to: Address.secondNodeAddress, port: 3001))
    #expect(verdict.reason == (second ? .none : .nodePortAddress))
  }

  /// TestNodePorts in the other modes: 1, 2 and L are the node's primary, its second address and loopback.
  /// The port is in the usual range, since Cilium looks for others at no address that it does not know.
  /// - nftables (D2): the primary address unless blocks say otherwise, never loopback; localhostNodePorts is
  ///   iptables'.
  /// - ipvs (syncProxyRules): a virtual server on each of the node's addresses but loopback (isValidForSet).
  /// - eBPF (D4): blocks choose the devices' addresses; a socket of the node finds the port at any of the
  ///   node's addresses, loopback included (bpf_sock.c, sock4_wildcard_lookup), whatever the blocks say.
  @Test(
    arguments: [
      ([String](), true, "1--", "12-", "12L"), ([], false, "1--", "12-", "12L"),
      (["192.168.0.0/24"], true, "1--", "1--", "1-L"),
      (["192.168.0.0/24", "192.168.1.0/24"], true, "12-", "12-", "12L"),
      (["127.0.0.0/8"], true, "---", "---", "--L"), (["127.0.0.0/8"], false, "---", "---", "--L"),
      (["0.0.0.0/0"], true, "12-", "12-", "12L"),
    ])
  func otherModesHaveNodePortAddressesOfTheirOwn(
    blocks: [String], localhost: Bool, nftables: String, ipvs: String, ebpf: String
  ) {
    for (mode, served) in [(ProxyMode.nftables, nftables), (.ipvs, ipvs), (.ebpf, ebpf)] {
      var world = modeWorld(mode) {
        $0.nodePortAddresses = blocks.compactMap { IPv4CIDR($0) }
        $0.localhostNodePorts = localhost
      }
      let service = testService("svc1", clusterIP: "172.30.1.1") {
        $0.spec.type = "NodePort"
        $0.spec.ports[0].nodePort = 30001
      }
      world.put(0, service, [testEndpoint("10.180.0.1", node: "testnode")])
      world.converge()
      // A local backend of eBPF sees the client.
      let ok = mode == .ebpf ? "10.180.0.1:80" : "10.180.0.1:80 M"
      let (primary, second) = (served.contains("1"), served.contains("2"))
      for (from, to, isServed) in [
        (Address.outside, Address.node, primary), (Address.outside, Address.secondNodeAddress, second),
        (Address.node, Address.node, primary || mode == .ebpf),
        ("127.0.0.1", "127.0.0.1", served.contains("L")),
        (Address.outside, "192.168.0.77", false),
      ] {
        let fate = world.fateInMode(Probe(from: from, to: to, port: 30001))
        #expect(fate == (isServed ? ok : ""), "\(mode) | \(from) | \(to)")
      }
      let inside = world.fateInMode(Probe(from: Address.pod, to: "172.30.1.1", port: 80))
      #expect(inside == "10.180.0.1:80", "\(mode)")
    }
  }

  @Test func anAddressThatTheNodeGetsLaterAnswersAtOnceUnlessBlocksAreConfigured() {
    for blocks in [[], ["192.168.0.0/16"]] {
      let settings = testSettings { $0.nodePortAddresses = blocks.compactMap { IPv4CIDR($0) } }
      var world = ProxyWorld(nodes: [testNode(0, "testnode", [Address.node], settings)])
      let service = testService("svc1", clusterIP: "172.30.1.1") { $0.spec.ports[0].nodePort = 3001 }
      world.put(0, service, [testEndpoint("10.180.0.1", node: "testnode")])
      world.converge()
      world.fleet.updateNodeAddresses(NodeID(0), [address("192.168.7.7")])
      let probe = Probe(from: Address.outside, to: "192.168.7.7", port: 3001)
      #expect(world.fate(probe) == (blocks.isEmpty ? "10.180.0.1:80 M" : ""))
      // The old address is not the node's any more; the rule for it stays until the next sync.
      let old = Probe(from: Address.outside, to: Address.node, port: 3001)
      #expect(world.fate(old) == (blocks.isEmpty ? "" : "10.180.0.1:80 M"))
      world.put(0, slices: [testSlice([testEndpoint("10.180.0.2", node: "testnode")])])
      world.run(for: .seconds(1))
      #expect(world.fate(probe) == "10.180.0.2:80 M")
      #expect(world.fate(old) == "")
    }
  }
}

/// One flow with its fate under the default setting and where a setting changes it.
private struct MasqueradeFlow: CustomTestStringConvertible {
  var from: String
  var to: String
  var port: Int
  var expected: String
  var noDetector: String?
  var masqueradeAll: String?
  var both: String?
  /// ipvs: in all four settings, and where it differs without a detector only.
  var ipvs: String?
  var ipvsNoDetector: String?
  var testDescription: String { "\(from) -> \(to):\(port)" }
}

private let (all, here) = ("10.180.0.1:80 10.180.1.1:80", "10.180.0.1:80")

private func flow(
  _ from: String, _ to: String, _ port: Int, _ expected: String, noDetector: String? = nil,
  masqueradeAll: String? = nil, both: String? = nil, ipvs: String? = nil, ipvsNoDetector: String? = nil
) -> MasqueradeFlow {
  MasqueradeFlow(
    from: from, to: to, port: port, expected: expected, noDetector: noDetector, masqueradeAll: masqueradeAll,
    both: both, ipvs: ipvs, ipvsNoDetector: ipvsNoDetector)
}

/// Services 1: default, 2: eTP Local, 3: iTP Local. nftables has upstream's outcomes of iptables in all of
/// them. ipvs (D3, k/k pkg/proxy/ipvs/proxier.go): a virtual server under policy Local has the local real
/// servers for everybody and KUBE-NODE-PORT-LOCAL-TCP and KUBE-LOAD-BALANCER-LOCAL keep its traffic unmarked;
/// without a detector the rule for KUBE-CLUSTER-IP looks at "src,dst", and a process of the node has the
/// cluster IP as its source.
private let masqueradeFlows: [MasqueradeFlow] = [
  flow(Address.pod, "172.30.1.1", 80, all, masqueradeAll: all + " M", both: all + " M"),
  flow(Address.pod, Address.node, 3001, all + " M"),
  flow(Address.pod, "1.2.3.4", 80, all + " M"),
  flow(Address.pod, "172.30.1.2", 80, all, masqueradeAll: all + " M", both: all + " M"),
  flow(Address.pod, Address.node, 3002, all, noDetector: here, both: here, ipvs: here),
  flow(Address.pod, "5.6.7.8", 80, all, noDetector: here, both: here, ipvs: here),
  flow(Address.pod, "172.30.1.3", 80, here, masqueradeAll: here + " M", both: here + " M"),
  flow(Address.pod, Address.node, 3003, all + " M"),
  flow(Address.pod, "9.10.11.12", 80, all + " M"),
  flow(Address.node, "172.30.1.1", 80, all + " M", noDetector: all, ipvsNoDetector: all + " M"),
  flow(Address.node, Address.node, 3001, all + " M"),
  flow(Address.node, "1.2.3.4", 80, all + " M"),
  flow(Address.node, "172.30.1.2", 80, all + " M", noDetector: all, ipvsNoDetector: all + " M"),
  flow(Address.node, Address.node, 3002, all + " M", ipvs: here),
  flow(Address.node, "5.6.7.8", 80, all + " M", ipvs: here),
  flow(Address.node, "172.30.1.3", 80, here + " M", noDetector: here, ipvsNoDetector: here + " M"),
  flow(Address.node, Address.node, 3003, all + " M"),
  flow(Address.node, "9.10.11.12", 80, all + " M"),
  flow(Address.outside, "172.30.1.1", 80, all + " M", noDetector: all),
  flow(Address.outside, Address.node, 3001, all + " M"),
  flow(Address.outside, "1.2.3.4", 80, all + " M"),
  flow(Address.outside, "172.30.1.2", 80, all + " M", noDetector: all),
  flow(Address.outside, Address.node, 3002, here),
  flow(Address.outside, "5.6.7.8", 80, here),
  flow(Address.outside, "172.30.1.3", 80, here + " M", noDetector: here),
  flow(Address.outside, Address.node, 3003, all + " M"),
  flow(Address.outside, "9.10.11.12", 80, all + " M"),
]

@Suite struct MasqueradeTests {
  private static func world(_ mode: ProxyMode, hasDetector: Bool, masqueradeAll: Bool) -> ProxyWorld {
    var world = modeWorld(mode, addresses: [Address.node]) {
      if !hasDetector { $0.clusterCIDR = nil }
      $0.masqueradeAll = masqueradeAll
    }
    for (i, loadBalancer) in ["1.2.3.4", "5.6.7.8", "9.10.11.12"].enumerated() {
      let service = testService("svc\(i + 1)", clusterIP: "172.30.1.\(i + 1)") { service in
        service.spec.type = "LoadBalancer"
        service.spec.ports[0].nodePort = 3001 + i
        service.spec.externalTrafficPolicy = i == 1 ? "Local" : "Cluster"
        service.spec.internalTrafficPolicy = i == 2 ? "Local" : "Cluster"
        service.status.loadBalancerIngress = [LoadBalancerIngress(ip: loadBalancer)]
      }
      let endpoints = [
        testEndpoint("10.180.0.1", node: "testnode"), testEndpoint("10.180.1.1", node: "remote"),
      ]
      world.put(i, service, endpoints)
    }
    world.converge()
    return world
  }

  @Test(arguments: tableModes, masqueradeFlows)
  fileprivate func masqueradeFollowsSourceDestinationAndSettings(_ mode: ProxyMode, _ flow: MasqueradeFlow) {
    let probe = Probe(from: flow.from, to: flow.to, port: flow.port)
    if mode == .ebpf { return Self.checkEBPF(flow, probe) }
    for (hasDetector, masqueradeAll, expected) in [
      (true, false, flow.expected), (false, false, flow.noDetector ?? flow.expected),
      (true, true, flow.masqueradeAll ?? flow.expected), (false, true, flow.both ?? flow.expected),
    ] {
      var world = Self.world(mode, hasDetector: hasDetector, masqueradeAll: masqueradeAll)
      let fate = world.fateInMode(probe)
      let isPlain = !hasDetector && !masqueradeAll
      let ipvs = flow.ipvs ?? (isPlain ? flow.ipvsNoDetector : nil) ?? expected
      #expect(
        fate == (mode == .ipvs ? ipvs : expected),
        "\(mode) detector \(hasDetector), masqueradeAll \(masqueradeAll)")
    }
  }

  /// Cilium knows neither clusterCIDR nor masqueradeAll. Inside the cluster nothing is masqueraded and the
  /// internal policy holds for every address; outside clients do not reach cluster IPs, and only what leaves
  /// the node for a backend elsewhere gets its address.
  private static func checkEBPF(_ flow: MasqueradeFlow, _ probe: Probe) {
    let isOutside = flow.from == Address.outside
    let service =
      flow.port == 80 ? ["1": 1, "5": 2, "9": 3][String(flow.to.prefix(1))] ?? 0 : flow.port - 3000
    let isClusterIP = flow.to.hasPrefix("172.30.1.")
    let number = isClusterIP ? Int(flow.to.suffix(1))! : service
    let expected =
      switch (isOutside, isClusterIP, number) {
      case (true, true, _): "DROP"
      case (true, false, 2): here
      case (true, false, _): "10.180.0.1:80 10.180.1.1:80*"
      case (false, _, 3): here
      case (false, _, _): all
      }
    for hasDetector in [true, false] {
      for masqueradeAll in [true, false] {
        var world = world(.ebpf, hasDetector: hasDetector, masqueradeAll: masqueradeAll)
        let fate = world.fateInMode(probe)
        #expect(fate == expected, "ebpf detector \(hasDetector), masqueradeAll \(masqueradeAll)")
      }
    }
  }

  @Test func overridesAreAsManyAsUpstreams() {
    #expect(masqueradeFlows.count == 27)
    #expect(masqueradeFlows.count { $0.noDetector != nil } == 8)
    #expect(masqueradeFlows.count { $0.masqueradeAll != nil } == 3)
    #expect(masqueradeFlows.count { $0.both != nil } == 5)
    #expect(masqueradeFlows.count { $0.ipvs != nil } == 4)
    #expect(masqueradeFlows.count { $0.ipvsNoDetector != nil } == 3)
  }
}
