// SPDX-License-Identifier: GPL-3.0-or-later
//
// When a change reaches a node's kernel: watch, runner, the two commits of a sync, restarts (FACTS C2, C3).
// Watch 10 ms, sync 100 ms, filter at half of it, unless a test says otherwise.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Proxy

private let probe = Probe(from: Address.pod, to: "172.30.0.41", port: 80)

private func ms(_ n: Int64) -> SimTime { .zero + .milliseconds(n) }

/// One Service with the endpoints 10.180.0.x given.
private func world(
  _ endpoints: [Int], timing: TimingSettings = testTiming(), minorVersion: Int = 36,
  settings: ProxySettings = testSettings()
) -> ProxyWorld {
  var world = ProxyWorld(
    nodes: [testNode(0, "testnode", [Address.node], settings)], timing: timing, minorVersion: minorVersion)
  world.put(0, testService("svc1", clusterIP: "172.30.0.41"))
  world.put(0, slices: slices(endpoints))
  world.converge()
  return world
}

private func slices(_ endpoints: [Int]) -> [EndpointSlice] {
  [testSlice(endpoints.map { testEndpoint("10.180.0.\($0)", node: "testnode") })]
}

@Suite struct SyncTests {
  @Test func anIsolatedChangeIsAppliedAtOnce() {
    var world = world([1])
    world.run(until: ms(5000))
    world.put(0, slices: slices([2]), trigger: ms(5000))
    world.run(until: ms(5109))
    #expect(world.fate(probe) == "10.180.0.1:80")
    world.run(until: ms(5110))
    #expect(world.fate(probe) == "10.180.0.2:80")
    // nat: 1 dispatch rule and 1 to node ports, 4 fixed ones, masquerade, choice, 2 of the endpoint; filter:
    // 4.
    #expect(
      world.syncs == [
        SyncRecord(
          node: NodeID(0), start: ms(5010), end: ms(5110), kind: .partial, changes: 1, rulesWritten: 14,
          programmingLatency: .milliseconds(110), slicesRevision: world.syncs.first?.slicesRevision ?? 0,
          programming: [.milliseconds(110)])
      ])
  }

  @Test func aSyncProgramsWhatWasDeliveredAtItsStart() {
    var world = world([1])
    world.put(0, slices: slices([2]))
    world.run(until: ms(1))
    // Delivered at 11 ms, one millisecond into the sync.
    world.put(0, slices: slices([3]))
    world.run(until: ms(500))
    #expect(world.fate(probe) == "10.180.0.2:80")
    world.run(until: ms(1110))
    #expect(world.fate(probe) == "10.180.0.2:80")
    world.run(until: ms(1210))
    #expect(world.fate(probe) == "10.180.0.3:80")
  }

  /// Starts of the syncs that changes at these times cause, in milliseconds.
  @Test(arguments: [
    // From 1.34: minSyncPeriod lies between an end and the next start; waiting changes share a sync.
    (36, [0, 200, 400, 600], [10, 1110]),
    (36, [0, 1500, 3000], [10, 1510, 3010]),
    (36, [0, 50, 1000, 1150, 2000], [10, 1110, 2210]),
    // Up to 1.33: two at once, then one per minSyncPeriod.
    (33, [0, 200, 400, 600], [10, 210, 1310]),
    (33, [0, 1500, 3000], [10, 1510, 3010]),
    (33, [0, 50], [10, 110]),
  ]) func burstsAreThrottled(minorVersion: Int, changes: [Int64], starts: [Int64]) {
    var world = world([1], minorVersion: minorVersion)
    for (i, at) in changes.enumerated() {
      world.run(until: ms(at))
      world.put(0, slices: slices([2 + i]))
    }
    world.run(until: ms(10_000))
    #expect(world.syncs.map(\.start) == starts.map { ms($0) })
    #expect(world.fate(probe) == "10.180.0.\(1 + changes.count):80")
  }

  @Test func deliveriesAreFirstInFirstOutPerKindAndNode() {
    var timing = testTiming()
    timing.proxyWatch = .uniform(low: 0, high: 1)
    for seed in 1...20 {
      var world = world([1], timing: timing)
      for i in 0..<20 {
        world.run(until: ms(Int64(seed * 7 + i * 10)))
        world.put(0, slices: slices([2 + i]))
      }
      var last = 1
      while world.now < ms(10_000) {
        world.run(for: .milliseconds(50))
        let chosen = Int(world.verdict(probe).address.bits & 255)
        #expect(chosen >= last)
        last = chosen
      }
      #expect(last == 21)
    }
  }

  @Test func theSameRevisionTakesTheSameTimeToANodeWhateverElseHappens() {
    var timing = testTiming()
    timing.proxyWatch = .uniform(low: 0, high: 1)
    func start(withOtherNode: Bool) -> [SimTime] {
      var nodes = [testNode(0, "n0", [Address.node], testSettings())]
      if withOtherNode { nodes.append(testNode(1, "n1", ["192.168.0.3"], testSettings())) }
      var world = ProxyWorld(nodes: nodes, timing: timing)
      world.put(0, testService("svc1", clusterIP: "172.30.0.41"))
      world.converge()
      world.put(0, slices: slices([1]))
      world.run(until: ms(3000))
      return world.syncs.filter { $0.node == NodeID(0) }.map(\.start)
    }
    #expect(start(withOtherNode: false) == start(withOtherNode: true))
    #expect(start(withOtherNode: true).count == 1)
  }

  @Test func betweenItsTwoCommitsASyncLeavesAGapForTheFirstEndpoint() {
    var world = world([])
    #expect(world.fate(probe) == "REJECT")
    world.put(0, slices: slices([1]))
    world.run(until: ms(59))
    #expect(world.fate(probe) == "REJECT")
    world.run(until: ms(60))
    #expect(world.fleet.isBetweenCommits(NodeID(0)) == true)
    #expect(world.fate(probe) == "")
    let node = NodeID(0)
    let whole = world.fleet.decideWithoutSwapGap(
      node: node, flow: probe.flow, origin: .pod, at: world.now, random: 0)
    #expect(whole.kind == .forward)
    world.run(until: ms(110))
    #expect(world.fate(probe) == "10.180.0.1:80")
    #expect(world.fleet.isBetweenCommits(node) == false)
  }

  @Test func removalOfTheLastEndpointLeavesNoGap() {
    var world = world([1])
    world.put(0, slices: slices([]))
    var fates: [String] = []
    for _ in 0..<30 {
      world.run(for: .milliseconds(5))
      if fates.last != world.fate(probe) { fates.append(world.fate(probe)) }
    }
    #expect(fates == ["10.180.0.1:80", "REJECT"])
  }

  @Test func aFreshTableKnowsTheAPIsPresentState() {
    var world = world([1])
    world.put(0, slices: slices([2]))
    let node = NodeID(0)
    let old = world.verdict(probe)
    let fresh = world.fleet.decideFresh(
      node: node, flow: probe.flow, origin: .pod, at: world.now, random: 0)
    #expect(old.address == address("10.180.0.1"))
    #expect(fresh.address == address("10.180.0.2"))
    let isStillCandidate = world.fleet.isCandidateFresh(
      node: node, flow: probe.flow, origin: .pod, at: world.now, backend: old.backend)
    #expect(!isStillCandidate)
    let staleness = world.fleet.staleness(of: node, at: ms(40))
    #expect(staleness.age == .milliseconds(40))
    #expect(staleness.servicesWrong == 1)
    world.run(until: ms(200))
    let later = world.fleet.staleness(of: node, at: ms(200))
    #expect(later.age == .zero && later.servicesWrong == 0)
  }

  @Test func writesThatProxiesIgnoreCauseNoSync() {
    var world = world([1])
    let labelled = testService("svc1", clusterIP: "172.30.0.41") { $0.metadata.labels["a"] = "b" }
    world.put(0, labelled)
    world.put(0, slices: slices([1]))
    world.put(1, testService("headless", clusterIP: "None"))
    world.put(1, slices: slices([7]))
    world.run(until: ms(5000))
    #expect(world.syncs.isEmpty)
  }

  @Test func anIdleNodeHasOneWakeEvent() {
    var world = world([1])
    let before = world.pending.count
    for i in 0..<50 { world.put(0, slices: slices([2 + i % 3])) }
    #expect(world.pending.count == before + 1)
  }

  @Test func withoutChangesARunIsForcedOncePerHourAndIsFull() {
    var world = world([1])
    world.run(until: .zero + .hours(5))
    #expect((4...5).contains(world.syncs.count))
    #expect(world.syncs.allSatisfy { $0.kind == .full && $0.changes == 0 && $0.programmingLatency == nil })
    for (a, b) in zip(world.syncs, world.syncs.dropFirst()) { #expect(b.start - a.end == .hours(1)) }
  }

  @Test func aBusyNodeSyncsInFullOncePerHour() {
    var world = world([1])
    for minute in 1...150 {
      world.run(until: .zero + .minutes(Int64(minute)))
      world.put(0, slices: slices([2 + minute % 2]))
    }
    world.run(for: .seconds(2))
    let full = world.syncs.filter { $0.kind == .full }
    #expect(world.syncs.count == 150)
    #expect((2...3).contains(full.count))
    #expect(full.count < 2 || full[1].start - full[0].end == .hours(1) + .minutes(1) - .milliseconds(100))
  }

  @Test func aFailedSyncProgramsNothingAndIsTriedAgainInFull() {
    var world = world([1])
    world.fleet.failNextSync(NodeID(0))
    world.put(0, slices: slices([2]))
    world.run(until: ms(30_109))
    #expect(world.fate(probe) == "10.180.0.1:80")
    world.run(until: ms(30_210))
    #expect(world.fate(probe) == "10.180.0.2:80")
    #expect(world.syncs.map(\.hasFailed) == [true, false])
    #expect(world.syncs.map(\.kind) == [.partial, .full])
    #expect(world.syncs.map(\.start) == [ms(10), ms(30_110)])
  }
}

