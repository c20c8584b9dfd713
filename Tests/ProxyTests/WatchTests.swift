// SPDX-License-Identifier: GPL-3.0-or-later
//
// How writes of the API reach nodes: order of kinds, watches that close, slow nodes, an API server that is
// away.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster
@testable import Proxy

@Suite struct WatchTests {
  private let probe = Probe(from: Address.pod, to: "172.30.0.41", port: 80)
  private func ms(_ value: Int64) -> SimTime { .zero + .milliseconds(value) }

  private func world(
    watch: WatchSettings = WatchSettings(), timing: TimingSettings = testTiming(),
    delays: [Distribution?] = [nil]
  ) -> ProxyWorld {
    var world = ProxyWorld(timing: timing)
    world.fleet = ProxyFleet(
      nodes: delays.enumerated().map { number, delay in
        var node = testNode(
          number, number == 0 ? "testnode" : "node-\(number)", ["192.168.0.\(number + 2)"],
          testSettings())
        node.watchDelay = delay
        return node
      }, timing: timing, watch: watch, minorVersion: 36, seed: 1, replication: 0)
    world.put(
      0, testService("svc1", clusterIP: "172.30.0.41"), [testEndpoint("10.180.0.1", node: "testnode")])
    world.converge()
    return world
  }

  private func slices(_ number: Int) -> [EndpointSlice] {
    [testSlice([testEndpoint("10.180.0.\(number)", node: "testnode")])]
  }

  @Test func aSlowNodeHearsLaterThanTheOthers() {
    var world = world(delays: [nil, .constant(5)])
    world.put(0, slices: slices(2))
    world.run(until: ms(200))
    #expect(world.fate(probe) == "10.180.0.2:80")
    #expect(world.fate(probe, node: 1) == "10.180.0.1:80")
    world.run(until: ms(5200))
    #expect(world.fate(probe, node: 1) == "10.180.0.2:80")
  }

  /// Services and slices are two watches: either may come first.
  @Test func aSliceMayComeBeforeItsServiceAndTheOtherWayRound() {
    var timing = testTiming()
    timing.proxyWatch = .uniform(low: 0, high: 2)
    timing.proxySync = .constant(0.01)
    var seen: Set<String> = []
    for node in 0..<20 {
      var world = world(timing: timing, delays: Array(repeating: nil, count: 20))
      world.put(
        1, testService("svc2", clusterIP: "172.30.0.42"), [testEndpoint("10.180.0.9", node: "testnode")])
      let other = Probe(from: Address.pod, to: "172.30.0.42", port: 80)
      var fates: [String] = []
      for step in 1...200 {
        world.run(until: ms(Int64(step) * 20))
        let fate = world.fate(other, node: node)
        if fates.last != fate { fates.append(fate) }
      }
      #expect(fates.last == "10.180.0.9:80")
      seen.insert(fates.joined(separator: " "))
    }
    // Directly from nothing to the endpoint (slice first), and by way of a Service without endpoints.
    #expect(seen.contains { $0.contains("REJECT") } && seen.contains { !$0.contains("REJECT") }, "\(seen)")
  }

  @Test func whatComesWhileAWatchIsClosedWaitsUntilItIsOpenAgain() {
    var watch = WatchSettings()
    watch.timeout = .milliseconds(500)
    watch.reconnect = .constant(10)
    var world = world(watch: watch)
    world.put(0, slices: slices(2))
    // A watch lives for at most a second; each pause is ten.
    for second in 1...40 {
      world.run(until: ms(Int64(second) * 1000))
      world.put(0, slices: slices(second % 2 + 3))
    }
    #expect(world.syncs.count < 12, "several changes come together after each pause")
    world.run(until: ms(60_000))
    #expect(world.fate(probe) == "10.180.0.3:80")
  }

  @Test func aWatchThatNeverClosesHasNoPauses() {
    var watch = WatchSettings()
    watch.timeout = .zero
    watch.reconnect = .constant(100)
    var world = world(watch: watch)
    for number in 1...20 {
      world.run(until: ms(Int64(number) * 2000))
      world.put(0, slices: slices(number % 2 + 2))
    }
    world.run(until: ms(40_200))
    #expect(world.syncs.count == 20)
  }

  @Test func afterAnOutageEveryReflectorComesBackInItsOwnTime() {
    var world = world(delays: Array(repeating: nil, count: 30))
    world.run(until: ms(1000))
    world.fleet.apiServerIsGone(at: world.now)
    world.run(until: ms(6000))
    world.fleet.apiServerIsBack(at: world.now, into: &world.output)
    world.take()
    world.put(0, slices: slices(2))
    world.run(until: ms(40_000))
    let starts = world.syncs.map(\.start.seconds)
    #expect(starts.count == 30)
    // Waits of 0.8, 1.6, 3.2 s, each up to twice as long: the first try after 5 s is between 5 and 11.2 s.
    #expect(starts.allSatisfy { $0 >= 6 && $0 <= 12.3 })
    #expect(Set(starts).count == 30)
  }
}
