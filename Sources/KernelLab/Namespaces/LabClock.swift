// SPDX-License-Identifier: GPL-3.0-or-later
//
// The machine's monotonic clock. Nothing that a simulation computes reads it.

import Foundation

enum LabClock {
  /// Seconds since some instant before.
  static var now: Double { Double(nanoseconds) / 1e9 }

  static var nanoseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