@Suite struct ProcessLifeTests {
  @Test func aRestartKeepsTheRulesAndThenSyncsInFull() {
    var world = world([1])
    world.fleet.restart(NodeID(0), settings: nil, at: .zero, into: &world.output)
    world.take()
    world.put(0, slices: slices([2]))
    world.run(until: ms(2999))
    #expect(world.fleet.isHealthy(NodeID(0), at: world.now) == false)
    world.run(until: ms(3099))
    #expect(world.fate(probe) == "10.180.0.1:80")
    world.run(until: ms(3100))
    #expect(world.fate(probe) == "10.180.0.2:80")
    #expect(world.syncs.map(\.kind) == [.full])
    #expect(world.fleet.isHealthy(NodeID(0), at: ms(3100)) == true)
  }

  @Test func newSettingsTakeEffectWithTheFirstSyncOfTheNewProcess() {
    var world = world([1])
    let settings = testSettings { $0.masqueradeAll = true }
    world.fleet.restart(NodeID(0), settings: settings, at: .zero, into: &world.output)
    world.take()
    #expect(world.fate(probe) == "10.180.0.1:80")
    world.run(until: ms(3100))
    #expect(world.fate(probe) == "10.180.0.1:80 M")
  }

  @Test func aRestartInTheMiddleOfASyncLosesItsNatHalf() {
    var world = world([])
    world.put(0, slices: slices([1]))
    world.run(until: ms(70))
    world.fleet.restart(NodeID(0), settings: nil, at: world.now, into: &world.output)
    world.take()
    world.run(until: ms(3000))
    #expect(world.fate(probe) == "")
    world.run(until: ms(3170))
    #expect(world.fate(probe) == "10.180.0.1:80")
  }

