// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long a kubelet waits before it starts a crashed container again. The first restart is immediate; each
// later one waits 10 s, 20 s, 40 s … up to 300 s (FACTS F2), counted from the end of the process; the
// series starts over once a process has lived for twice the longest wait
// (k/k pkg/kubelet/kuberuntime doBackOff, client-go util/flowcontrol Backoff).

import SimKernel

/// The restart delays of one pod's container.
struct CrashBackoff: Sendable, Equatable {
  static let first = SimDuration.seconds(10)
  static let longest = SimDuration.seconds(300)

  private var wait = SimDuration.zero
  private var startedAt = SimTime.zero

  mutating func processStarted(at time: SimTime) { startedAt = time }

  /// - Returns: how long to wait after the end of the process at `time`.
  mutating func delayAfterCrash(at time: SimTime) -> SimDuration {
    if time - startedAt > Self.longest * 2 { wait = .zero }
    let now = wait
    wait = wait == .zero ? Self.first : min(wait * 2, Self.longest)
    return now
  }
}
