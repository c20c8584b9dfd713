// SPDX-License-Identifier: GPL-3.0-or-later
//
// DNS made of pods, in worlds small enough to say what happens when.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

extension RunResult {
  /// Of completed look-ups, in milliseconds.
  fileprivate func dnsLatency() -> LatencyRow? {
    latency.first { $0.phase == .dns && $0.outcome == .completed }
  }
}

struct DNSServiceTests {
  /// Node 0 to node 1 and back, twice 100 µs, and CoreDNS's own 0.1 ms.
  @Test func aLookUpIsTwoQueriesAndTakesTheWayToCoreDNSAndBack() throws {
    let result = try SmallWorld.looking().run()
    #expect(result.failures == [])
    #expect(result.dns.lookups == result.attempted)
    #expect(result.dns.queries == 2 * result.dns.lookups)
    #expect(result.dns.timeouts == 0)
    let mean = try #require(result.dnsLatency()?.histogram.meanMilliseconds)
    #expect(abs(mean - 0.3) < 0.05, "\(mean)")
  }

  struct AmplificationCase: Sendable {
    var name: String?
    var change: @Sendable (inout SmallWorld) -> Void = { _ in }
    var queriesPerLookup: Int
  }

  /// FACTS G: names with fewer than ndots dots go through the search list, A and AAAA each.
  @Test(
    "Queries per look-up",
    arguments: [
      AmplificationCase(queriesPerLookup: 2), AmplificationCase(name: "web.default", queriesPerLookup: 4),
      AmplificationCase(name: "web.default.svc", queriesPerLookup: 6),
      AmplificationCase(name: "web.default.svc.cluster.local", queriesPerLookup: 8),
      AmplificationCase(name: "web.default.svc.cluster.local.", queriesPerLookup: 2),
      AmplificationCase(
        name: "web.default.svc.cluster.local", change: { $0.file.cluster.dns.resolver.ndots = 2 },
        queriesPerLookup: 2),
      AmplificationCase(
        name: "web.default.svc.cluster.local", change: { $0.file.cluster.dns.resolver.nodeSearch = ["lan"] },
        queriesPerLookup: 10),
      AmplificationCase(change: { $0.file.cluster.dns.resolver.asksAAAA = false }, queriesPerLookup: 1),
      AmplificationCase(change: { $0.file.cluster.dns.resolver.library = .go }, queriesPerLookup: 2),
      AmplificationCase(change: { $0.file.cluster.dns.resolver.singleRequest = true }, queriesPerLookup: 2),
      AmplificationCase(change: { $0.file.cluster.dns.resolver.useVC = true }, queriesPerLookup: 2),
    ])
  func amplification(_ test: AmplificationCase) throws {
    var world = SmallWorld.looking(seconds: 3) { $0.dnsName = test.name }
    test.change(&world)
    let result = try world.run()
    #expect(result.failures == [])
    #expect(result.dns.queries == test.queriesPerLookup * result.dns.lookups)
  }

  @Test func anOutsideNameIsEightQueries() throws {
    var world = SmallWorld(nodes: 2, duration: .seconds(3))
    world.addCoreDNS(on: [1])
    let address = IPv4Address("198.51.100.7")!
    world.file.cluster.dns.records = [ExternalRecord(name: "api.example.com", addresses: [address])]
    var server = ServerSettings(name: "api", place: .outside([address]))
    server.port = 443
    world.file.servers.append(server)
    world.addClient(to: .name("api.example.com", port: 443)) { $0.dnsCache = .zero }
    let result = try world.run()
    #expect(result.failures == [])
    #expect(result.dns.queries == 8 * result.dns.lookups)
  }

  @Test func aPodsOwnOptionsGoBeforeTheClusters() throws {
    var world = SmallWorld.looking(seconds: 3) { $0.dnsName = "web.default.svc.cluster.local" }
    for i in world.file.objects.indices {
      guard case .pod(var pod) = world.file.objects[i], pod.metadata.name == "client-0" else { continue }
      pod.spec.dns.options = [PodDNS.Option("ndots", "2")]
      world.file.objects[i] = .pod(pod)
    }
    let result = try world.run()
    #expect(result.dns.queries == 2 * result.dns.lookups)
  }