  @Test func afterABootThereAreNoRulesUntilTheFirstSync() {
    var world = world([1])
    world.fleet.nodeWentDown(NodeID(0))
    world.run(until: ms(1000))
    world.fleet.nodeBooted(NodeID(0), at: world.now, into: &world.output)
    world.take()
    #expect(world.fate(probe) == "")
    let staleness = world.fleet.staleness(of: NodeID(0), at: ms(3000))
    #expect(staleness.age == .seconds(2) && staleness.servicesWrong == 1)
    world.run(until: ms(4099))
    #expect(world.fate(probe) == "")
    world.run(until: ms(4100))
    #expect(world.fate(probe) == "10.180.0.1:80")
  }

  @Test func eventsOfAProcessThatExitedAreStale() {
    var world = world([1])
    world.put(0, slices: slices([2]))
    world.fleet.nodeWentDown(NodeID(0))
    world.run(until: ms(5000))
    #expect(world.syncs.isEmpty)
    #expect(world.fate(probe) == "")
  }

  @Test func aNodeWithoutControlPlaneKeepsItsRulesAndCatchesUp() {
    var world = world([1])
    world.fleet.disconnect(NodeID(0), at: world.now)
    world.put(0, slices: slices([2]))
    world.put(0, slices: slices([3]))
    world.run(until: ms(60_000))
    #expect(world.fate(probe) == "10.180.0.1:80")
    let staleness = world.fleet.staleness(of: NodeID(0), at: world.now)
    #expect(staleness.age == .seconds(60))
    world.fleet.reconnect(NodeID(0), at: world.now, into: &world.output)
    world.take()
    // The connection was given up after 45 s; of the SYNs of the new one that after 19 s gets through.
    world.run(until: ms(64_090))
    #expect(world.fate(probe) == "10.180.0.1:80")
    world.run(until: ms(64_200))
    #expect(world.fate(probe) == "10.180.0.3:80")
    #expect(world.syncs.count == 1)
  }

