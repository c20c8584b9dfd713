// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a right scenario means: values reach the settings that they name, defaults stay, references resolve.

import Cluster
import Foundation
import NetworkTypes
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Scenario

@Suite struct ScenarioDecodingTests {
  static func scenario(_ overrides: String...) throws -> ScenarioFile {
    try TestScenario.load(TestScenario.text, overrides: overrides)
  }

  @Test func theTopLevelIsRead() throws {
    let s = try Self.scenario()
    #expect(s.name == "t")
    #expect(s.issues.count == 1)
    #expect(s.seed == 7)
    #expect(s.duration == .minutes(1))
    #expect(s.report.warmUp == .seconds(5))
    #expect(s.cluster.minorVersion == 36)
    #expect(s.objects.count == 2)
    #expect(
      try TestScenario.load(TestScenario.text.replacing("\"name\": \"t\",", with: ""), path: "x/my run.json")
        .name == "my-run")
  }

  @Test func theSeedOfTheCommandLineWins() throws {
    let file = SourceFile(path: "t.json", text: TestScenario.text)
    let s = try ScenarioLoader.load(file, seed: 99)
    #expect(s.seed == 99)
  }

  @Test func nodesInheritTheClustersProxyAndItsPodBlock() throws {
    let s = try Self.scenario()
    #expect(s.cluster.nodes.map(\.name) == ["n1", "n2", "late"])
    #expect(s.cluster.nodes[0].podCIDR == IPv4CIDR("10.244.1.0/24"))
    #expect(s.cluster.nodes[0].cores == 8)
    #expect(s.cluster.nodes[2].joinsAtStart == false)
    #expect(s.cluster.proxy?.clusterCIDR == s.cluster.podCIDR)
    #expect(s.cluster.nodes[1].proxy?.mode == .nftables)
    #expect(s.cluster.nodes[1].proxy?.clusterCIDR == s.cluster.podCIDR)
    let none = try Self.scenario("cluster.proxy.clusterCIDR=none")
    #expect(none.cluster.proxy?.clusterCIDR == nil)
    #expect(none.cluster.nodes[1].proxy?.clusterCIDR == nil)
  }

  @Test func aGroupOfNodesIsNumbered() throws {
    let s = try Self.scenario("cluster.nodes[2]={name: \"w-{n}\", count: 3, zone: b}")
    #expect(s.cluster.nodes.map(\.name) == ["n1", "n2", "w-1", "w-2", "w-3"])
    #expect(s.cluster.nodes[4].zone == "b")
  }

  @Test(arguments: [
    ("2s", Distribution.constant(2)),
    ("{constant: 5ms}", .constant(0.005)),
    ("{uniform: {low: 1ms, high: 2ms}}", .uniform(low: 0.001, high: 0.002)),
    ("{exponential: {mean: 1m}}", .exponential(mean: 60)),
    ("{normal: {mean: 1s, sd: 100ms}}", .normal(mean: 1, standardDeviation: 0.1, min: 0, max: nil)),
    (
      "{normal: {mean: 1s, sd: 1s, min: 500ms, max: 2s}}",
      .normal(mean: 1, standardDeviation: 1, min: 0.5, max: 2)
    ),
    ("{lognormal: {median: 1s, sigma: 0.5, max: 9s}}", .lognormal(median: 1, sigma: 0.5, min: nil, max: 9)),
    ("{lognormal: {mean: 1s, sigma: 2}}", .lognormal(median: exp(-2), sigma: 2, min: nil, max: nil)),
    ("{gamma: {shape: 4, mean: 2s}}", .gamma(shape: 4, scale: 0.5)),
    ("{gamma: {shape: 4, scale: 2s}}", .gamma(shape: 4, scale: 2)),
    ("{erlang: {k: 3, mean: 2s}}", .erlang(k: 3, mean: 2)),
    ("{weibull: {shape: 0.5, scale: 2s}}", .weibull(shape: 0.5, scale: 2)),
    ("{pareto: {shape: 1.5, scale: 2s}}", .pareto(shape: 1.5, scale: 2)),
    (
      "{hyperexponential: {probabilities: [0.25, 0.75], means: [1s, 2s]}}",
      .hyperexponential(probabilities: [0.25, 0.75], means: [1, 2])
    ),
    ("{discrete: {values: [1s, 2s], weights: [3, 1]}}", .discrete(values: [1, 2], weights: [3, 1])),
    (
      "{mixture: {weights: [1, 2], parts: [{constant: 1s}, {exponential: {mean: 2s}}]}}",
      .mixture(weights: [1, 2], parts: [.constant(1), .exponential(mean: 2)])
    ),
  ])
  func distributionsAreInSeconds(text: String, expected: Distribution) throws {
    #expect(try Self.scenario("cluster.timing.podStart=\(text)").cluster.timing.podStart == expected)
  }

  @Test(arguments: [
    ("3", Distribution.constant(3)), ("{poisson: {mean: 3}}", .poisson(mean: 3)),
    ("{geometric: {p: 0.2}}", .geometric(probability: 0.2)), ("{constant: 2}", .constant(2)),
  ])
  func countsHaveNoUnit(text: String, expected: Distribution) throws {
    #expect(try Self.scenario("clients[0].requests=\(text)").clients[0].requests == expected)
  }

  @Test(
    arguments: [
      ("1h30m", 5_400_000_000_000), ("1.5m", 90_000_000_000), ("250ms", 250_000_000), ("10us", 10_000),
      ("100ns", 100),
      ("0s", 0), ("0.0000000004s", 0),
    ] as [(String, Int64)])
  func durationsAreWholeNanoseconds(text: String, nanoseconds: Int64) {
    #expect(DurationText.parse(text)?.nanoseconds == nanoseconds)
  }

  @Test(arguments: ["", "5", "s", "5 s", "5S", "5s5", "-5s", ".5s", "5.s", "1e3s", "٣s", "5sec", "5m s"])
  func whatIsNoDurationIsRefused(text: String) { #expect(DurationText.parse(text) == nil) }

  @Test func columnsOfFilesAreRead() throws {
    let folder = try TemporaryFolder([
      "t.csv": "a,\"b, c\"\r\n1,10\r\n,20\r\n3,\"30\"\r\n", "s.json": TestScenario.text,
    ])
    func load(_ column: String, _ unit: String) throws -> Distribution {
      let empirical = "{empirical: {file: t.csv, column: \"\(column)\", unit: \(unit)}}"
      return try ScenarioLoader.load(
        path: folder.path + "/s.json", overrides: ["network.outside=\(empirical)"]
      ).network.outside
    }
    #expect(try load("a", "s") == .empirical([1, 3]))
    #expect(try load("b, c", "ms") == .empirical([0.01, 0.02, 0.03]))
  }

  @Test func clientsAreRead() throws {
    let s = try Self.scenario(
      "clients[0].connections={pool: 4, idleTimeout: 60s, maxAge: 5m}",
      "clients[0].retries={limit: 3, backoff: 50ms, factor: 3, max: 1s}", "clients[0].dnsCache=0s",
      "clients[0].stop=30s")
    let c = s.clients[0]
    let start = try #require(IPv4Address("203.0.113.10"))
    #expect(c.place == .outside(address: start, count: 3))
    #expect(c.target == .service(NamespacedName(name: "web"), port: .name("http")))
    #expect(c.arrivals == .renewal(.exponential(mean: 0.02)))
    #expect(c.connections == .pool(size: 4, idleTimeout: .seconds(60), maxAge: .minutes(5)))
    #expect(c.retry.limit == 3)
    #expect(c.retry.factor == 3)
    #expect(c.dnsCache == .zero)
    #expect(c.stop == SimTime(nanoseconds: 30_000_000_000))
  }

  @Test(arguments: [
    ("{service: web}", ClientSettings.Target.service(NamespacedName(name: "web"), port: .first)),
    ("{service: default/web, port: 80}", .service(NamespacedName(name: "web"), port: .number(80))),
    ("{nodePort: web, node: n1}", .nodePort(NamespacedName(name: "web"), port: .first, node: "n1")),
    ("{address: 1.2.3.4, port: 80}", .address(IPv4Address(bits: 0x0102_0304), port: 80)),
    ("{name: db.example.com, port: 5432}", .name("db.example.com", port: 5432)),
  ])
  func destinationsAreRead(text: String, expected: ClientSettings.Target) throws {
    #expect(try Self.scenario("clients[0].to=\(text)").clients[0].target == expected)
  }

  @Test func arrivalsAreRead() throws {
    func arrivals(_ text: String) throws -> ClientSettings.Arrivals {
      let text = TestScenario.text.replacing("\"rate\": \"50/s\"", with: "\"arrivals\": \(text)")
      return try TestScenario.load(text).clients[0].arrivals
    }
    #expect(try arrivals(#"{"every": "1s"}"#) == .renewal(.constant(1)))
    #expect(
      try arrivals(#"{"rates": [{"at": "0s", "rate": "30/m"}, {"at": "10s", "rate": "0/s"}]}"#)
        == .varyingPoisson([
          .init(at: .zero, rate: 0.5), .init(at: SimTime(nanoseconds: 10_000_000_000), rate: 0),
        ]))
    #expect(
      try arrivals(#"{"users": 10, "think": {"exponential": {"mean": "2s"}}}"#)
        == .closed(users: 10, think: .exponential(mean: 2)))
  }

  static let n1 = NodeTarget.named("n1")
  static let web = NamespacedName(name: "web")
  static let address = IPv4Address(bits: 0xAC12_0009)

  @Test(arguments: [
    ("{drainNode: n1}", ClusterAction.nodeDrain(n1)),
    ("{cordonNode: all}", .nodeCordon(.all(labels: [:]))),
    ("{uncordonNode: {random: true, labels: {disk: ssd}}}", .nodeUncordon(.random(labels: ["disk": "ssd"]))),
    (
      "{crashNode: n1, returnAfter: 5s, newAddress: 172.18.0.9}",
      .nodeCrash(n1, returnAfter: .constant(5), newAddress: address)
    ),
    ("{rebootNode: n1}", .nodeReboot(n1, downFor: .constant(0), newAddress: nil)),
    ("{returnNode: n1}", .nodeReturn(n1, newAddress: nil)),
    ("{changeNodeAddress: n1, newAddress: 172.18.0.9}", .nodeAddressChange(n1, newAddress: address)),
    ("{deleteNode: n1}", .nodeDelete(n1)),
    ("{deletePod: default/web-1}", .podDelete(.named(NamespacedName(name: "web-1")))),
    ("{crashPod: {random: true}}", .podCrash(.random(namespace: "default", labels: [:]))),
    (
      "{unreadyPod: {all: true, labels: {app: web}}, for: 5s}",
      .podUnready(.all(namespace: "default", labels: ["app": "web"]), duration: .constant(5))
    ),
    ("{readyPod: {all: true}}", .podReady(.all(namespace: "default", labels: [:]))),
    ("{scale: web, replicas: 5}", .scale(web, replicas: 5)),
    ("{rollout: web}", .rollout(web)),
    ("{delete: {kind: Service, name: web}}", .delete(.service, web)),
    ("{restartProxy: n1}", .proxyRestart(n1)),
    (
      "{degrade: {from: n1, to: outside}, loss: 0.1, for: 5s}",
      .linkDegrade(LinkTarget(from: .node("n1"), to: .outside), delay: nil, loss: 0.1, duration: .constant(5))
    ),
    (
      "{partition: {from: any, to: controlPlane}}",
      .partition(LinkTarget(from: .anyNode, to: .controlPlane), duration: nil)
    ),
    (
      "{changeDNS: {name: db.example.com, addresses: [172.18.0.9]}}",
      .dnsChange(name: "db.example.com", addresses: [address])
    ),
  ])
  func actionsAreRead(text: String, expected: ClusterAction) throws {
    let s = try Self.scenario("events[0]={at: 5s, \(text.dropFirst())")
    #expect(s.events == [TimedAction(at: SimTime(nanoseconds: 5_000_000_000), action: expected)])
  }

  @Test func joiningNodesAreNewOrKnown() throws {
    let known = try Self.scenario("events[0]={at: 5s, joinNode: late}")
    guard case .nodeJoin(let late) = known.events[0].action else { return #expect(Bool(false)) }
    #expect(late.name == "late")
    let new = try Self.scenario("events[0]={at: 5s, joinNode: {name: n5, zone: b}}", "processes[0].from=1s")
    guard case .nodeJoin(let n5) = new.events[0].action else { return #expect(Bool(false)) }
    #expect(n5.zone == "b")
  }

  @Test func aNewProxyConfigurationStartsFromTheNodesOwn() throws {
    let s = try Self.scenario("events[0]={at: 5s, configureProxy: n2, proxy: {masqueradeAll: true}}")
    guard case .proxyConfigure(_, let proxy, let restart) = s.events[0].action else {
      return #expect(Bool(false))
    }
    #expect(proxy.mode == .nftables)
    #expect(proxy.masqueradeAll)
    #expect(restart)
  }

  @Test func aRolloutOfAProxyConfigurationHasAPace() throws {
    let s = try Self.scenario(
      "events[0]={at: 5s, rolloutProxy: {all: true}, proxy: {mode: ipvs}, interval: 30s, maxUnavailable: 2, "
        + "drainFirst: 8s}"
    )
    guard case .proxyRollout(.all, let proxy, let pace) = s.events[0].action else {
      return #expect(Bool(false))
    }
    #expect(proxy.mode == .ipvs)
    #expect(pace == ProxyRollout(every: .seconds(30), maxUnavailable: 2, drain: .seconds(8)))
  }

  @Test func sysctlsAreReadByTheirLinuxNames() throws {
    let s = try Self.scenario(
      "cluster.sysctls={net.netfilter.nf_conntrack_tcp_timeout_time_wait: 30, "
        + "net.netfilter.nf_conntrack_tcp_loose: 0}",
      "clients[0].sysctls={net.ipv4.tcp_syn_retries: 3, net.ipv4.ip_local_port_range: 1000-1999}")
    #expect(s.cluster.kernel.timeouts == [.timeWait: .seconds(30)])
    #expect(!s.cluster.kernel.tcpLoose)
    #expect(s.clients[0].synRetries == 3 && s.clients[0].localPorts == 1000...1999)
  }

  @Test(arguments: [
    (
      "cluster.sysctls={net.netfilter.nf_conntrack_tcp_timeout_timewait: 30}",
      "did you mean \"net.netfilter.nf_conntrack_tcp_timeout_time_wait\"?"
    ),
    (
      "cluster.sysctls={net.netfilter.nf_conntrack_max: 1000}",
      "kube-proxy overwrites it at its start: expected 0 for \"proxy.conntrack.maxPerCore\""
    ),
    (
      "clients[0].sysctls={net.ipv4.ip_local_port_range: 2000-1000}",
      "two ports from 1 to 65535 in ascending order"
    ),
  ])
  func sysctlsWithoutEffectAreRefused(argument: String, part: String) {
    let found = TestScenario.mistakes(TestScenario.text, overrides: [argument])
    #expect(found.contains { $0.contains(part) }, "\(found)")
  }

  @Test func laterObjectsMayBeReferredTo() throws {
    let apply =
      "{at: 5s, apply: [{apiVersion: v1, kind: Service, metadata: {name: later}, spec: {ports: [{port: 1}]}}]}"
    let s = try Self.scenario("events[0]=\(apply)", "clients[0].to={service: later}")
    guard case .apply(let objects) = s.events[0].action else { return #expect(Bool(false)) }
    #expect(objects.count == 1)
  }

  // MARK: --set

  @Test(
    "an item of a list is named by its number or its name",
    arguments: [
      "servers[0].preStop", "servers.web.preStop", "servers[web].preStop", "servers[\"web\"].preStop",
    ])
  func namedItems(path: String) throws {
    let edited = try Self.scenario("\(path)=4s")
    #expect(edited.contentHash == (try Self.scenario("servers[0].preStop=4s")).contentHash)
    #expect(edited.contentHash != (try Self.scenario()).contentHash)
  }

  @Test(arguments: [
    (
      "clients[0].rat=1/s",
      "--set clients[0].rat=1/s: clients[0].rat: unknown key \"rat\"; did you mean \"rate\"?"
    ),
    ("clients[1].rate=1/s", "--set clients[1].rate=1/s: clients has 1 items; the first is [0]"),
    ("clients.rate=1/s", "--set clients.rate=1/s: clients is a list, and no item has the name \"rate\""),
    (
      "servers.wen.preStop=1s",
      "--set servers.wen.preStop=1s: servers is a list, and no item has the name \"wen\"; did you mean \"web\"?"
    ),
    ("seed[0]=1", "--set seed[0]=1: seed is 7, not a list"),
    ("seed", "--set seed: expected path=value"),
    ("=3", "--set =3: expected a path such as clients[0].rate"),
    ("seed=x", "--set seed=x: seed: expected an integer from 0 to 9007199254740991, found x"),
    (
      "seed=[1",
      "--set seed=[1: YAML syntax: did not find expected ',' or ']' while parsing a flow sequence that began at line 1"
    ),
  ])
  func wrongOverridesSayWhy(argument: String, message: String) {
    #expect(TestScenario.mistakes(TestScenario.text, overrides: [argument]) == [message])
  }

  @Test func overridesMakeWhatIsMissingAndTypeTheirValue() throws {
    let s = try Self.scenario(
      "report.lostConnectionsMax=5", "kubernetes=1.29", "cluster.nodes[0].labels[\"a.b/c\"]=1")
    #expect(s.report.lostConnectionsMax == 5)
    #expect(s.cluster.minorVersion == 29)
    #expect(s.cluster.nodes[0].labels["a.b/c"] == "1")
  }

  // MARK: Content hash

  @Test func theHashIsOfWhatDecidesTheRun() throws {
    let original = try Self.scenario().contentHash
    let same = [
      TestScenario.text.replacing("Does it work?", with: "Does it?"),
      TestScenario.text.replacing("\"seed\": 7", with: "\"seed\": 8"),
      TestScenario.text.replacing("\"cores\": 8", with: "\"cores\": 8.0"),
      TestScenario.text.replacing("\n", with: "\n  "),
      TestScenario.text.replacing(
        "\"at\": \"30s\", \"rebootNode\": \"n1\"", with: "\"rebootNode\": \"n1\", \"at\": \"30s\""),
    ]
    for text in same { #expect(try TestScenario.load(text).contentHash == original) }
    #expect(try Self.scenario("clients[0].rate=51/s").contentHash != original)
    #expect(try Self.scenario("objects[1].spec.replicas=3").contentHash != original)
    #expect(try Self.scenario("clients[0].rate=50/s").contentHash == original)
  }

  @Test func theHashFollowsFilesAndNotTheirNames() throws {
    func hash(_ name: String, _ manifest: String) throws -> UInt64 {
      let text = TestScenario.text.replacing(
        "\"objects\": [", with: "\"manifests\": [\"\(name)\"], \"objects\": [")
      let folder = try TemporaryFolder(["s.json": text, name: manifest])
      return try ScenarioLoader.load(path: folder.path + "/s.json")
        .contentHash
    }
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {ports: [{port: 80}]}\n"
    #expect(try hash("a.yaml", service) == hash("b/c.yaml", "# comment\n" + service))
    #expect(try hash("a.yaml", service) != hash("a.yaml", service.replacing("name: b", with: "name: d")))
  }

  @Test func theHashIsTheSameInEveryProcess() throws {
    let hash = try Self.scenario().contentHash
    #expect(hash == 2_446_392_940_754_005_490)
  }
}