  @Test func aPodWithTheNodesResolverDoesNotKnowServices() throws {
    var world = SmallWorld.looking(seconds: 3)
    for i in world.file.objects.indices {
      guard case .pod(var pod) = world.file.objects[i], pod.metadata.name == "client-0" else { continue }
      pod.spec.dns.policy = .default
      world.file.objects[i] = .pod(pod)
    }
    let result = try world.run()
    #expect(result.count(.dnsFailed) == result.attempted)
  }

  // MARK: The race of A and AAAA

  struct RaceCase: Sendable {
    var kernel: KernelVersion
    var endpoints: Int
    var change: @Sendable (inout SmallWorld) -> Void = { _ in }
    /// Share of look-ups that wait, if every pair races.
    var share: ClosedRange<Double>
    var wait = 5000.0
  }

  /// FACTS E6: delay is a mixture of 0 and 5 s.
  @Test(
    "The loser of a race waits for the resolver's timeout",
    arguments: [
      RaceCase(kernel: KernelVersion(4, 15), endpoints: 2, share: 1...1),
      RaceCase(kernel: KernelVersion(4, 15), endpoints: 1, share: 1...1),
      RaceCase(kernel: KernelVersion(5, 0), endpoints: 1, share: 0...0),
      RaceCase(kernel: KernelVersion(5, 0), endpoints: 2, share: 0.35...0.65),
      RaceCase(kernel: KernelVersion(5, 0), endpoints: 4, share: 0.6...0.9),
      RaceCase(kernel: KernelVersion(6, 1), endpoints: 4, share: 0...0),
      RaceCase(
        kernel: KernelVersion(4, 15), endpoints: 2,
        change: { $0.file.cluster.dns.resolver.singleRequest = true }, share: 0...0),
      RaceCase(
        kernel: KernelVersion(4, 15), endpoints: 2,
        change: { $0.file.cluster.dns.resolver.singleRequestReopen = true }, share: 0...0),
      RaceCase(
        kernel: KernelVersion(4, 15), endpoints: 2, change: { $0.file.cluster.dns.resolver.useVC = true },
        share: 0...0),
      RaceCase(
        kernel: KernelVersion(4, 15), endpoints: 2, change: { $0.file.cluster.dns.resolver.library = .go },
        share: 0...0),
      RaceCase(
        kernel: KernelVersion(4, 15), endpoints: 2,
        change: { $0.file.cluster.dns.resolver.library = .musl }, share: 1...1, wait: 2500),
      RaceCase(kernel: KernelVersion(4, 15), endpoints: 2, change: { $0.addNodeLocal() }, share: 0...0),
    ])
  func race(_ test: RaceCase) throws {
    var world = SmallWorld.looking(
      dns: [Int](repeating: 1, count: test.endpoints), seconds: 20)
    world.file.cluster.dns.insertRace.probability = 1
    world.file.cluster.dns.insertRace.kernel = test.kernel
    test.change(&world)
    let result = try world.run()
    #expect(result.failures == [])
    let share = Double(result.dns.timeouts) / Double(result.dns.lookups)
    #expect(test.share.contains(share), "\(share)")
    guard test.share.lowerBound > 0.9 else { return }
    let mean = try #require(result.dnsLatency()?.histogram.meanMilliseconds)
    #expect(abs(mean - test.wait) < test.wait * 0.02, "\(mean)")
  }

  @Test func withOneAttemptAndOneAnswerMuslGivesUp() throws {
    var world = SmallWorld.looking(seconds: 3)
    world.file.cluster.dns.insertRace.probability = 1
    world.file.cluster.dns.insertRace.kernel = KernelVersion(4, 15)
    world.file.cluster.dns.resolver.library = .musl
    world.file.cluster.dns.resolver.attempts = 1
    let result = try world.run()
    #expect(result.count(.insertRace) == result.attempted)
    #expect(result.count(.dnsFailed) == result.attempted)
  }

