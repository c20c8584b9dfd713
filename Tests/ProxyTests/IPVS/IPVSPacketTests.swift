// SPDX-License-Identifier: GPL-3.0-or-later
//
// Upstream's packet flows (FACTS I2) as they end in ipvs mode. Upstream has no packet test for ipvs; outcomes
// follow from the rules, sets and virtual servers that proxier.go writes. Where they differ from iptables:
//   - a Service's address on a port that it does not have is refused (KUBE-IPVS-FILTER);
//   - node ports are not served on loopback;
//   - policy Local without a local endpoint uses the others, without masquerading;
//   - pods and the node get no short circuit past policy Local;
//   - internal policy Local of a Service without external access is refused where no endpoint is local;
//   - without a local detector a node's own packets to cluster IPs are still masqueraded.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private func ipvsWorld(_ change: (inout ProxySettings) -> Void = { _ in }) -> ProxyWorld {
  ProxyWorld(nodes: [
    testNode(
      0, "testnode", [Address.node, Address.secondNodeAddress],
      testSettings {
        $0.mode = .ipvs
        change(&$0)
      })
  ])
}

/// A Service with every kind of address: 172.30.0.41, 192.168.99.22, 1.2.3.4 and node port 3001.
private func everyAddress(_ change: (inout Service) -> Void = { _ in }) -> Service {
  testService("svc", clusterIP: "172.30.0.41") { service in
    service.spec.type = "LoadBalancer"
    service.spec.ports[0].nodePort = 3001
    service.spec.externalIPs = ["192.168.99.22"]
    service.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
    change(&service)
  }
}

private let local = testEndpoint("10.180.0.1", node: "testnode")
private let remote = testEndpoint("10.180.2.1", node: "other")
private let both = "10.180.0.1:80 10.180.2.1:80"
private let bothM = "10.180.0.1:80 10.180.2.1:80 M"
private let localhost = "127.0.0.1"
/// Cluster IP, external IP, load-balancer IP, node port.
private let addresses = [("172.30.0.41", 80), ("192.168.99.22", 80), ("1.2.3.4", 80), (Address.node, 3001)]

extension ProxyWorld {
  /// Fates of packets from one source to all four kinds of address.
  fileprivate mutating func fates(from source: String) -> [String] {
    var found: [String] = []
    for (to, port) in addresses { found.append(fate(Probe(from: source, to: to, port: port))) }
    return found
  }
}

@Suite struct IPVSPacketTests {
  @Test(
    "external and internal policy Cluster: everything but pods' traffic to the cluster IP is masqueraded",
    arguments: [
      (Address.pod, [both, bothM, bothM, bothM]),
      (Address.outside, [bothM, bothM, bothM, bothM]),
      (Address.node, [bothM, bothM, bothM, bothM]),
    ] as [(String, [String])])
  func policyCluster(_ source: String, _ expected: [String]) {
    var world = ipvsWorld()
    world.put(0, everyAddress(), [local, remote])
    world.converge()
    #expect(world.fates(from: source) == expected)
  }

  @Test(
    "external policy Local: the local endpoint for all, under the client's own address",
    arguments: [
      (Address.pod, [both, "10.180.0.1:80", "10.180.0.1:80", "10.180.0.1:80"]),
      (Address.outside, [bothM, "10.180.0.1:80", "10.180.0.1:80", "10.180.0.1:80"]),
    ] as [(String, [String])])
  func externalPolicyLocal(_ source: String, _ expected: [String]) {
    var world = ipvsWorld()
    world.put(0, everyAddress { $0.spec.externalTrafficPolicy = "Local" }, [local, remote])
    world.converge()
    #expect(world.fates(from: source) == expected)
  }

  @Test(
    "policy Local without a local endpoint falls back to all",
    arguments: [
      (Address.pod, ["10.180.2.1:80", "10.180.2.1:80", "10.180.2.1:80", "10.180.2.1:80"]),
      (Address.outside, ["10.180.2.1:80 M", "10.180.2.1:80", "10.180.2.1:80", "10.180.2.1:80"]),
    ] as [(String, [String])])
  func fallback(_ source: String, _ expected: [String]) {
    var world = ipvsWorld()
    world.put(
      0,
      everyAddress {
        $0.spec.externalTrafficPolicy = "Local"
        $0.spec.internalTrafficPolicy = "Local"
      }, [remote])
    world.converge()
    #expect(world.fates(from: source) == expected)
  }

  @Test func internalPolicyLocalAloneIsRefusedWithoutALocalEndpoint() {
    var world = ipvsWorld()
    world.put(
      0, testService("svc", clusterIP: "172.30.0.41") { $0.spec.internalTrafficPolicy = "Local" }, [remote])
    world.converge()
    let verdict = world.verdict(Probe(from: Address.pod, to: "172.30.0.41", port: 80))
    #expect(verdict.kind == .reject)
    #expect(verdict.reason == .localPolicy)
  }

