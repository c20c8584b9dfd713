// SPDX-License-Identifier: GPL-3.0-or-later
//
// The wall clock and the machine, for run.json. Nothing below the command line reads them.

import Foundation
import Simulation

struct HostClock {
  private let startedAt = Date()
  private let start = ContinuousClock.now

  /// What depends on the host, up to now.
  func record() -> HostRecord {
    HostRecord(
      wallSeconds: (ContinuousClock.now - start).seconds, cores: ProcessInfo.processInfo.activeProcessorCount,
      startedAt: startedAt.formatted(.iso8601),
      operatingSystem: ProcessInfo.processInfo.operatingSystemVersionString)
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