  // MARK: CoreDNS's pods

  @Test func aDeadNodeBehindTheServiceCostsFiveSeconds() throws {
    var world = SmallWorld(nodes: 3, duration: .seconds(20))
    world.addService()
    world.addWeb(on: [1])
    world.serve()
    world.addCoreDNS(on: [1, 2])
    world.addClient { $0.dnsCache = .zero }
    world.at(5.01, .nodeCrash(.named("node-2"), returnAfter: nil, newAddress: nil))
    let result = try world.run()
    let slow = try #require(result.dnsLatency()?.histogram.maxMilliseconds)
    // The retry leaves the same socket, whose conntrack entry leads to the dead pod again.
    #expect(slow < 1)
    #expect(result.count(.dnsLost) > 30)
    #expect(result.count(.dnsLost) == result.count(.dnsFailed))
    let text = try #require(result.lost.first { $0.cause == .dnsLost }?.savedBy)
    #expect(text.contains("the query lacked"), "\(text)")
  }

  /// A pod of the DNS Service goes. Until the client's node knows, queries go to its dead address; at the
  /// sync kube-proxy deletes their conntrack entries, so that the retry from the same socket finds the
  /// other pod.
  @Test(
    "A look-up that meets a pod that has gone waits for the retry",
    arguments: [(DeadAddressAnswer.blackhole, 5000.0), (.hostUnreachable, 3000.0), (.reset, 0.0)])
  func aPodThatGoes(_ answer: DeadAddressAnswer, _ wait: Double) throws {
    var world = SmallWorld.looking(every: 0.01)
    world.file.network.deadPodIP = answer
    // Less than the sandbox needs, a pod that has ended still answers: nobody listens.
    world.file.cluster.timing.proxyWatch = .constant(0.5)
    let gone = NamespacedName(namespace: "kube-system", name: "coredns-0")
    world.at(3.005, .podDelete(.named(gone)))
    let result = try world.run()
    let slowest = try #require(result.dnsLatency()?.histogram.maxMilliseconds)
    #expect(abs(slowest - wait) < 60, "\(slowest)")
    #expect(Set(result.groups.compactMap(\.cause)).subtracting([.dnsLost]) == [], "\(result.failures)")
  }

  /// Two pairs of queries are refused by ICMP; then the kernel's limit on such errors is used up, and
  /// silence costs two timeouts of 5 s.
  @Test func withoutPodsQueriesAreRefusedUntilTheLimitOnICMP() throws {
    let result = try SmallWorld.looking(dns: [], seconds: 2).run()
    #expect(result.count(.dnsFailed) == result.attempted)
    #expect(result.count(.dnsLost) == result.attempted)
    let waits = result.lost.sorted { $0.start < $1.start }.map { $0.end - $0.start }
    #expect(waits.first.map { $0 < .milliseconds(1) } ?? false)
    #expect(waits.contains { $0 == .seconds(10) })
  }

  // MARK: Staleness

  /// The Service's name appears 50 ms after the API has it, CoreDNS's watch delay.
  @Test func aNewServiceIsUnknownForTheWatchDelay() throws {
    var world = SmallWorld(nodes: 2, duration: .seconds(4))
    world.addWeb(on: [1])
    world.serve()
    world.addCoreDNS(on: [1])
    world.file.cluster.dns.coreDNS.watchDelay = .constant(1)
    world.addClient { $0.dnsCache = .zero }
    world.at(1.05, .apply([SmallWorld.service()]))
    let result = try world.run()
    let stale = result.lost.filter { $0.cause == .staleDNS }
    #expect((8...11).contains(stale.count), "\(result.failures)")
    #expect(stale.allSatisfy { $0.start > .zero + .seconds(1) && $0.start < .zero + .milliseconds(2100) })
    #expect(result.count(.nameNotFound) >= 9)
  }

