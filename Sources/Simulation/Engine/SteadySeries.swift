// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a run that is declared to be in a steady state keeps of every attempt, beside the counts: its
// latencies and whether it was lost, each with its start, so that the order of time can be had at the end.
// 16 bytes each.

import Cluster
import SimKernel
import SimStatistics

/// Observations of one metric, in the order in which they became known.
struct SteadySeries {
  private var observations = ContiguousArray<Observation>()

  private struct Observation {
    var start: SimTime
    /// Nanoseconds; of losses 0 or 1.
    var value: Int64
  }

  mutating func add(_ value: Int64, start: SimTime) {
    observations.append(Observation(start: start, value: value))
  }

  /// By start; equal ones in the order in which they became known.
  private var inOrderOfTime: [(start: SimTime, value: Int64)] {
    observations.indices.sorted {
      (observations[$0].start, $0) < (observations[$1].start, $1)
    }.map { (observations[$0].start, observations[$0].value) }
  }

  /// - Parameters:
  ///   - warmUp: given, and left out already; zero: MSER-5 looks for it.
  ///   - scale: of one value in `unit`.
  func estimate(_ metric: String, unit: String, scale: Double, warmUp: SimDuration) -> SteadyStateEstimate {
    let ordered = inOrderOfTime
    let values = ordered.map { Double($0.value) * scale }
    let isGiven = warmUp > .zero
    let run = isGiven ? LongRunEstimate(withoutWarmUp: values) : LongRunEstimate(values)
    let truncated = isGiven ? 0 : run?.warmUp?.cut ?? 0
    let begin = truncated > 0 ? ordered[truncated].start - .zero : warmUp
    return SteadyStateEstimate(
      metric: metric, unit: unit, observations: values.count, warmUp: begin, isWarmUpGiven: isGiven,
      truncated: truncated, run: run)
  }
}

/// The three series of a run.
struct SteadySeriesBook {
  var connect = SteadySeries()
  var request = SteadySeries()
  var losses = SteadySeries()

  /// - Parameter warmUp: as given in the scenario; zero: to be found.
  func estimates(warmUp: SimDuration) -> [SteadyStateEstimate] {
    [
      connect.estimate("connect_mean", unit: "ms", scale: 1e-6, warmUp: warmUp),
      request.estimate("request_mean", unit: "ms", scale: 1e-6, warmUp: warmUp),
      losses.estimate("loss_ratio", unit: "ratio", scale: 1, warmUp: warmUp),
    ]
  }
}
