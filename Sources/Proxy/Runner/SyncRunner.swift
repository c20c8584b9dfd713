// SPDX-License-Identifier: GPL-3.0-or-later
//
// When rules may be written: kube-proxy's bounded frequency runner (FACTS C2). Decides the earliest start of
// a run for a request; the fleet keeps the single pending slot.

import Cluster
import SimKernel

struct SyncRunner: BitwiseCopyable {
  /// Longest time without a run: FullSyncPeriod, 1 h (FACTS C2).
  static let maxInterval = SimDuration.hours(1)
  /// The same in a mode: ipvs takes syncPeriod (FACTS C2, D3).
  static func maxInterval(_ settings: ProxySettings) -> SimDuration {
    settings.mode == .ipvs ? settings.syncPeriod : maxInterval
  }
  /// Tokens of the limiter up to 1.33 (FACTS C2).
  static let burst: Int64 = 2

  let minInterval: SimDuration
  /// Up to 1.33: a token bucket; from 1.34: at least `minInterval` between an end and the next start.
  let usesTokenBucket: Bool
  private(set) var lastEnd: SimTime
  /// Time saved up in the bucket, one token per `minInterval`.
  private var saved: SimDuration
  private var savedAt: SimTime

  init(minInterval: SimDuration, minorVersion: Int, idleSince: SimTime) {
    self.minInterval = minInterval
    usesTokenBucket = Behaviours.tokenBucketRunner.value(in: minorVersion)
    lastEnd = idleSince
    saved = minInterval * Self.burst
    savedAt = idleSince
  }

  private func tokenTime(at now: SimTime) -> SimDuration {
    min(minInterval * Self.burst, saved + (now - savedAt))
  }

  /// From when on a request finds a token in the bucket.
  var tokenAt: SimTime { savedAt + max(.zero, minInterval - saved) }

  /// Start of the run that a request at `request` gets, if neither another run nor, up to 1.33, a later
  /// request that finds a token comes in between. Without a token a timer is set, which counts from the end
  /// of the last run (k/k pkg/util/async/bounded_frequency_runner.go, tryRun).
  func earliestStart(for request: SimTime) -> SimTime {
    if usesTokenBucket && tokenTime(at: request) >= minInterval { return request }
    return max(request, lastEnd + minInterval)
  }

  mutating func begin(at now: SimTime) {
    guard usesTokenBucket else { return }
    // A run that the timer grants finds at least the token that its wait has earned.
    let left = tokenTime(at: now) - minInterval
    saved = max(.zero, left)
    savedAt = now
  }

  mutating func end(at now: SimTime) { lastEnd = now }
}
