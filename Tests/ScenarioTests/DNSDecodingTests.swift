// SPDX-License-Identifier: GPL-3.0-or-later
//
// cluster.dns, a client's cache and a pod's dnsConfig as scenarios and manifests say them.

import Cluster
import NetworkTypes
import SimKernel
import Testing
import Traffic

@testable import Scenario

@Suite struct DNSDecodingTests {
  /// A DNS Service in the place of the test scenario's first object.
  private static let service =
    "objects[0]={apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, "
    + "ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]}}"

  private static func scenario(_ overrides: String...) throws -> ScenarioFile {
    try TestScenario.edited(overrides).get()
  }

  @Test func dnsIsIdealUnlessTheScenarioSaysWhoServes() throws {
    #expect(try Self.scenario().cluster.dns.service == nil)
    #expect(try Self.scenario("cluster.dns.servers=ideal").cluster.dns.service == nil)
    let s = try Self.scenario(Self.service, "cluster.dns.servers={service: default/web}")
    #expect(s.cluster.dns.service == NamespacedName(name: "web"))
  }

  @Test func everyPartIsRead() throws {
    let dns = try Self.scenario(
      Self.service, "cluster.dns.servers={service: default/web}", "cluster.dns.ttl=5s",
      "cluster.dns.coreDNS={serviceTime: 1ms, watchDelay: 2s, cacheTTL: 10s, cacheMinimum: 0s, cachesClusterDomain: true}",
      "cluster.dns.upstream={latency: 9ms, caches: true, negativeTTL: 7s}",
      "cluster.dns.resolver={library: musl, ndots: 2, timeout: 1s, attempts: 3, nodeSearch: [lan]}",
      "cluster.dns.insertRace={probability: 0.25, kernel: 4.15.0-20}"
    ).cluster.dns
    #expect(dns.coreDNS.serviceTime == .constant(0.001))
    #expect(dns.coreDNS.watchDelay == .constant(2))
    #expect(dns.coreDNS.cacheTTL == .seconds(10))
    #expect(dns.coreDNS.cacheMinimum == .zero)
    #expect(dns.coreDNS.cachesClusterDomain)
    #expect(dns.upstream.latency == .constant(0.009))
    #expect(dns.upstream.caches)
    #expect(dns.upstream.negativeTTL == .seconds(7))
    #expect(dns.resolver.library == .musl)
    #expect(dns.resolver.ndots == 2)
    #expect(dns.resolver.timeout == .seconds(1))
    #expect(dns.resolver.attempts == 3)
    #expect(dns.resolver.nodeSearch == ["lan"])
    #expect(dns.insertRace.probability == 0.25)
    #expect(dns.insertRace.kernel == KernelVersion(4, 15))
  }

  @Test(
    "A client's cache is a time or the name of a runtime",
    arguments: [
      ("0s", DNSCachePolicy(.fixed(.zero))), ("90s", DNSCachePolicy(.fixed(.seconds(90)))),
      ("jvm", DNSCachePolicy(.fixed(.seconds(30)), negative: .seconds(10))),
      ("jvm-security-manager", DNSCachePolicy(.forever, negative: .seconds(10))),
      ("ttl", DNSCachePolicy(.timeToLive)),
    ])
  func caches(_ text: String, _ policy: DNSCachePolicy) throws {
    #expect(try Self.scenario("clients[0].dnsCache=\(text)").clients[0].cachePolicy == policy)
  }

  @Test(
    "What would have no effect, or refers to nothing, is a mistake",
    arguments: [
      ("cluster.dns.servers={service: default/wbe}", "expected a Service of the manifests"),
      ("cluster.dns.servers={service: default/web}", "expected a Service with port 53 for UDP"),
      ("cluster.dns.insertRace={probability: 0.5}", "\"insertRace\" only has an effect with a Service"),
      ("cluster.dns.nodeLocal={}", "\"nodeLocal\" only has an effect with a Service"),
      ("cluster.dns.servers=real", "cluster.dns.servers"),
      ("cluster.dns.resolver={attempts: 9}", "cluster.dns.resolver.attempts"),
      ("cluster.dns.insertRace={kernel: new}", "cluster.dns.insertRace.kernel"),
      ("clients[0].dnsCache=cobol", "one of none, ttl, glibc"),
      ("clients[0].dnsName=web", "\"dnsName\" only has an effect where cluster.dns.servers is a Service"),
      ("clients[0].dnsName=Web!", "expected a DNS name"),
    ])
  func mistakes(_ override: String, _ part: String) {
    let lines = TestScenario.mistakes(TestScenario.text, overrides: [override])
    #expect(lines.contains { $0.contains(part) }, "\(lines)")
  }

  @Test func idealKeysHaveNoEffectWithAService() {
    let lines = TestScenario.mistakes(
      TestScenario.text,
      overrides: [Self.service, "cluster.dns.servers={service: default/web}", "cluster.dns.loss=0.1"])
    #expect(lines.contains { $0.contains("\"loss\" only has an effect with") }, "\(lines)")
  }

  @Test func theCachesDaemonSetMustExist() {
    let lines = TestScenario.mistakes(
      TestScenario.text,
      overrides: [
        Self.service, "cluster.dns.servers={service: default/web}", "cluster.dns.nodeLocal={}",
      ])
    #expect(lines.contains { $0.contains("expected a DaemonSet of the manifests") }, "\(lines)")
  }

  // MARK: Pods

  private static func pod(_ spec: String) -> String {
    "objects[1]={apiVersion: v1, kind: Pod, metadata: {name: p, labels: {app: web}}, spec: {\(spec), "
      + "containers: [{name: c, image: i}]}}"
  }

  @Test func aPodsDNSIsRead() throws {
    let s = try Self.scenario(
      Self.pod(
        "dnsPolicy: None, dnsConfig: {nameservers: [10.96.0.10], searches: [lan], "
          + "options: [{name: ndots, value: \"2\"}, {name: single-request-reopen}]}"))
    guard case .pod(let pod) = s.objects[1] else {
      Issue.record("\(s.objects[1])")
      return
    }
    #expect(pod.spec.dns.policy == .none)
    #expect(pod.spec.dns.nameservers.map(\.description) == ["10.96.0.10"])
    #expect(pod.spec.dns.searches == ["lan"])
    #expect(pod.spec.dns.options == [.init("ndots", "2"), .init("single-request-reopen")])
  }

  @Test(
    "A pod's DNS that the API or the resolver would not take is a mistake",
    arguments: [
      ("dnsPolicy: Clusterfirst", "expected one of ClusterFirst"),
      ("dnsConfig: {options: [{name: ndots, value: many}]}", "expected an option of resolv.conf(5)"),
      ("dnsConfig: {options: [{name: nonsense}]}", "expected an option of resolv.conf(5)"),
      ("dnsConfig: {nameserver: [10.96.0.10]}", "unknown field"),
    ])
  func wrongPods(_ spec: String, _ part: String) {
    let lines = TestScenario.mistakes(TestScenario.text, overrides: [Self.pod(spec)])
    #expect(lines.contains { $0.contains(part) }, "\(lines)")
  }
}
