// SPDX-License-Identifier: GPL-3.0-or-later
//
// When a client that watches gets through again after it has lost the API server (client-go
// tools/cache/reflector.go: 0.8 s doubling to 30 s, each up to twice as long by jitter, as before after 2 min
// without a failure). Two ways to lose it: the server is gone and refuses at once, or the network swallows
// everything and nothing answers.

import SimKernel

public enum ReflectorBackoff {
  static var first: SimDuration { .milliseconds(800) }
  static var longest: SimDuration { .seconds(30) }

  /// An HTTP/2 connection on which nothing comes is given up after that (ReadIdleTimeout 30 s, PingTimeout
  /// 15 s in k/k staging apimachinery/pkg/util/net/http.go).
  public static var silenceUntilGivenUp: SimDuration { .seconds(45) }
  /// client-go's dial timeout: 30 s (k/k staging apimachinery and client-go transport).
  static var dialTimeout: SimDuration { .seconds(30) }
  /// When a SYN is sent again, from the first on (FACTS E3).
  private static var synTimes: [SimDuration] { [0, 1, 2, 3, 4, 5, 7, 11, 19].map { .seconds($0) } }

  /// The server refused connections from `lost` on and accepts them from `back` on.
  /// - Parameter jitter: of the wait with that number, in [0, 1).
  public static func afterRefusals(
    lost: SimTime, back: SimTime, jitter: (Int) -> Double
  ) -> SimTime {
    var attempt = lost
    var number = 0
    while attempt < back {
      attempt = attempt + wait(number, jitter)
      number += 1
    }
    return attempt
  }

  /// Nothing passed from `lost` to `back`, and no answer said so.
  /// - Parameters:
  ///   - firstUnsent: when the server first had something to send meanwhile; nil: it had nothing.
  ///   - jitter: of the wait with that number, in [0, 1).
  public static func afterSilence(
    lost: SimTime, back: SimTime, firstUnsent: SimTime?, jitter: (Int) -> Double
  ) -> SimTime {
    if back < lost + silenceUntilGivenUp {
      return firstUnsent.map { retransmission(from: $0, after: back) } ?? back
    }
    return dialling(from: lost + silenceUntilGivenUp, back: back, jitter: jitter)
  }

  /// A client that dials from `start` on, while nothing passes until `back`.
  public static func dialling(from start: SimTime, back: SimTime, jitter: (Int) -> Double) -> SimTime {
    var attempt = start
    var number = 0
    while attempt + dialTimeout <= back {
      attempt = attempt + dialTimeout + wait(number, jitter)
      number += 1
    }
    if attempt >= back { return attempt }
    // This attempt is under way: its next SYN gets through.
    for time in synTimes where attempt + time >= back { return attempt + time }
    return attempt + dialTimeout + wait(number, jitter)
  }

  private static func wait(_ number: Int, _ jitter: (Int) -> Double) -> SimDuration {
    let base = min(longest, first * (1 << Int64(min(number, 10))))
    return base + SimDuration(seconds: base.seconds * jitter(number))
  }

  /// The connection is still there: TCP sends again after 200 ms, doubling (FACTS E4).
  private static func retransmission(from sent: SimTime, after back: SimTime) -> SimTime {
    var next = sent
    var timeout = SimDuration.milliseconds(200)
    while next < back {
      next = next + timeout
      timeout = timeout * 2
    }
    return next
  }
}
