// SPDX-License-Identifier: GPL-3.0-or-later
//
// When an instance of an open-loop client starts its operations. A function of its own key alone, so that
// every variant of a scenario sees the same arrivals.

import SimKernel
import SimRandom

public struct ArrivalProcess: Sendable {
  private enum Kind: Sendable {
    case renewal(Sampler)
    case varying([ClientSettings.RatePoint], peak: Double)
    case trace([SimTime])
    /// Closed loop: started by the engine, user by user.
    case none
  }
  private let kind: Kind
  private var stream: RandomStream
  private var traceIndex = 0

  public init(_ arrivals: ClientSettings.Arrivals, key: RandomKey) {
    stream = RandomStream(key: key)
    switch arrivals {
    case .renewal(let gap): kind = .renewal(Sampler(gap))
    case .varyingPoisson(let points): kind = .varying(points, peak: points.map(\.rate).max() ?? 0)
    case .trace(let times): kind = .trace(times)
    case .closed: kind = .none
    }
  }

  /// The next operation's start after `time`; nil when there is none any more.
  public mutating func next(after time: SimTime) -> SimTime? {
    switch kind {
    case .renewal(let gap):
      return time + gap.duration(&stream)
    case .varying(let points, let peak):
      return thin(points, peak: peak, after: time)
    case .trace(let times):
      while traceIndex < times.count, times[traceIndex] < time { traceIndex += 1 }
      guard traceIndex < times.count else { return nil }
      traceIndex += 1
      return times[traceIndex - 1]
    case .none:
      return nil
    }
  }

  /// Non-homogeneous Poisson process by thinning (Lewis and Shedler, 1979).
  private mutating func thin(_ points: [ClientSettings.RatePoint], peak: Double, after time: SimTime)
    -> SimTime?
  {
    guard peak > 0 else { return nil }
    var t = time
    let last = points[points.count - 1]
    while true {
      if last.rate == 0, t > last.at { return nil }
      t += SimDuration(seconds: -log1pOfMinus(stream.uniform()) / peak)
      if t == .distantFuture { return nil }
      if stream.uniform() * peak < Self.rate(points, at: t) { return t }
    }
  }

  /// Piecewise linear between the points, constant outside of them.
  static func rate(_ points: [ClientSettings.RatePoint], at time: SimTime) -> Double {
    guard let after = points.firstIndex(where: { $0.at > time }) else { return points[points.count - 1].rate }
    guard after > 0 else { return points[0].rate }
    let a = points[after - 1]
    let b = points[after]
    let share = (time - a.at).seconds / (b.at - a.at).seconds
    return a.rate + (b.rate - a.rate) * share
  }

  private func log1pOfMinus(_ u: Double) -> Double { StandardExponential.logOfOneMinus(u) }
}
