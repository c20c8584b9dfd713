// SPDX-License-Identifier: GPL-3.0-or-later
//
// FACTS I2: upstream's packet tests, one table each, over modes. What sets modes apart here, and what that
// rests on:
// - nftables (D2, C6): refuses a node's own packets for a Service without endpoints on its external
//   addresses, too: service-endpoints-check hangs in filter-output (a real one's dump:
//   Golden/nftables-w1.txt). All else is as in iptables: NFTT and IPT have the same outcomes.
// - ipvs (D3; k/k pkg/proxy/ipvs/proxier.go, syncEndpoint and writeIptablesRules): who sends does not matter
//   to a virtual server. So there is no short circuit: policy Local is the local real servers for pods and
//   the node as well, and where there are none, the cluster's, for outside clients as well (PR 97081).
//   Traffic under policy Local is in the -LOCAL sets and never masqueraded, the node's own included (k/k
//   93456: no answer for host-network pods). A Service without real servers refuses (ip_vs_leave), whoever
//   asks. Source ranges let a VIP pass as its own source only: KUBE-LOAD-BALANCER-SOURCE-IP holds (VIP, port,
//   the same VIP).
// - eBPF (D4): translates inside the cluster at connect(): no masquerade (C7 is kube-proxy's), no source
//   ranges (C8), and external IPs not at all (CVE-2020-8554; bpf_sock.c sock4_skip_xlate); outside traffic is
//   masqueraded only towards other nodes (forwarding SNAT); policy Local without a local backend is a Service
//   without backends, which is refused (service-no-backend-response), where kube-proxy is silent. C8's VIP as
//   source is kube-proxy's.
// Address plan: FACTS I1. "all" are
// 10.180.0.1 on this node and 10.180.2.1 elsewhere.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private let all = "10.180.0.1:80 10.180.2.1:80"
private let here = "10.180.0.1:80"
private let there = "10.180.2.1:80"
/// eBPF: only what leaves the node gets its address.
private let remoteMasqueraded = "10.180.0.1:80 10.180.2.1:80*"
private let bothEndpoints = [
  testEndpoint("10.180.0.1", node: "testnode"), testEndpoint("10.180.2.1", node: "host2"),
]

/// ClusterIP 172.30.1.1, node port 3001, external IP 192.168.99.11, load balancer 1.2.3.4.
private func openService(
  _ number: Int = 1, external: String = "Cluster", internalPolicy: String = "Cluster",
  ranges: [String] = [], loadBalancers: [String] = ["1.2.3.4"]
) -> Service {
  testService("svc\(number)", clusterIP: "172.30.1.\(number)") { service in
    service.spec.type = "LoadBalancer"
    service.spec.ports[0].nodePort = 3000 + number
    service.spec.externalIPs = ["192.168.99.1\(number)"]
    service.spec.externalTrafficPolicy = external
    service.spec.internalTrafficPolicy = internalPolicy
    service.spec.loadBalancerSourceRanges = ranges
    service.status.loadBalancerIngress = loadBalancers.map { LoadBalancerIngress(ip: $0) }
  }
}

@Suite struct TrafficPolicyTests {
  @Test(
    arguments: tableModes,
    [
      PacketFlow("pod to cluster IP", Address.pod, "172.30.1.1", 80, "REJECT"),
      PacketFlow("outside to external IP", Address.outside, "192.168.99.11", 80, "REJECT"),
      PacketFlow("pod to node port", Address.pod, Address.node, 3001, "REJECT"),
      PacketFlow("outside to node port", Address.outside, Address.node, 3001, "REJECT"),
      PacketFlow("pod to LB IP", Address.pod, "1.2.3.4", 80, "REJECT"),
      PacketFlow("outside to LB IP", Address.outside, "1.2.3.4", 80, "REJECT"),
      // golden/README.md: KUBE-EXTERNAL-SERVICES hangs in INPUT and FORWARD only.
      PacketFlow(
        "node to external IP", Address.node, "192.168.99.11", 80, "", nftables: "REJECT", ipvs: "REJECT"),
      PacketFlow(
        "node to LB IP", Address.node, "1.2.3.4", 80, "", nftables: "REJECT", ipvs: "REJECT", ebpf: "REJECT"),
      PacketFlow("node to its own node port, through INPUT", Address.node, Address.node, 3001, "REJECT"),
      PacketFlow("node to cluster IP", Address.node, "172.30.1.1", 80, "REJECT"),
    ]) func withoutEndpointsPacketsAreRejected(_ mode: ProxyMode, _ test: PacketFlow)
  {
    var world = modeWorld(mode)
    world.put(0, openService())
    world.converge()
    world.check(test, mode)
    guard mode == .iptables else { return }
    let reason = world.verdict(test.probe).reason
    #expect(reason == (test.expected == "REJECT" ? .noEndpoints : .none))
  }

