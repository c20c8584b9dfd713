// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the engine reports to while it runs: shows progress, and stops the run when a signal has asked for it.

import SimKernel
import Simulation

final class RunMonitor: RunObserver {
  private let progress: ProgressPrinter?
  private let interruption = Interruption()
  private let replications: Int

  init(progress: ProgressPrinter?, replications: Int) {
    self.progress = progress
    self.replications = replications
  }

  var isInterrupted: Bool { interruption.isRequested }

  func begin(replication: Int) {
    progress?.begin(replications > 1 ? "replication \(replication + 1) of \(replications): " : "")
  }

  func progress(now: SimTime, end: SimTime, events: Int) -> Bool {
    guard !interruption.isRequested else {
      progress?.clear()
      return false
    }
    progress?.show(now: now, end: end, events: events)
    return true
  }

  func end(of result: RunResult) {
    progress?.end(simulated: max(result.drainedAt, .zero + result.duration), events: result.simulationEvents)
  }
}
