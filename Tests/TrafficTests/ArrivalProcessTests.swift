// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import SimRandom
import Testing

@testable import Traffic

struct ArrivalProcessTests {
  private static let key = RandomKey(seed: 1, replication: 0, purpose: RandomPurpose("test"), entity: 0)

  private func times(_ arrivals: ClientSettings.Arrivals, until end: SimTime) -> [SimTime] {
    var process = ArrivalProcess(arrivals, key: Self.key)
    var found: [SimTime] = []
    var now = SimTime.zero
    while let next = process.next(after: now), next < end {
      found.append(next)
      now = next
    }
    return found
  }
  private func s(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }

  @Test func renewalsComeInTheirInterval() {
    #expect(times(.renewal(.constant(0.5)), until: s(2.1)) == [0.5, 1, 1.5, 2].map(s))
  }

  @Test func poissonArrivalsHaveTheirRate() {
    let count = Double(times(.renewal(.exponential(mean: 0.001)), until: s(20)).count)
    #expect(abs(count - 20_000) < 4 * 20_000.0.squareRoot())
  }

  @Test func tracesKeepTheirTimesTiesIncluded() {
    let trace = [1, 2, 2, 2, 5].map { s($0) }
    #expect(times(.trace(trace), until: s(10)) == trace)
  }

  @Test func aRateIsLinearBetweenItsPointsAndConstantOutside() {
    let points = [ClientSettings.RatePoint(at: s(2), rate: 10), ClientSettings.RatePoint(at: s(4), rate: 30)]
    let rates = [0, 2, 3, 4, 9].map { ArrivalProcess.rate(points, at: s($0)) }
    #expect(rates == [10, 10, 20, 30, 30])
  }

  @Test func aRateThatEndsAtZeroEnds() {
    let points = [ClientSettings.RatePoint(at: s(0), rate: 100), ClientSettings.RatePoint(at: s(2), rate: 0)]
    let found = times(.varyingPoisson(points), until: s(1000))
    #expect(abs(Double(found.count) - 100) < 40)
    #expect(found.allSatisfy { $0 < s(2) })
  }

  @Test func aRateOfNothingHasNoArrivals() {
    #expect(times(.varyingPoisson([ClientSettings.RatePoint(at: s(0), rate: 0)]), until: s(10)).isEmpty)
  }
}
