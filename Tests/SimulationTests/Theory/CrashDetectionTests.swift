// SPDX-License-Identifier: GPL-3.0-or-later
//
// theory.csv: how long a dead node goes unnoticed, against numbers worked by hand and against runs.

import Cluster
import SimKernel
import SimRandom
import Testing

@testable import Simulation

@Suite struct CrashDetectionTests {
  /// Gap between renewals, grace; mean by hand. Constant 10 s: age uniform, E = 5 - 100/3/600 = 4.944;
  /// 10 to 10.4 s: E = 104.05/20.4 - 34.69/600 = 5.043.
  @Test(arguments: [
    (Distribution.constant(10), 50, 47.556), (.uniform(low: 10, high: 10.4), 50, 47.457),
    (.uniform(low: 10, high: 10.4), 40, 37.457),
  ])
  func theMeanIsThatWorkedByHand(_ gap: Distribution, _ grace: Int, _ mean: Double) throws {
    var timing = TimingSettings()
    timing.leaseRenewal = gap
    let formula = try #require(CrashDetection(timing, minorVersion: grace == 40 ? 31 : 32))
    #expect(abs(formula.mean - mean) < 1e-3)
    #expect(abs(formula.variance - (25.0 / 12 + 8.4)) < 0.6)
  }

  @Test func itDoesNotApplyBetweenTwoLooksOrWithOtherGaps() {
    var timing = TimingSettings()
    timing.nodeMonitorGrace = .seconds(42)
    #expect(CrashDetection(timing, minorVersion: 36) == nil)
    timing = TimingSettings()
    timing.leaseRenewal = .exponential(mean: 10)
    #expect(CrashDetection(timing, minorVersion: 36) == nil)
  }

  @Test(arguments: [(31, 37.457), (36, 47.457)])
  func manyCrashesAgree(_ minor: Int, _ mean: Double) throws {
    let count = 60
    var w = SmallWorld(nodes: count + 1, duration: .seconds(200))
    w.file.cluster.minorVersion = minor
    w.addWeb(on: [0])
    w.addService()
    w.serve()
    w.addClient(every: 10)
    for i in 1...count {
      w.at(60 + 1.3 * Double(i), .nodeCrash(.named("node-\(i)"), returnAfter: nil, newAddress: nil))
    }
    let result = try w.run()
    let row = try #require(result.theory.first { $0.formula == .crashDetection })
    #expect(abs(row.predicted - mean) < 1e-3)
    #expect(abs(try #require(row.z)) < 4, "\(row)")
  }

  @Test func aNodeThatReturnsBeforeItIsMissedSaysNothing() throws {
    var w = SmallWorld(nodes: 2, duration: .seconds(100))
    w.addWeb(on: [0])
    w.addService()
    w.serve()
    w.addClient(every: 10)
    w.at(20, .nodeCrash(.named("node-1"), returnAfter: .constant(5), newAddress: nil))
    #expect(!(try w.run().theory.contains { $0.formula == .crashDetection }))
  }
}
