// SPDX-License-Identifier: GPL-3.0-or-later
//
// FACTS I2, TestClusterIPGeneral, over modes. What sets modes apart rests on:
// - nftables: D2, the cluster-ips set and its reject and drop; both rows are upstream's own.
// - ipvs: D3, KUBE-IPVS-FILTER refuses what comes to an address of kube-ipvs0 and is in no set; an address
//   that no Service has is not on kube-ipvs0 and routed on, as in iptables mode.
// - eBPF: D4, nothing is rewritten after connect(), so nothing is masqueraded; no SCTP; cluster IPs are not
//   served outside (DROP_IS_CLUSTER_IP, bpf/lib/nodeport.h); the service map has no entry for other ports.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

@Suite struct ClusterIPTests {
  private static func world(_ mode: ProxyMode = .iptables) -> ProxyWorld {
    var world = modeWorld(mode)
    world.put(
      0, testService("svc1", clusterIP: "172.30.0.41"), [testEndpoint("10.180.0.1", node: "testnode")])
    let second = testService("svc2", clusterIP: "172.30.0.42", port: 443)
    world.put(
      1, second,
      [testEndpoint("10.180.0.1", node: "testnode"), testEndpoint("10.180.2.1", node: "host2")], port: 8443)
    let dns = testService("svc3", clusterIP: "172.30.0.43") { service in
      service.spec.ports = ["TCP", "UDP", "SCTP"].map { transport in
        var port = ServicePort()
        port.name = "dns-" + transport.lowercased()
        port.port = 53
        port.protocol = transport
        return port
      }
    }
    world.put(2, dns)
    let ports = [
      EndpointPort(name: "dns-tcp", port: 5353, protocol: "TCP"),
      EndpointPort(name: "dns-udp", port: 53, protocol: "UDP"),
      EndpointPort(name: "dns-sctp", port: 53, protocol: "SCTP"),
    ]
    world.put(2, slices: [testSlice([testEndpoint("10.180.0.3", node: "testnode")], ports: ports)])
    world.converge()
    return world
  }

  @Test(
    arguments: tableModes,
    [
      PacketFlow("pod to a Service with one endpoint", Address.pod, "172.30.0.41", 80, "10.180.0.1:80"),
      PacketFlow(
        "an endpoint to its own Service", "10.180.0.1", "172.30.0.41", 80, "10.180.0.1:80 M",
        ebpf: "10.180.0.1:80"),
      PacketFlow(
        "two endpoints, another target port", Address.pod, "172.30.0.42", 443,
        "10.180.0.1:8443 10.180.2.1:8443"),
      PacketFlow("port 53 as TCP", Address.pod, "172.30.0.43", 53, "10.180.0.3:5353"),
      PacketFlow("port 53 as UDP", Address.pod, "172.30.0.43", 53, "10.180.0.3:53", transport: .udp),
      PacketFlow(
        "port 53 as SCTP", Address.pod, "172.30.0.43", 53, "10.180.0.3:53", transport: .sctp, ebpf: ""),
      PacketFlow(
        "UDP to a TCP port", Address.pod, "172.30.0.41", 80, "", transport: .udp, nftables: "REJECT",
        ipvs: "REJECT"),
      PacketFlow(
        "another Service's port", Address.pod, "172.30.0.41", 443, "", nftables: "REJECT", ipvs: "REJECT"),
      PacketFlow("an unallocated cluster IP", Address.pod, "172.30.0.50", 80, "", nftables: "DROP"),
      PacketFlow(
        "a node to a cluster IP", Address.node, "172.30.0.41", 80, "10.180.0.1:80 M", ebpf: "10.180.0.1:80"),
      PacketFlow(
        "outside to a cluster IP", Address.outside, "172.30.0.41", 80, "10.180.0.1:80 M", ebpf: "DROP"),
    ]) func clusterIPTrafficGoesWhereUpstreamSendsIt(_ mode: ProxyMode, _ flow: PacketFlow)
  {
    var world = Self.world(mode)
    world.check(flow, mode)
  }

  @Test func choiceFollowsTheRandomBitsEvenly() {
    var world = Self.world()
    let probe = Probe(from: Address.pod, to: "172.30.0.42", port: 443)
    #expect(world.verdict(probe, random: 0).address == address("10.180.0.1"))
    #expect(world.verdict(probe, random: .max / 2).address == address("10.180.0.1"))
    #expect(world.verdict(probe, random: .max / 2 + 1).address == address("10.180.2.1"))
    #expect(world.verdict(probe, random: .max).address == address("10.180.2.1"))
  }

  @Test func headlessAndExternalNameServicesHaveNoRules() {
    var world = ProxyWorld()
    world.put(
      0, testService("headless", clusterIP: "None"), [testEndpoint("10.180.0.1", node: "testnode")])
    let named = testService("named", clusterIP: "172.30.0.44") {
      $0.spec.type = "ExternalName"
      $0.spec.externalName = "example.com"
    }
    world.put(1, named, [testEndpoint("10.180.0.2", node: "testnode")])
    world.converge()
    #expect(world.fleet.servicePortCount == 0)
    #expect(world.fate(Probe(from: Address.pod, to: "172.30.0.44", port: 80)) == "")
  }
}
