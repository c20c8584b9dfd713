// SPDX-License-Identifier: GPL-3.0-or-later
//
// SIGINT and SIGTERM ask a run to stop at its next step; a second one ends the program at once, and the next
// run removes what it leaves behind.

import Dispatch
import Foundation
import Simulation
import Synchronization

final class Interruption {
  private let requests = RequestCount()
  /// Kept alive as long as the signals are to be watched.
  private let sources: [any DispatchSourceSignal]

  init() {
    let requests = requests
    let queue = DispatchQueue(label: "interruption")
    sources = [SIGINT, SIGTERM].map { number in
      // Without this the signal's own action, which ends the program, comes first.
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        if requests.add() > 1 { _exit(Failure.interrupted) }
      }
      source.resume()
      return source
    }
  }

  deinit {
    for source in sources { source.cancel() }
    signal(SIGINT, SIG_DFL)
    signal(SIGTERM, SIG_DFL)
  }

  var isRequested: Bool { requests.number > 0 }

  /// Whether runs are to go on; can be asked from any thread.
  var question: GoOnQuestion {
    let requests = requests
    return { requests.number == 0 }
  }
}

private final class RequestCount: Sendable {
  private let count = Atomic<Int>(0)
  var number: Int { count.load(ordering: .relaxed) }
  /// The number of requests so far, this one included.
  func add() -> Int { count.wrappingAdd(1, ordering: .relaxed).newValue }
}
