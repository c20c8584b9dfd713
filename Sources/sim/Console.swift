// SPDX-License-Identifier: GPL-3.0-or-later
//
// Standard output is for results only; everything else that people read goes to standard error.

import Cluster
import Foundation
import Scenario
import SimKernel
import Simulation

enum Console {
  /// Writes results to standard output.
  /// - Throws: `ResultFolderError` if it cannot be written, such as on a full disk.
  static func write(_ text: String) throws {
    let output = FileHandle.standardOutput
    do {
      try output.write(contentsOf: Data(text.utf8))
    } catch {
      throw ResultFolderError("cannot write to standard output: \(String(cString: strerror(errno)))")
    }
  }

  /// A remark on standard error, with a line feed. If nobody can read it, nothing can be done about it.
  static func remark(_ text: String) { note(text + "\n") }

  static func note(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }

  /// Kinds of objects that runs do without.
  static func remark(leftOutOf scenario: ScenarioFile) {
    guard !scenario.ignoredObjects.isEmpty else { return }
    let kinds = scenario.ignoredObjects.map { "\($0.kind) (\($0.count))" }.joined(separator: ", ")
    remark("sim: left out, because the model has no use for them: \(kinds)")
  }

  /// What the scenarios use and a proxy mode does not have, or the run does otherwise; each sentence once.
  static func remark(modesOf scenarios: [ScenarioFile], _ modes: [ProxyMode]? = nil) {
    var said: Set<String> = []
    for sentence in scenarios.flatMap({ $0.modeRemarks(for: modes) + $0.podLifeRemarks })
    where said.insert(sentence).inserted {
      remark("sim: \(sentence)")
    }
  }

  /// That the answer is one of a longer run than the scenario's. Said before the run, which may take its
  /// time.
  static func remark(_ time: SimTime, pastEndOf scenario: ScenarioFile) {
    let span = time - SimTime.zero
    guard span > scenario.duration else { return }
    remark(
      "sim: \(span) is past the scenario's duration of \(scenario.duration): this is a run that lasts so long"
    )
  }

  /// What an interruption left in the place of the results.
  static func fateOfResults(in target: String) -> String {
    FileManager.default.fileExists(atPath: target)
      ? "earlier results in \(target) left as they were" : "nothing written to \(target)"
  }

  static var isOutputTerminal: Bool { isatty(STDOUT_FILENO) == 1 }
  static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb" }

  /// Colour only on a terminal, and never where NO_COLOR is set to anything (no-color.org).
  static var isColoured: Bool {
    isOutputTerminal && environment("TERM") != "dumb" && (environment("NO_COLOR") ?? "").isEmpty
  }

  private static func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }
}
