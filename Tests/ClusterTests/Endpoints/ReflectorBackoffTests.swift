// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

@testable import Cluster

@Suite struct ReflectorBackoffTests {
  private static func at(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }

  /// Without jitter tries come after 0.8, 2.4, 5.6, 12, 24.8, 50.4, then each 30 s; with half of it, at 1.5
  /// times that.
  @Test(arguments: [
    (0.0, 0.5, 0.8), (0, 1, 2.4), (0, 5, 5.6), (0, 13, 24.8), (0, 60, 80.4), (0, 100, 110.4), (0.5, 1, 1.2),
    (0.5, 2, 3.6),
  ]) func aRefusedReflectorTriesAtDoublingDistances(jitter: Double, outage: Double, back: Double) {
    let time = ReflectorBackoff.afterRefusals(lost: Self.at(100), back: Self.at(100 + outage)) { _ in jitter }
    #expect(abs(time.seconds - 100 - back) < 1e-6)
  }

  /// Less than 45 s of silence leave the connection; TCP sends again after 0.2, 0.6, 1.4, 3, 6.2, 12.6,
  /// 25.4 s.
  @Test(
    arguments: [
      (10.0, nil, 10.0), (10, 0.0, 12.6), (10, 9, 10.4), (44, 0, 51),
      // Given up at 45 s: the dial from there on is under way until 75 s, its SYNs at 45, 46, 47, 48, 49,
      // 50, 52...
      (46.5, 0, 47), (51, 0, 52),
      // All SYNs of the first dial went lost: the next is 0.8 s after its 30 s.
      (70, 0, 75.8), (75.5, 0, 75.8), (76, 0, 76.8),
    ] as [(Double, Double?, Double)])
  func aSilentPathIsNoticedByTimersOnly(outage: Double, unsent: Double?, back: Double) {
    let time = ReflectorBackoff.afterSilence(
      lost: Self.at(0), back: Self.at(outage), firstUnsent: unsent.map(Self.at)
    ) { _ in 0 }
    #expect(abs(time.seconds - back) < 1e-6, "\(time.seconds)")
  }
}