  @Test(
    arguments: tableModes,
    [
      PacketFlow("pod to cluster IP", Address.pod, "172.30.1.1", 80, all),
      PacketFlow(
        "allowed to node port", Address.outside, Address.node, 3001, all + " M", ebpf: remoteMasqueraded),
      PacketFlow(
        "blocked to node port: ranges do not apply", Address.blocked, Address.node, 3001, all + " M",
        ebpf: remoteMasqueraded),
      PacketFlow("allowed to LB1", Address.outside, "1.2.3.4", 80, all + " M", ebpf: remoteMasqueraded),
      PacketFlow("allowed to LB2", Address.outside, "5.6.7.8", 80, all + " M", ebpf: remoteMasqueraded),
      PacketFlow("blocked to LB1", Address.blocked, "1.2.3.4", 80, "DROP"),
      PacketFlow("blocked to LB2", Address.blocked, "5.6.7.8", 80, "DROP"),
      PacketFlow("pod to LB1", Address.pod, "1.2.3.4", 80, "DROP", ebpf: all),
      PacketFlow("pod to LB2", Address.pod, "5.6.7.8", 80, "DROP", ebpf: all),
      PacketFlow("node to LB1", Address.node, "1.2.3.4", 80, all + " M", ebpf: all),
      PacketFlow("node to LB2", Address.node, "5.6.7.8", 80, all + " M", ebpf: all),
      PacketFlow("LB1 as its own source", "1.2.3.4", "1.2.3.4", 80, all + " M", ebpf: "DROP"),
      PacketFlow(
        "LB2 as source to LB1", "5.6.7.8", "1.2.3.4", 80, all + " M", ipvs: "DROP", ebpf: "DROP"),
      PacketFlow("ipMode Proxy", Address.outside, "9.10.11.12", 80, ""),
    ]) func sourceRangesGuardLoadBalancerAddressesOnly(_ mode: ProxyMode, _ test: PacketFlow)
  {
    var world = modeWorld(mode)
    var service = openService(
      ranges: ["192.168.0.0/24", " 203.0.113.0/25"], loadBalancers: ["1.2.3.4", "5.6.7.8"])
    service.status.loadBalancerIngress.append(LoadBalancerIngress(ip: "9.10.11.12", ipMode: "Proxy"))
    world.put(0, service, bothEndpoints)
    world.converge()
    world.check(test, mode)
    guard mode == .iptables else { return }
    let verdict = world.verdict(test.probe)
    #expect(verdict.reason == (test.expected == "DROP" ? .sourceRange : .none))
  }

  /// The node's own packets are exempt only in eBPF mode (FACTS C8); in ipvs mode KUBE-IPVS-OUT-FILTER stops
  /// them.
  @Test(
    arguments: tableModes,
    [
      PacketFlow("the VIP as its own source", "1.2.3.4", "1.2.3.4", 80, "DROP"),
      PacketFlow("node to LB", Address.node, "1.2.3.4", 80, "DROP", ebpf: all),
      PacketFlow("node to external IP", Address.node, "192.168.99.11", 80, all + " M", ebpf: ""),
      PacketFlow("node to its node port", Address.node, Address.node, 3001, all + " M", ebpf: all),
      PacketFlow("node to cluster IP", Address.node, "172.30.1.1", 80, all + " M", ebpf: all),
      PacketFlow(
        "blocked to external IP", Address.blocked, "192.168.99.11", 80, all + " M", ebpf: remoteMasqueraded),
    ]) func rangesThatLeaveTheNodeOutHoldItToo(_ mode: ProxyMode, _ test: PacketFlow)
  {
    var world = modeWorld(mode)
    world.put(0, openService(ranges: ["203.0.113.0/25"]), bothEndpoints)
    world.converge()
    world.check(test, mode)
  }

