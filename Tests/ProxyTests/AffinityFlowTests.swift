// SPDX-License-Identifier: GPL-3.0-or-later
//
// Session affinity as a client of one Service meets it in each mode. What modes share, and where they part:
// - iptables (FACTS D1): one list per endpoint for all of a Service port's addresses; a list forgets the
//   101st client.
// - nftables (D2): one set per endpoint, as wide; no limit that a hundred clients reach.
// - ipvs (D3; ip_vs_core.c, ip_vs_sched_persist): a template of client, virtual address and port, so each
//   address of the Service remembers for itself.
// - eBPF (D4): an entry per client and frontend, "per Service IP:port".

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private func stickyWorld(_ mode: ProxyMode) -> ProxyWorld {
  var world = modeWorld(mode)
  let service = testService("svc1", clusterIP: "172.30.1.1") {
    $0.spec.type = "LoadBalancer"
    $0.spec.ports[0].nodePort = 30001
    $0.spec.sessionAffinity = "ClientIP"
    $0.spec.affinityTimeoutSeconds = 100
    $0.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
  }
  let endpoints = (1...3).map { testEndpoint("10.180.0.\($0)", node: "testnode") }
  world.put(0, service, endpoints)
  world.converge()
  return world
}

extension ProxyWorld {
  /// A new connection's backend, and whether the client was remembered.
  fileprivate mutating func connect(
    _ from: String, _ to: String, _ port: Int, random: UInt64
  ) -> (isRemembered: Bool, target: String) {
    let probe = Probe(from: from, to: to, port: port)
    let verdict = fleet.decide(
      node: NodeID(0), flow: newClientFlow(probe), origin: origin(of: probe), at: now, random: random)
    return (verdict.viaAffinity, "\(verdict.address)")
  }
}

@Suite struct AffinityFlowTests {
  @Test(arguments: tableModes, [Address.pod, Address.outside])
  func aClientComesBackToItsBackendUntilItWasAwayTooLong(_ mode: ProxyMode, from: String) {
    var world = stickyWorld(mode)
    let to = from == Address.pod ? "172.30.1.1" : "1.2.3.4"
    let first = world.connect(from, to, 80, random: .max)
    #expect(!first.isRemembered, "\(mode)")
    // 60, 120, 180 s after the first, always within 100 s of the last.
    for _ in 0..<3 {
      world.run(for: .seconds(60))
      let again = world.connect(from, to, 80, random: 0)
      #expect(again == (true, first.target), "\(mode)")
    }
    // Past the template's prolongation by ipvs connections that are still known, too.
    world.run(for: .seconds(400))
    let late = world.connect(from, to, 80, random: 0)
    #expect(!late.isRemembered, "\(mode)")
  }

  @Test(arguments: [
    (ProxyMode.iptables, true), (.nftables, true), (.ipvs, false), (.ebpf, false),
  ]) func kubeProxysRulesRememberForAServicePortAndTheOthersForAnAddress(_ mode: ProxyMode, isShared: Bool) {
    var world = stickyWorld(mode)
    let first = world.connect(Address.pod, "172.30.1.1", 80, random: .max)
    for (to, port) in [("1.2.3.4", 80), (Address.node, 30001)] {
      let other = world.connect(Address.pod, to, port, random: 0)
      #expect(other.isRemembered == isShared, "\(mode) | \(to)")
      if isShared { #expect(other.target == first.target, "\(mode) | \(to)") }
    }
    let again = world.connect(Address.pod, "172.30.1.1", 80, random: 0)
    #expect(again == (true, first.target), "\(mode)")
  }

  @Test(arguments: [
    (ProxyMode.iptables, false), (.nftables, true), (.ipvs, true), (.ebpf, true),
  ]) func theFirstOfManyClientsIsForgottenByIptablesOnly(_ mode: ProxyMode, isRemembered: Bool) {
    var world = stickyWorld(mode)
    let first = world.connect("10.0.1.1", "172.30.1.1", 80, random: .max)
    // More than 100 at each endpoint, in whatever order a scheduler deals them out.
    for n in 0..<400 { _ = world.connect("10.0.\(2 + n / 200).\(n % 200)", "172.30.1.1", 80, random: .max) }
    let again = world.connect("10.0.1.1", "172.30.1.1", 80, random: 0)
    #expect(again.isRemembered == isRemembered, "\(mode)")
    #expect(!isRemembered || again.target == first.target, "\(mode)")
  }
}
