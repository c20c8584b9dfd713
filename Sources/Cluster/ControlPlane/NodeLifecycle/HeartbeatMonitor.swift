// SPDX-License-Identifier: GPL-3.0-or-later
//
// When the node lifecycle controller takes a silent node for lost. Heartbeats come at a fixed phase of
// their period and the controller looks at the leases at a fixed phase of its own, so both can be worked
// out when a node falls silent instead of ticking all the time. (FACTS F1; k/k
// pkg/controller/nodelifecycle: a look that finds a newer lease notes its own time; the first look at least
// the grace period after that is the verdict.)

import SimKernel

/// The timing of one controller's looks at leases.
struct HeartbeatMonitor: Sendable {
  /// node-monitor-period
  let period: SimDuration
  /// node-monitor-grace-period
  let grace: SimDuration
  /// When the first look is, in [0, period).
  let phase: SimDuration

  /// node-monitor-grace-period of a version.
  static func defaultGrace(minorVersion: Int) -> SimDuration {
    Behaviours.nodeMonitorGrace.value(in: minorVersion)
  }

  /// The last heartbeat of a node that sent one every `renewal` from `first` on and fell silent at `silence`.
  static func lastHeartbeat(first: SimTime, renewal: SimDuration, silence: SimTime) -> SimTime {
    guard silence > first, renewal > .zero else { return first }
    let count = (silence - first).nanoseconds / renewal.nanoseconds
    return first + renewal * count
  }

  /// The first look strictly after `time`.
  func look(after time: SimTime) -> SimTime {
    let since = time.nanoseconds - phase.nanoseconds
    let step = period.nanoseconds
    let remainder = since % step
    let past = remainder < 0 ? remainder + step : remainder
    return SimTime(nanoseconds: time.nanoseconds - past + step)
  }

  /// When the controller declares the node's state unknown if no other heartbeat follows.
  func verdict(lastHeartbeat: SimTime) -> SimTime {
    let noticed = look(after: lastHeartbeat)
    return look(after: noticed + grace - .nanoseconds(1))
  }
}
