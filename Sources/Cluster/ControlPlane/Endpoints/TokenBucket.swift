// SPDX-License-Identifier: GPL-3.0-or-later
//
// A token bucket whose users wait in line, as client-go's rate limiters do: says when the next one may go.

import SimKernel

struct TokenBucket: Sendable {
  /// Time in which one token comes.
  private let interval: SimDuration
  /// What a full bucket has saved up, without the token that is just taken.
  private let saved: SimDuration
  /// When the bucket would be full again.
  private var fullAt = SimTime(nanoseconds: .min / 2)

  /// - Parameters:
  ///   - rate: tokens per second.
  ///   - burst: tokens in a full bucket.
  init(rate: Double, burst: Int) {
    precondition(rate > 0 && burst > 0, "a bucket of \(burst) with \(rate) per second lets nobody pass")
    interval = SimDuration(seconds: 1 / rate)
    saved = interval * Int64(burst - 1)
  }

  /// Takes a token.
  /// - Returns: when it is there.
  mutating func take(at now: SimTime) -> SimTime {
    let granted = max(now, fullAt - saved)
    fullAt = max(fullAt, now) + interval
    return granted
  }
}
