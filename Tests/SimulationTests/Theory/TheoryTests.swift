// SPDX-License-Identifier: GPL-3.0-or-later
//
// theory.csv: the formulas against numbers worked by hand or by brute force, and against runs.

import Foundation
import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

@Suite struct TheoryTests {
  private func time(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }

  @Test("expected arrivals are the integral of the rate over a life")
  func arrivals() throws {
    let steady = ClientSettings.Arrivals.renewal(.exponential(mean: 0.25))
    #expect(ExpectedArrivals.mean(steady, from: time(2), until: time(12)) == 40)
    #expect(ExpectedArrivals.mean(steady, from: time(12), until: time(2)) == 0)
    let points = [(10.0, 0.0), (20.0, 10.0), (30.0, 10.0), (30.0, 2.0)].map {
      ClientSettings.RatePoint(at: time($0.0), rate: $0.1)
    }
    let varying = ClientSettings.Arrivals.varyingPoisson(points)
    // 0 until 10 s, a triangle of 50, then 100, then 2/s.
    for (from, until, expected) in [
      (0.0, 10.0, 0.0), (0, 20, 50), (0, 40, 170), (15, 20, 37.5), (35, 40, 10),
    ] {
      let mean = try #require(ExpectedArrivals.mean(varying, from: time(from), until: time(until)))
      #expect(abs(mean - expected) < 1e-9, "\(from) to \(until): \(mean)")
    }
    #expect(ExpectedArrivals.mean(.renewal(.constant(1)), from: time(0), until: time(9)) == nil)
  }

  @Test("idle endpoints: ten draws between ten endpoints leave 3.49 without, as FACTS K1 says")
  func tenByTen() {
    let moments = IdleEndpoints.moments(probabilities: Array(repeating: 0.1, count: 10), draws: 10)
    #expect(abs(moments.mean - 3.4868) < 1e-4)
  }

  @Test("idle endpoints: mean and variance are those of all outcomes, counted one by one")
  func bruteForce() {
    let p = [0.5, 0.3, 0.2]
    let draws = 5
    var (mean, square) = (0.0, 0.0)
    for code in 0..<243 {
      var (rest, chance) = (code, 1.0)
      var seen: Set<Int> = []
      for _ in 0..<draws {
        chance *= p[rest % 3]
        seen.insert(rest % 3)
        rest /= 3
      }
      let idle = Double(3 - seen.count)
      mean += chance * idle
      square += chance * idle * idle
    }
    let moments = IdleEndpoints.moments(probabilities: p, draws: draws)
    #expect(abs(moments.mean - mean) < 1e-12)
    #expect(abs(moments.variance - (square - mean * mean)) < 1e-12)
  }

  /// z² is 1 on average; over 120 rows its mean has a standard deviation of about 0.15, a bit more for the
  /// skewed counts of idle endpoints.
  @Test("over forty runs with pods coming and going, each formula's z has the spread that it should have")
  func runsAgree() throws {
    var squares: [TheoryRow.Formula: [Double]] = [:]
    for replication in 0..<40 {
      var w = SmallWorld(duration: .seconds(8))
      w.addWeb(on: [0, 0, 1, 1, 1])
      w.addService()
      w.serve()
      w.addClient { $0.arrivals = .renewal(.exponential(mean: 0.02)) }
      w.addClient { client in
        client.arrivals = .varyingPoisson([
          .init(at: .zero, rate: 0), .init(at: self.time(4), rate: 40), .init(at: self.time(8), rate: 20),
        ])
      }
      w.at(2, .podDelete(.web(0)))
      w.at(5, .podDelete(.named(NamespacedName(name: "client-0"))))
      let result = try w.run(replication: UInt32(replication))
      #expect(result.theory.filter { $0.formula == .poissonArrivals }.count == 2)
      for row in result.theory { squares[row.formula, default: []].append(try #require(row.z) * row.z!) }
    }
    for formula in [TheoryRow.Formula.poissonArrivals, .multinomialSpread] {
      let z2 = try #require(squares[formula])
      let mean = z2.reduce(0, +) / Double(z2.count)
      #expect((0.5...1.7).contains(mean), "\(formula): mean z² is \(mean) over \(z2.count)")
    }
  }

  @Test("few connections between many endpoints leave as many without as the formula says")
  func idleEndpointsOfRuns() throws {
    var (difference, variance) = (0.0, 0.0)
    for replication in 0..<40 {
      var w = SmallWorld(duration: .seconds(2))
      w.addWeb(on: [0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
      w.addService()
      w.serve()
      w.addClient { $0.arrivals = .renewal(.exponential(mean: 0.2)) }
      let result = try w.run(replication: UInt32(replication))
      let row = try #require(result.theory.first { $0.formula == .idleEndpoints })
      difference += row.simulated - row.predicted
      variance += row.standardError * row.standardError
    }
    #expect(abs(difference) < 4 * variance.squareRoot(), "\(difference) against \(variance.squareRoot())")
  }
}
