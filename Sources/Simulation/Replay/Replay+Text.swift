// SPDX-License-Identifier: GPL-3.0-or-later
//
// A replay for people: what became of the attempt and how, then what each change would have made of it.

import NetworkTypes
import SimKernel

extension Replay {
  /// The replay as text, with a line feed at its end.
  /// - Parameter showsSteps: also the steps of the changed runs.
  public func text(showsSteps: Bool, isColoured: Bool = false, width: Int = 110) -> String {
    let style = TextStyle(isColoured: isColoured)
    let base = asItWas
    let target = base.target.map { "\($0.service)" + ($0.port.isEmpty ? "" : ":\($0.port)") } ?? ""
    let place = base.clientNode.isEmpty ? "outside" : "on \(base.clientNode)"
    var lines = [
      style.bold(id.description),
      "\(base.client) \(place) to \(target), at \(ReadableNumber.seconds(base.start)) of \(scenario)", "",
    ]
    let verdict = "as it was: " + base.sentence
    lines += Trace.wrapped(verdict, "", width: width).map { base.isLost ? style.red($0) : style.green($0) }
    lines += stepLines(base, style, width: width)
    if let behind = base.stages { lines += Trace.wrapped("behind it: " + behind, "  ", width: width) }
    for item in changed where showsSteps {
      lines.append("")
      let text = "with \(item.change.name): " + item.connection.sentence
      lines += Trace.wrapped(text, "", width: width).map {
        item.connection.isLost ? style.red($0) : style.green($0)
      }
      lines += stepLines(item.connection, style, width: width)
      if let note = item.note { lines += Trace.wrapped("note: " + note, "  ", width: width) }
    }
    if !showsSteps, !changed.isEmpty { lines += ["", style.bold("With")] + table(style, width: width) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func stepLines(_ connection: ReplayedConnection, _ style: TextStyle, width: Int) -> [String] {
    let nodes = connection.steps.map(\.node.count).max() ?? 0
    return connection.steps.flatMap { step -> [String] in
      let prefix =
        "  " + pad("+" + ReadableNumber.span(step.time - connection.start), 10)
        + pad(step.node.isEmpty ? "-" : step.node, min(nodes, 28) + 2) + pad(step.component, 15)
      let text = TextTable.wrap(step.what, width: max(40, width - prefix.count))
      let blank = String(repeating: " ", count: prefix.count)
      return text.enumerated().map { $0 == 0 ? style.dim(prefix) + $1 : blank + $1 }
    }
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private func table(_ style: TextStyle, width: Int) -> [String] {
    var table = TextTable([
      .left("CHANGE"), .left("OUTCOME"), .left("CAUSE"), .left("BACKEND", least: 12), .right("TOOK"),
      .left("SAVED"),
    ])
    for item in changed {
      let c = item.connection
      table.add([
        item.change.name, c.outcome?.rawValue ?? "-", c.cause?.rawValue ?? "-",
        c.backend.isEmpty ? "-" : c.backend, c.exists ? ReadableNumber.span(c.took) : "-",
        item.isSaved.map { $0 ? "yes" : "no" } ?? "-",
      ])
    }
    var lines = table.lines(width: width, style: style)
    var notes: [String] = []
    for item in changed {
      if let note = item.note { notes.append("\(item.change.name): \(note)") }
    }
    lines += notes.flatMap { Trace.wrapped($0, "  ", width: width) }
    return lines
  }
}

extension ReplayedConnection {
  /// `lost (refused) after 102us, because of stale_table: a fresh table on worker-1 would have saved it`
  var sentence: String {
    guard exists, let outcome else { return "no such attempt" }
    let time = ReadableNumber.span(took)
    let pod = backend.isEmpty ? "" : " on \(backend)"
    switch outcome {
    case .completed: return "completed\(pod) in \(time)"
    case .clientGone: return "the client itself was gone after \(time)"
    default:
      let state = outcome == .misdelivered ? "misdelivered" : "lost (\(outcome.rawValue))"
      let why = cause.map { ", because of \($0.rawValue)" } ?? ""
      let saved = savedBy.isEmpty ? "" : ": \(savedBy) would have saved it"
      return "\(state) after \(time)\(why)\(saved)"
    }
  }

  /// The stages behind the loss, those that are known.
  var stages: String? {
    guard let lags else { return nil }
    let known: [(String, SimDuration?)] = [
      ("kubelet", lags.kubelet), ("controller", lags.controller), ("watch", lags.watch),
      ("runner wait", lags.runnerWait), ("sync", lags.sync),
    ]
    let parts = known.compactMap { name, value in value.map { "\(name) \(ReadableNumber.span($0))" } }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }
}