  @Test(
    "without endpoints every address refuses, the node's own packets too",
    arguments: [Address.pod, Address.outside, Address.node])
  func noEndpoints(_ source: String) {
    var world = ipvsWorld()
    world.put(0, everyAddress(), [])
    world.converge()
    #expect(world.fates(from: source) == ["REJECT", "REJECT", "REJECT", "REJECT"])
    #expect(world.verdict(Probe(from: source, to: "1.2.3.4", port: 80)).reason == .noEndpoints)
  }

  @Test(
    "terminating endpoints (FACTS I2): local ones before others, all where none is ready",
    arguments: [
      ("RRTX", "R", "10.180.0.1:80 10.180.0.2:80 10.180.1.1:80", "10.180.0.1:80 10.180.0.2:80"),
      ("TTX", "R", "10.180.1.1:80", "10.180.0.1:80 10.180.0.2:80"),
      ("", "T", "10.180.1.1:80", "10.180.1.1:80"),
      ("X", "X", "REJECT", "REJECT"), ("", "", "REJECT", "REJECT"),
    ])
  func terminating(_ here: String, _ there: String, _ fromPod: String, _ fromOutside: String) {
    var world = ipvsWorld()
    let mine = here.enumerated().map {
      testEndpoint("10.180.0.\($0.offset + 1)", node: "testnode", $0.element)
    }
    let others = there.enumerated().map {
      testEndpoint("10.180.1.\($0.offset + 1)", node: "other", $0.element)
    }
    world.put(0, everyAddress { $0.spec.externalTrafficPolicy = "Local" }, mine + others)
    world.converge()
    #expect(world.fate(Probe(from: Address.pod, to: "172.30.0.41", port: 80)) == fromPod)
    #expect(world.fate(Probe(from: Address.outside, to: "1.2.3.4", port: 80)) == fromOutside)
  }

  @Test(
    "addresses and ports that are not served",
    arguments: [
      // Another port, another protocol of a cluster IP; an address that no Service has.
      ("172.30.0.41", 81, .tcp, "REJECT", .unknownPort),
      ("172.30.0.41", 80, .udp, "REJECT", .unknownPort), ("1.2.3.4", 443, .tcp, "REJECT", .unknownPort),
      ("172.30.0.99", 80, .tcp, "", .none), (localhost, 3001, .tcp, "", .nodePortAddress),
      (Address.secondNodeAddress, 3001, .tcp, bothM, .none), (Address.node, 3002, .tcp, "", .none),
    ] as [(String, Int, TransportProtocol, String, VerdictReason)])
  func notServed(
    _ to: String, _ port: Int, _ transport: TransportProtocol, _ expected: String, _ reason: VerdictReason
  ) {
    var world = ipvsWorld()
    world.put(0, everyAddress(), [local, remote])
    world.converge()
    let probe = Probe(
      from: to == localhost ? localhost : Address.outside, to: to, port: port, transport: transport)
    #expect(world.fate(probe) == expected)
    #expect(world.verdict(probe).reason == reason)
  }

  /// 203.0.113.130 is not in 203.0.113.0/25; node ports know no ranges; pods are in none.
  @Test(
    "source ranges",
    arguments: [
      (Address.outside, "1.2.3.4", 80, bothM), (Address.blocked, "1.2.3.4", 80, "DROP"),
      (Address.pod, "1.2.3.4", 80, "DROP"), (Address.node, "1.2.3.4", 80, bothM),
      (Address.blocked, Address.node, 3001, bothM), (Address.pod, "172.30.0.41", 80, both),
    ] as [(String, String, Int, String)])
  func sourceRanges(_ source: String, _ to: String, _ port: Int, _ expected: String) {
    var world = ipvsWorld()
    world.put(
      0, everyAddress { $0.spec.loadBalancerSourceRanges = ["192.168.0.0/24", " 203.0.113.0/25"] },
      [local, remote])
    world.converge()
    #expect(world.fate(Probe(from: source, to: to, port: port)) == expected)
  }

  @Test func aNodeOutsideTheRangesIsKeptFromTheLoadBalancerAddress() {
    var world = ipvsWorld()
    world.put(0, everyAddress { $0.spec.loadBalancerSourceRanges = ["203.0.113.0/25"] }, [local, remote])
    world.converge()
    #expect(world.fate(Probe(from: Address.node, to: "1.2.3.4", port: 80)) == "DROP")
    #expect(world.fate(Probe(from: Address.node, to: "192.168.99.22", port: 80)) == bothM)
  }

  @Test func anEndpointThatReachesItselfIsMasqueraded() {
    var world = ipvsWorld()
    world.put(0, everyAddress(), [local])
    world.converge()
    #expect(world.fate(Probe(from: "10.180.0.1", to: "172.30.0.41", port: 80)) == "10.180.0.1:80 M")
  }