  @Test(
    arguments: tableModes,
    [
      PacketFlow("pod to cluster IP", Address.pod, "172.30.1.1", 80, all),
      PacketFlow("pod to external IP", Address.pod, "192.168.99.11", 80, all, ipvs: here, ebpf: ""),
      PacketFlow("pod to LB", Address.pod, "1.2.3.4", 80, all, ipvs: here),
      PacketFlow("pod to node port", Address.pod, Address.node, 3001, all, ipvs: here),
      PacketFlow("outside to external IP", Address.outside, "192.168.99.11", 80, here),
      PacketFlow("outside to LB", Address.outside, "1.2.3.4", 80, here),
      PacketFlow("outside to node port", Address.outside, Address.node, 3001, here),
    ]) func externalPolicyLocalKeepsOutsideTrafficHere(_ mode: ProxyMode, _ test: PacketFlow)
  {
    var world = modeWorld(mode)
    world.put(0, openService(external: "Local"), bothEndpoints)
    world.converge()
    world.check(test, mode)
  }

  @Test(
    arguments: tableModes,
    [
      PacketFlow("pod to cluster IP", Address.pod, "172.30.1.1", 80, all),
      PacketFlow("pod to external IP", Address.pod, "192.168.99.11", 80, all + " M", ebpf: ""),
      PacketFlow("pod to LB", Address.pod, "1.2.3.4", 80, all + " M", ebpf: all),
      PacketFlow("pod to node port", Address.pod, Address.node, 3001, all + " M", ebpf: all),
      PacketFlow(
        "outside to external IP", Address.outside, "192.168.99.11", 80, all + " M", ebpf: remoteMasqueraded),
      PacketFlow("outside to LB", Address.outside, "1.2.3.4", 80, all + " M", ebpf: remoteMasqueraded),
      PacketFlow(
        "outside to node port", Address.outside, Address.node, 3001, all + " M", ebpf: remoteMasqueraded),
    ]) func externalPolicyClusterMasquerades(_ mode: ProxyMode, _ test: PacketFlow)
  {
    var world = modeWorld(mode)
    world.put(0, openService(), bothEndpoints)
    world.converge()
    world.check(test, mode)
  }

  @Test(
    arguments: tableModes,
    [
      PacketFlow(
        "outside to external IP", Address.outside, "192.168.99.11", 80, "DROP", ipvs: there, ebpf: "REJECT"),
      PacketFlow("outside to LB", Address.outside, "1.2.3.4", 80, "DROP", ipvs: there, ebpf: "REJECT"),
      PacketFlow(
        "outside to node port", Address.outside, Address.node, 3001, "DROP", ipvs: there, ebpf: "REJECT"),
      PacketFlow("pod to LB: short circuit", Address.pod, "1.2.3.4", 80, "10.180.2.1:80"),
      PacketFlow(
        "node to LB: short circuit", Address.node, "1.2.3.4", 80, there + " M", ipvs: there, ebpf: there),
      PacketFlow("pod to cluster IP", Address.pod, "172.30.1.1", 80, "10.180.2.1:80"),
    ]) func externalPolicyLocalWithoutLocalEndpointsIsSilent(_ mode: ProxyMode, _ test: PacketFlow)
  {
    var world = modeWorld(mode)
    world.put(0, openService(external: "Local"), [bothEndpoints[1]])
    world.converge()
    world.check(test, mode)
    guard mode == .iptables else { return }
    let verdict = world.verdict(test.probe)
    #expect(verdict.reason == (test.expected == "DROP" ? .localPolicy : .none))
  }

