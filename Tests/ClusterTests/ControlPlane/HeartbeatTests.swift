// SPDX-License-Identifier: GPL-3.0-or-later
//
// When a silent node is taken for lost: the time from a crash to Ready Unknown against the distribution that
// follows from the kubelet's and the controller's timers.
//
// The controller looks every 5 s and notes its own time when a look finds a new heartbeat, so a heartbeat
// is noticed L ~ U(0, 5 s) late. Its verdict is the first look at least the grace period later; 40 s and 50
// s are whole numbers of looks, so no further look is waited for. Hence delay = grace + L - A, with A the
// age of the last heartbeat: of a lease that is renewed every 10 to 10.4 s, or of a status posted every 300
// s.

import SimKernel
import Testing

@testable import Cluster

@Suite struct HeartbeatTests {
  static func delays(minor: Int, seeds: ClosedRange<UInt64>) throws -> [Double] {
    var settings = Small.cluster(["a"])
    settings.minorVersion = minor
    settings.timing.leaseRenewal = TimingSettings().leaseRenewal
    return try seeds.map { seed in
      let run = try ClusterRun(settings, seed: seed)
      run.run(to: 200)
      run.perform(.nodeCrash(.named("a"), returnAfter: nil, newAddress: nil))
      run.run(to: 300)
      let row = try #require(run.log.first { $0.action == "Ready=Unknown" })
      return row.time.seconds - 200
    }
  }

  /// P(A > a)
  static func ageExceeds(_ a: Double) -> Double {
    let lease = a <= 10 ? 1 - a / 10.2 : max(0, 10.4 - a) * max(0, 10.4 - a) / 0.8 / 10.2
    return lease * (1 - a / 300)
  }

  /// P(grace + L - A <= delay) by the midpoint rule over L.
  static func cumulative(_ delay: Double, grace: Double) -> Double {
    let steps = 2000
    return (0..<steps).reduce(0) { sum, i in
      let lag = 5 * (Double(i) + 0.5) / Double(steps)
      let age = grace + lag - delay
      return sum + (age <= 0 ? 1 : age >= 10.4 ? 0 : ageExceeds(age)) / Double(steps)
    }
  }

  /// Of Kolmogorov and Smirnov: the largest distance between the sample's distribution and `cumulative`.
  static func distance(_ sample: [Double], _ cumulative: (Double) -> Double) -> Double {
    let n = Double(sample.count)
    return sample.sorted().enumerated().reduce(0) { largest, entry in
      let expected = cumulative(entry.element)
      return max(largest, expected - Double(entry.offset) / n, Double(entry.offset + 1) / n - expected)
    }
  }
  /// Exceeded by chance once in a thousand samples.
  static func critical(_ count: Int) -> Double { 1.95 / Double(count).squareRoot() }

  @Test(arguments: [(31, 40.0), (32, 50.0), (36, 50.0)])
  func `a crash is noticed as the timers say`(minor: Int, grace: Double) throws {
    let sample = try Self.delays(minor: minor, seeds: 1...500)
    let distance = Self.distance(sample) { Self.cumulative($0, grace: grace) }
    #expect(distance < Self.critical(sample.count), "D = \(distance)")
    #expect(sample.min()! > grace - 10.4 && sample.max()! <= grace + 5)
    // E[L] - E[A] = 2.5 s - 5.04 s: 5.10 s for the lease, cut a little by the posts of the status.
    let mean = sample.reduce(0, +) / Double(sample.count)
    #expect(abs(mean - (grace - 2.54)) < 0.5, "\(mean)")
  }

  @Test func `a distribution that is off by one look would not pass`() throws {
    let sample = try Self.delays(minor: 36, seeds: 1...500)
    // One more look; and 40-60 s without a preference, as the sum of the timers' bounds suggests.
    #expect(Self.distance(sample) { Self.cumulative($0, grace: 55) } > 3 * Self.critical(sample.count))
    #expect(Self.distance(sample) { min(1, max(0, ($0 - 40) / 20)) } > 3 * Self.critical(sample.count))
  }

  /// Last heartbeat, verdict: looks at 2, 7, 12 … and a grace period of 40 s.
  @Test(arguments: [(0.0, 42.0), (1.999, 42), (2, 47), (2.001, 47), (6.9, 47), (7, 52)])
  func `the verdict is a whole grace period after the look that noticed the heartbeat`(
    last: Double, verdict: Double
  ) {
    let monitor = HeartbeatMonitor(period: .seconds(5), grace: .seconds(40), phase: .seconds(2))
    #expect(monitor.verdict(lastHeartbeat: .zero + SimDuration(seconds: last)).seconds == verdict)
  }

  @Test func `a grace period between two looks waits for the later one`() {
    let monitor = HeartbeatMonitor(period: .seconds(5), grace: .seconds(42), phase: .seconds(2))
    #expect(monitor.verdict(lastHeartbeat: .zero).seconds == 47)
  }
}
