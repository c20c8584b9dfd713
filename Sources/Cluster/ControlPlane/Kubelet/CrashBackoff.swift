// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long a kubelet waits before it starts an ended container again (k/k pkg/kubelet/kuberuntime doBackOff,
// client-go util/flowcontrol Backoff). The first restart is immediate, because there is no entry yet (k/k
// issue 133472); each restart sets the wait for the next one: 10 s, 20 s, 40 s … up to 300 s (FACTS F2),
// counted from the end of the last instance that the kubelet knows of. An instance that ended more than 10
// minutes after the last restart starts the series over.

import SimKernel

/// The restart delays of one pod's container.
struct CrashBackoff: Sendable, Equatable {
  private var wait: SimDuration?
  private var updatedAt = SimTime.zero

  /// Twice the longest wait of 300 s; a shorter longest wait does not shorten it (KEP-4603).
  private static let recovery = SimDuration.seconds(600)

  private func isExpired(_ end: SimTime) -> Bool { end - updatedAt > Self.recovery }

  /// Until when the container whose instance ended at `end` may not be started.
  func heldUntil(end: SimTime) -> SimTime {
    guard let wait, !isExpired(end) else { return end }
    return end + wait
  }

  /// The container whose instance ended at `end` is started again now.
  mutating func restarted(after end: SimTime, at now: SimTime, _ settings: KubeletSettings) {
    let first = min(settings.crashLoopFirst, settings.crashLoopLongest)
    if let before = wait, !isExpired(end) {
      wait = min(before * 2, settings.crashLoopLongest)
    } else {
      wait = first
    }
    updatedAt = now
  }
}
