// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation

/// CPU time and memory of this process, as the operating system counts them.
enum Usage {
  /// RUSAGE_SELF, which Glibc imports as an enum that getrusage does not take.
  private static let ownProcess = __rusage_who_t(RUSAGE_SELF.rawValue)

  static func userSeconds() -> Double {
    var u = rusage()
    getrusage(ownProcess, &u)
    return Double(u.ru_utime.tv_sec) + Double(u.ru_utime.tv_usec) / 1e6
  }
  /// Peak resident memory in bytes.
  static func peakBytes() -> Int {
    var u = rusage()
    getrusage(ownProcess, &u)
    return Int(u.ru_maxrss) * 1024
  }
}
