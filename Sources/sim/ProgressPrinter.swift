// SPDX-License-Identifier: GPL-3.0-or-later
//
// Progress on standard error: one line that is written over on a terminal, a line every few seconds
// elsewhere.

import SimKernel
import Simulation

final class ProgressPrinter {
  private let isTerminal = Console.isErrorTerminal
  private let clock = ContinuousClock()
  private var label = ""
  private var started: ContinuousClock.Instant
  private var shown: ContinuousClock.Instant
  private var hasLine = false

  init() {
    started = clock.now
    shown = started
  }

  /// Time between two lines.
  private var period: Duration { isTerminal ? .milliseconds(100) : .seconds(5) }

  func begin(_ label: String) {
    self.label = label
    started = clock.now
    shown = started
  }

  func show(now: SimTime, end: SimTime, events: Int) {
    let instant = clock.now
    guard instant - shown >= period else { return }
    shown = instant
    let wall = (instant - started).seconds
    let share = end > .zero ? min(1, now.seconds / end.seconds) : 1
    var parts = ["\(ReadableNumber.seconds(now)) of \(ReadableNumber.seconds(end)) simulated"]
    parts.append(speed(simulated: now.seconds, events: events, wall: wall))
    if now >= end {
      parts.append("waiting for open attempts")
    } else if share > 0 {
      parts.append("ETA \(Self.span(wall * (1 - share) / share))")
    }
    let line = label + parts.joined(separator: ", ")
    Console.note(isTerminal ? "\r\u{1B}[K" + line : line + "\n")
    hasLine = isTerminal
  }

  /// How many of several runs have ended.
  /// - Parameters:
  ///   - isAtMost: fewer may do.
  ///   - state: what has been reached so far.
  func show(done: Int, of total: Int, isAtMost: Bool = false, state: String = "") {
    let instant = clock.now
    guard instant - shown >= period || done == total else { return }
    shown = instant
    let wall = (instant - started).seconds
    let most = isAtMost && done < total ? "at most " : ""
    var line = "\(label)\(done) of \(most)\(total) runs in \(Self.span(wall))"
    if done < total { line += ", ETA \(most)\(Self.span(wall * Double(total - done) / Double(done)))" }
    if !state.isEmpty { line += ", " + state }
    Console.note(
      isTerminal && done < total ? "\r\u{1B}[K" + line : (hasLine ? "\r\u{1B}[K" : "") + line + "\n")
    hasLine = isTerminal && done < total
  }

  /// The whole of it, once at the end.
  func end(simulated: SimTime, events: Int) {
    clear()
    let wall = (clock.now - started).seconds
    Console.remark(
      "\(label)\(ReadableNumber.seconds(simulated)) simulated in \(Self.span(wall)), "
        + "\(ReadableNumber.grouped(events)) events, "
        + speed(simulated: simulated.seconds, events: events, wall: wall))
  }

  /// Removes the line from a terminal.
  func clear() {
    if hasLine { Console.note("\r\u{1B}[K") }
    hasLine = false
  }

  private func speed(simulated: Double, events: Int, wall: Double) -> String {
    guard wall > 0 else { return "0 events/s" }
    return "\(ReadableNumber.short((Double(events) / wall).rounded())) events/s, "
      + "\(ReadableNumber.short(simulated / wall)) sim-s/s"
  }

  /// `0.12 s`, `42 s`, `3 min 20 s`, `2 h 5 min`
  private static func span(_ seconds: Double) -> String {
    guard seconds >= 10 else { return ReadableNumber.short(seconds) + " s" }
    let whole = Int(min(seconds, 1e12).rounded())
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60) min \(whole % 60) s"
    default: return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
  }
}
