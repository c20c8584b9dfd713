// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where theory knows the answer, a run must give it (FACTS K). Means are compared over independent
// replications, in standard errors of their mean.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import SimStatistics
import Testing
import Traffic

@testable import Simulation

/// Mean and standard error of the mean of independent values.
private struct Estimate {
  var mean = 0.0
  var error = 0.0
  init(_ values: [Double]) {
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    self.mean = mean
    error = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1) / n).squareRoot()
  }
}

struct QueueingTests {
  struct Queue: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var workers: Int
    /// Per second.
    var rate: Double
    var service: Distribution
    /// Mean time in the system, seconds.
    var sojourn: Double
  }

  /// Erlang's C formula: the probability that all `c` workers are busy at offered load `a`.
  static func erlangC(_ c: Int, _ a: Double) -> Double {
    var term = 1.0
    var sum = 0.0
    for k in 0..<c {
      sum += term
      term *= a / Double(k + 1)
    }
    let waiting = term * Double(c) / (Double(c) - a)
    return waiting / (sum + waiting)
  }

  static let queues = [
    Queue(
      testDescription: "M/M/1", workers: 1, rate: 500, service: .exponential(mean: 0.001), sojourn: 1 / 500),
    Queue(
      testDescription: "M/M/3", workers: 3, rate: 2000, service: .exponential(mean: 0.001),
      sojourn: 0.001 + erlangC(3, 2) / 1000),
    // Pollaczek and Khinchine: waiting λ E[S²] / 2(1 − ρ).
    Queue(
      testDescription: "M/D/1", workers: 1, rate: 500, service: .constant(0.001),
      sojourn: 0.001 + 500 * 1e-6 / (2 * 0.5)),
    Queue(
      testDescription: "M/G/∞", workers: 0, rate: 500, service: .uniform(low: 0, high: 0.02), sojourn: 0.01),
  ]

  @Test(arguments: queues) func responseTimesAreThoseOfTheory(_ queue: Queue) throws {
    var w = SmallWorld(duration: .seconds(5))
    w.file.report.warmUp = .milliseconds(500)
    w.file.network.costs = .none
    w.addWeb(on: [1])
    w.addService()
    w.serve {
      $0.serviceTime = queue.service
      $0.concurrency = queue.workers == 0 ? nil : queue.workers
    }
    w.addClient { $0.arrivals = .renewal(.exponential(mean: 1 / queue.rate)) }
    let means = try (0..<8).map { replication in
      let result = try w.run(replication: UInt32(replication))
      #expect(result.lostCount == 0)
      return result.latency.first { $0.phase == .request && $0.outcome == .completed }!.histogram.mean!
    }
    // SYN, SYN-ACK, request and response cross the network, 100 µs each.
    let predicted = 4 * 0.0001 + queue.sojourn
    let measured = Estimate(means.map { $0.seconds })
    // The histogram has two significant digits: half a unit of the second is a per cent at worst.
    #expect(abs(measured.mean - predicted) < 4 * measured.error + 0.005 * predicted)
  }

  @Test func closedLoopUsersObeyTheResponseTimeLaw() throws {
    // N = X (Z + R), whatever the distributions (FACTS K).
    var w = SmallWorld(duration: .seconds(60))
    w.file.report.warmUp = .seconds(10)
    w.addWeb(on: [1])
    w.addService()
    w.serve {
      $0.serviceTime = .exponential(mean: 0.02)
      $0.concurrency = 1
    }
    w.addClient { $0.arrivals = .closed(users: 60, think: .exponential(mean: 1)) }
    let result = try w.run()
    #expect(result.lostCount == 0)
    let response = result.latency.first { $0.phase == .request }!.histogram.mean!.seconds
    let throughput = Double(result.count(.completed)) / 50
    // The server is the bottleneck: just under 50/s.
    #expect(throughput > 45 && throughput < 51)
    #expect(abs(throughput * (1 + response) / 60 - 1) < 0.05)
  }

  @Test func arrivalsFollowARateThatVaries() throws {
    var w = SmallWorld()
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    let points = [(0, 0.0), (5, 400.0), (10, 0.0)].map {
      ClientSettings.RatePoint(at: .zero + .seconds(Int64($0.0)), rate: $0.1)
    }
    w.addClient { $0.arrivals = .varyingPoisson(points) }
    let result = try w.run()
    let perSecond = result.timeline.map(\.attempts)
    let expected = [40.0, 120, 200, 280, 360, 360, 280, 200, 120, 40]
    for (observed, mean) in zip(perSecond, expected) {
      #expect(abs(Double(observed) - mean) < 4 * mean.squareRoot())
    }
  }

  @Test func traceArrivalsComeWhenTheTraceSays() throws {
    var w = SmallWorld()
    w.addService()
    let times = [1.0, 1.5, 1.5, 4.25].map { SimTime.zero + SimDuration(seconds: $0) }
    w.addClient { $0.arrivals = .trace(times) }
    let result = try w.run()
    #expect(result.lost.map(\.start).sorted() == times)
  }
}