  @Test func aProcessThatStartsWithoutControlPlaneWaitsForIt() {
    var world = world([1])
    world.fleet.disconnect(NodeID(0), at: world.now)
    world.fleet.restart(NodeID(0), settings: nil, at: .zero, into: &world.output)
    world.take()
    world.put(0, slices: slices([2]))
    world.run(until: ms(1000))
    // Back before the new process is ready: nothing is hastened.
    world.fleet.reconnect(NodeID(0), at: world.now, into: &world.output)
    world.fleet.disconnect(NodeID(0), at: world.now)
    world.take()
    world.run(until: ms(20_000))
    #expect(world.fate(probe) == "10.180.0.1:80")
    #expect(world.syncs.isEmpty)
    world.fleet.reconnect(NodeID(0), at: world.now, into: &world.output)
    world.take()
    // It has tried since it was ready at 3 s; its SYN 19 s later gets through.
    world.run(until: ms(22_100))
    #expect(world.fate(probe) == "10.180.0.2:80")
    #expect(world.syncs.map(\.start) == [ms(22_000)])
  }

  @Test func aNodeThatJoinsLaterListsEverything() {
    var world = world([1])
    world.put(0, slices: slices([2]))
    world.fleet.addNode(testNode(1, "late", ["192.168.0.9"], testSettings()))
    #expect(world.fate(probe, node: 1) == "")
    world.fleet.nodeBooted(NodeID(1), at: world.now, into: &world.output)
    world.take()
    world.run(until: ms(3100))
    #expect(world.fate(probe, node: 1) == "10.180.0.2:80")
  }

  @Test func aNewZoneLabelCausesAFullSync() {
    var world = ProxyWorld(nodes: [testNode(0, "testnode", zone: "a", [Address.node], testSettings())])
    world.put(0, testService("svc1", clusterIP: "172.30.0.41"))
    let endpoints = ["a", "b"].enumerated().map { i, zone in
      var endpoint = testEndpoint("10.180.0.\(i + 1)", node: "elsewhere")
      endpoint.zoneHints = [zone]
      return endpoint
    }
    world.put(0, slices: [testSlice(endpoints)])
    world.converge()
    #expect(world.fate(probe) == "10.180.0.1:80")
    world.fleet.setZone(NodeID(0), "b", at: .zero, into: &world.output)
    world.take()
    world.run(until: ms(110))
    #expect(world.fate(probe) == "10.180.0.2:80")
    #expect(world.syncs.map(\.kind) == [.full])
  }

  @Test func healthTurnsRedWhenAnUpdateHasWaitedForTwoSyncPeriods() {
    var timing = testTiming()
    timing.proxySync = .constant(100)
    var world = world([1], timing: timing)
    world.put(0, slices: slices([2]))
    world.run(until: ms(60_009))
    #expect(world.fleet.isHealthy(NodeID(0), at: world.now) == true)
    world.run(until: ms(60_010))
    #expect(world.fleet.isHealthy(NodeID(0), at: world.now) == false)
    world.run(until: ms(100_010))
    #expect(world.fleet.isHealthy(NodeID(0), at: world.now) == true)
  }

  @Test func theHealthCheckPortCountsLocalReadyAddressesOfTheProgrammedState() {
    var world = ProxyWorld()
    let service = testService("svc1", clusterIP: "172.30.0.41") {
      $0.spec.type = "LoadBalancer"
      $0.spec.externalTrafficPolicy = "Local"
      $0.spec.healthCheckNodePort = 32000
    }
    func endpoints(_ states: String) -> [Endpoint] {
      states.enumerated().map { testEndpoint("10.180.0.\($0 + 1)", node: $0 == 4 ? "other" : "testnode", $1) }
    }
    world.put(0, service, endpoints("RRRUR"))
    world.converge()
    let (node, id) = (NodeID(0), ServiceID(0))
    #expect(world.fleet.localReadyEndpoints(node, id) == 3)
    #expect(world.fleet.healthCheckNodePort(node, id) == 32000)
    world.put(0, slices: [testSlice(endpoints("TTTUT"))])
    #expect(world.fleet.localReadyEndpoints(node, id) == 3)
    world.run(until: ms(110))
    #expect(world.fleet.localReadyEndpoints(node, id) == 0)
  }

  @Test func eventsAreSmall() {
    #expect(MemoryLayout<ProxyEvent>.size <= 8)
    #expect(MemoryLayout<Verdict>.size <= 32)
  }
}