  /// A client of one connection per 100 ms that keeps an answer for 10 s, so that it asks at 0.1 s, 10.2 s
  /// and 20.3 s, and a change at ten places evenly spread between the last two: stale for TTL/2 on average.
  @Test func meanStalenessIsHalfTheTimeToLive() throws {
    var sum = 0
    var each: [String] = []
    let steps = 10
    for step in 0..<steps {
      var world = SmallWorld(nodes: 2, duration: .seconds(32))
      world.addWeb(on: [1])
      world.serve()
      world.add(SmallWorld.service { $0.clusterIP = "10.96.0.100" })
      world.addCoreDNS(on: [1])
      world.file.cluster.dns.ttl = .seconds(10)
      world.addClient { $0.connectTimeout = .seconds(1) }
      let at = 10.705 + 1.01 * Double(step)
      world.at(at, .delete(.service, SmallWorld.web))
      world.at(at, .apply([SmallWorld.service { $0.clusterIP = "10.96.0.200" }]))
      let result = try world.run()
      sum += result.count(.staleDNS)
      let times = result.lost.filter { $0.cause == .staleDNS }.map(\.start).sorted()
      each.append("\(at): \(times.first.map { "\($0)" } ?? "-")...\(times.last.map { "\($0)" } ?? "-")")
    }
    let mean = Double(sum) / Double(steps) / 10
    #expect(abs(mean - 5) < 0.15, "\(mean) s: \(each)")
  }

  // MARK: NodeLocal DNSCache

  @Test func aNodesCacheAnswersInItsOwnTimeAndAsksOverTCP() throws {
    var world = SmallWorld.looking(seconds: 20)
    world.addNodeLocal()
    let result = try world.run()
    #expect(result.failures == [])
    #expect(result.dns.timeouts == 0)
    let median = try #require(result.dnsLatency()?.histogram.milliseconds(quantile: 0.5))
    // Two hops of 20 µs and 0.1 ms of work.
    #expect(abs(median - 0.14) < 0.02, "\(median)")
  }

  @Test func aCacheThatCrashesRefusesAndOneThatEndsGivesTheAddressBack() throws {
    var crashed = SmallWorld.looking(seconds: 10)
    crashed.addNodeLocal()
    crashed.at(
      3.05, .podCrash(.random(namespace: "kube-system", labels: ["k8s-app": "node-local-dns"])))
    let result = try crashed.run()
    // It may have been the other node's.
    #expect(result.count(.dnsLost) == result.count(.dnsFailed))
    var ended = SmallWorld.looking(seconds: 10)
    ended.addNodeLocal()
    ended.at(
      3.05, .podDelete(.random(namespace: "kube-system", labels: ["k8s-app": "node-local-dns"])))
    #expect(try ended.run().failures == [])
  }

  @Test func whereIpvsHasTheAddressQueriesGoToTheService() throws {
    var world = SmallWorld.looking(seconds: 10)
    world.addNodeLocal()
    var proxy = ProxySettings()
    proxy.mode = .ipvs
    proxy.clusterCIDR = world.file.cluster.podCIDR
    world.file.cluster.proxy = proxy
    let result = try world.run()
    #expect(result.failures == [])
    let median = try #require(result.dnsLatency()?.histogram.milliseconds(quantile: 0.5))
    #expect(abs(median - 0.3) < 0.05, "\(median)")
  }

  @Test(
    "All modes carry queries", arguments: ProxyMode.allCases)
  func modes(_ mode: ProxyMode) throws {
    var world = SmallWorld.looking(seconds: 3)
    var proxy = ProxySettings()
    proxy.mode = mode
    proxy.clusterCIDR = world.file.cluster.podCIDR
    world.file.cluster.proxy = proxy
    let result = try world.run()
    #expect(result.failures == [])
    #expect(result.dns.queries == 2 * result.dns.lookups)
  }

  @Test func aClientThatGoesInTheMiddleOfALookUpIsCountedSo() throws {
    var world = SmallWorld.looking(dns: [], seconds: 8)
    world.file.cluster.dns.resolver.library = .musl
    world.at(3.25, .podDelete(.named(NamespacedName(name: "client-0"))))
    let result = try world.run()
    #expect(result.count(.clientGone) > 0)
  }
}