  @Test(
    "masqueradeAll and no detector change cluster IP traffic alone",
    arguments: [
      (true, true, [bothM, bothM, bothM]),
      // The node's packets come from the cluster IP itself, which the set holds.
      (false, false, [both, bothM, both]),
    ] as [(Bool, Bool, [String])])
  func detector(_ hasDetector: Bool, _ masqueradesAll: Bool, _ expected: [String]) {
    var world = ipvsWorld {
      if !hasDetector { $0.clusterCIDR = nil }
      $0.masqueradeAll = masqueradesAll
    }
    world.put(0, everyAddress(), [local, remote])
    world.converge()
    let fates = [
      world.fate(Probe(from: Address.pod, to: "172.30.0.41", port: 80)),
      world.fate(Probe(from: Address.node, to: "172.30.0.41", port: 80)),
      world.fate(Probe(from: Address.outside, to: "172.30.0.41", port: 80)),
    ]
    #expect(fates == expected)
  }

  @Test func nodePortAddressesLimitVirtualServers() {
    var world = ipvsWorld { $0.nodePortAddresses = [IPv4CIDR("192.168.1.0/24")!] }
    world.put(0, everyAddress(), [local])
    world.converge()
    #expect(world.fate(Probe(from: Address.outside, to: Address.node, port: 3001)) == "")
    #expect(
      world.fate(Probe(from: Address.outside, to: Address.secondNodeAddress, port: 3001)) == "10.180.0.1:80 M"
    )
  }
}

@Suite struct IPVSTextTests {
  @Test func everyToolPrintsWhatIsProgrammed() {
    var world = ipvsWorld { $0.ipvs.scheduler = .mh }
    world.put(
      0,
      everyAddress {
        $0.spec.externalTrafficPolicy = "Local"
        $0.spec.healthCheckNodePort = 31000
        $0.spec.loadBalancerSourceRanges = ["203.0.113.0/25"]
        $0.spec.sessionAffinity = "ClientIP"
      }, [local, remote])
    world.converge()
    let texts = world.fleet.ruleTexts(of: NodeID(0))
    #expect(
      texts.map(\.command)
        == ["ipvsadm -Sn", "ipset save", "iptables-save", "ip -o addr show dev kube-ipvs0"])
    #expect(
      texts[0].text == """
        -A -t 1.2.3.4:80 -s mh -p 10800 -b mh-port
        -a -t 1.2.3.4:80 -r 10.180.0.1:80 -m -w 1
        -A -t 172.30.0.41:80 -s mh -p 10800 -b mh-port
        -a -t 172.30.0.41:80 -r 10.180.0.1:80 -m -w 1
        -a -t 172.30.0.41:80 -r 10.180.2.1:80 -m -w 1
        -A -t 192.168.0.2:3001 -s mh -p 10800 -b mh-port
        -a -t 192.168.0.2:3001 -r 10.180.0.1:80 -m -w 1
        -A -t 192.168.1.2:3001 -s mh -p 10800 -b mh-port
        -a -t 192.168.1.2:3001 -r 10.180.0.1:80 -m -w 1
        -A -t 192.168.99.22:80 -s mh -p 10800 -b mh-port
        -a -t 192.168.99.22:80 -r 10.180.0.1:80 -m -w 1

        """)
    let sets = texts[1].text.split(separator: "\n").filter { $0.hasPrefix("add") }.map(String.init)
    #expect(
      sets == [
        "add KUBE-LOOP-BACK 10.180.0.1,tcp:80,10.180.0.1", "add KUBE-CLUSTER-IP 172.30.0.41,tcp:80",
        "add KUBE-EXTERNAL-IP-LOCAL 192.168.99.22,tcp:80", "add KUBE-LOAD-BALANCER 1.2.3.4,tcp:80",
        "add KUBE-LOAD-BALANCER-FW 1.2.3.4,tcp:80", "add KUBE-LOAD-BALANCER-LOCAL 1.2.3.4,tcp:80",
        "add KUBE-LOAD-BALANCER-SOURCE-CIDR 1.2.3.4,tcp:80,203.0.113.0/25", "add KUBE-NODE-PORT-TCP 3001",
        "add KUBE-NODE-PORT-LOCAL-TCP 3001", "add KUBE-HEALTH-CHECK-NODE-PORT 31000",
        "add KUBE-IPVS-IPS 1.2.3.4", "add KUBE-IPVS-IPS 172.30.0.41", "add KUBE-IPVS-IPS 192.168.99.22",
      ])
    #expect(
      texts[2].text.contains(
        "-A KUBE-IPVS-OUT-FILTER -s 1.2.3.4/32 -m ipvs --vproto 6 --vaddr 1.2.3.4 --vport 80 -j DROP\n"))
    #expect(texts[2].text.contains("-A KUBE-SERVICES ! -s 10.0.0.0/8 -m comment --comment"))
    #expect(texts[3].text.split(separator: "\n").count == 3)
  }
}