  @Test(arguments: [
    ("Cluster", ["testnode", "host1", "host2"], "10.0.1.1:80 10.0.1.2:80 10.0.1.3:80"),
    ("Local", ["testnode", "host1", "host2"], "10.0.1.1:80"),
    ("Local", ["testnode", "testnode", "host2"], "10.0.1.1:80 10.0.1.2:80"),
    ("Local", ["host0", "host1", "host2"], "DROP"),
  ]) func internalTrafficPolicyKeepsClusterIPTrafficHere(policy: String, hosts: [String], expected: String) {
    for mode in tableModes {
      var world = modeWorld(mode)
      let service = testService("svc1", clusterIP: "172.30.1.1") { $0.spec.internalTrafficPolicy = policy }
      world.put(0, service, hosts.enumerated().map { testEndpoint("10.0.1.\($0 + 1)", node: $1) })
      world.converge()
      let probe = Probe(from: Address.pod, to: "172.30.1.1", port: 80)
      // Cilium refuses at connect() where iptables and nftables are silent. So does ipvs: a Service that only
      // cluster IPs lead to has no cluster set to fall back to (UsesClusterEndpoints in
      // pkg/proxy/serviceport.go).
      let isRefused = (mode == .ebpf || mode == .ipvs) && expected == "DROP"
      let here = isRefused ? "REJECT" : expected
      let before = world.fateInMode(probe)
      #expect(before == here, "\(mode)")
      world.put(0, slices: [])
      world.run(for: .seconds(2))
      let after = world.fateInMode(probe)
      #expect(after == "REJECT", "\(mode)")
    }
  }

  /// Endpoints 1…: R ready, T serving and terminating, X terminating, U unready; those before | are local.
  @Test(arguments: [
    ("Local", "RRTX|R", "1 2 5", "1 2"),
    ("Local", "TTX|R", "4", "1 2"),
    ("Local", "|T", "1", "DROP"),
    ("Local", "X|X", "REJECT", "REJECT"),
    ("Cluster", "RR|TXR", "1 2 5", "1 2 5 M"),
    ("Cluster", "TT|XT", "1 2 4", "1 2 4 M"),
    ("Cluster", "|T", "1", "1 M"),
    ("Cluster", "X|X", "REJECT", "REJECT"),
  ]) func terminatingEndpointsServeOnlyWhenNothingElseDoes(
    policy: String, states: String, toClusterIP: String, toLoadBalancer: String
  ) {
    var endpoints: [Endpoint] = []
    var isLocal = true
    for state in states {
      if state == "|" {
        isLocal = false
        continue
      }
      endpoints.append(
        testEndpoint("10.0.1.\(endpoints.count + 1)", node: isLocal ? "testnode" : "host2", state))
    }
    func targets(_ text: String) -> String {
      text.split(separator: " ").map { Int($0) == nil ? String($0) : "10.0.1.\($0):80" }.joined(
        separator: " ")
    }
    let remote = Set(endpoints.filter { $0.nodeName != "testnode" }.map { $0.addresses[0] + ":80" })
    for mode in tableModes {
      var world = modeWorld(mode)
      world.put(0, openService(external: policy), endpoints)
      world.converge()
      let inside = Probe(from: Address.pod, to: "172.30.1.1", port: 80)
      let outside = Probe(from: Address.outside, to: "1.2.3.4", port: 80)
      var fromOutside = targets(toLoadBalancer)
      // No local endpoint: ipvs takes the others (PR 97081).
      if mode == .ipvs, fromOutside == "DROP" { fromOutside = targets(toClusterIP) }
      if mode == .ebpf {
        if fromOutside == "DROP" { fromOutside = "REJECT" }
        if fromOutside.hasSuffix(" M") { fromOutside = onlyRemote(fromOutside, remote) }
      }
      let first = (world.fateInMode(inside), world.fateInMode(outside))
      #expect(first == (targets(toClusterIP), fromOutside), "\(mode)")
      world.put(0, slices: [])
      world.run(for: .seconds(2))
      let last = (world.fateInMode(inside), world.fateInMode(outside))
      #expect(last == ("REJECT", "REJECT"), "\(mode)")
    }
  }

  /// "a b M" with the masquerade where eBPF has it: towards other nodes only.
  private func onlyRemote(_ text: String, _ remote: Set<String>) -> String {
    let words = text.split(separator: " ").dropLast().map(String.init)
    if words.allSatisfy(remote.contains) { return text }
    return words.map { remote.contains($0) ? $0 + "*" : $0 }.joined(separator: " ")
  }
}
