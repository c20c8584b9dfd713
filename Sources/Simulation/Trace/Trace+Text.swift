// SPDX-License-Identifier: GPL-3.0-or-later
//
// A trace for people: what becomes of the packet first, then its way, then who may answer. Ways that differ
// in the endpoint alone are told once.

import NetworkTypes
import Proxy
import SimKernel

/// How much a trace tells.
public enum TraceDetail: String, Sendable, CaseIterable {
  /// The way in a line per place, and the candidates.
  case summary
  /// Also the rules that decided.
  case rules
  /// Also why each rule applied, addresses, conntrack entries, the table's age and what a fresh one would do,
  /// for each way on its own.
  case all
}

extension Trace {
  /// The trace as text, with a line feed at its end.
  public func text(_ detail: TraceDetail = .summary, isColoured: Bool = false, width: Int = 120) -> String {
    let style = TextStyle(isColoured: isColoured)
    var lines = heading(style)
    if outcomes.isEmpty {
      lines += ["", "  " + style.green("everything gets through")]
    } else {
      lines += [""] + verdictLines(style, width: width)
      lines += ["", style.bold("Way")] + wayLines(detail, style, width: width)
      lines += candidateLines(style, width: width)
    }
    for note in notes { lines += [""] + Self.wrapped("Note: " + note, "", width: width) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func heading(_ style: TextStyle) -> [String] {
    let what = packet.map { "\($0.source) -> \($0.destination)" } ?? "no packet"
    let mode = mode?.rawValue ?? "several modes"
    return [
      style.bold("\(transport.name) \(what)"), "\(from) to \(to) at \(at), \(mode)",
    ]
  }

  static func wrapped(_ text: String, _ indent: String, width: Int) -> [String] {
    TextTable.wrap(text, width: width - indent.count).map { indent + $0 }
  }

  // MARK: The verdict

  private func verdictLines(_ style: TextStyle, width: Int) -> [String] {
    var lines: [String] = []
    for (index, ending) in endings.enumerated() {
      let share = endings.count > 1 ? ReadableNumber.roughPercent(ending.probability) + "  " : ""
      let text = share + Self.sentence(ending.outcome)
      let block = Self.wrapped(text, "  ", width: width)
      let isGood = ending.outcome.verdict == .delivered
      lines += block.enumerated().map { position, line in
        guard index == 0 || position == 0 else { return line }
        return isGood ? style.green(line) : style.red(line)
      }
    }
    return lines
  }

  /// What can become of the packet, the worst first; outcomes that differ in the backend alone are one.
  var endings: [(outcome: TraceOutcome, probability: Double)] {
    var found: [(outcome: TraceOutcome, probability: Double)] = []
    for outcome in outcomes {
      let known = found.firstIndex {
        $0.outcome.verdict == outcome.verdict && $0.outcome.clientSees == outcome.clientSees
          && $0.outcome.cause == outcome.cause && $0.outcome.savedBy == outcome.savedBy
          && $0.outcome.isMisdelivered == outcome.isMisdelivered
      }
      if let known {
        found[known].probability += outcome.probability
      } else {
        found.append((outcome, outcome.probability))
      }
    }
    // Swift's sort is stable only by its implementation, so the position decides.
    let order = found.indices.sorted { a, b in
      let (x, y) = (found[a], found[b])
      if x.outcome.verdict != y.outcome.verdict {
        return x.outcome.verdict.severity > y.outcome.verdict.severity
      }
      return x.probability == y.probability ? a < b : x.probability > y.probability
    }
    return order.map { found[$0] }
  }

  static func sentence(_ outcome: TraceOutcome) -> String {
    let seen =
      switch outcome.clientSees {
      case .answer: "an answer"
      case .refused: "connection refused"
      case .unreachable: "host unreachable"
      case .silence: "silence"
      }
    let verdict = outcome.verdict.rawValue.split(separator: "_").joined(separator: " ")
    var text = "\(verdict): the client sees \(seen)"
    if outcome.isMisdelivered { text += " from a pod that is no endpoint of the Service" }
    if let cause = outcome.cause {
      text += "; cause \(cause.rawValue)"
      if let saved = outcome.savedBy { text += ", \(saved) would have let it through" }
    }
    return text
  }

  // MARK: Candidates

  private func candidateLines(_ style: TextStyle, width: Int) -> [String] {
    let candidates = candidates
    guard !candidates.isEmpty else { return [] }
    let isPlain = candidates.allSatisfy { $0.verdict == .delivered }
    var columns: [TextTable.Column] = [
      .left("ADDRESS"), .left("POD", least: 12), .left("NODE", least: 8), .right("CHANCE"),
      .left("SNAT"), .left("SOURCE SEEN", least: 15),
    ]
    if !isPlain { columns += [.left("VERDICT"), .left("CAUSE")] }
    var table = TextTable(columns)
    for candidate in candidates {
      var cells = [
        "\(candidate.backend.ip):\(candidate.backend.port)", candidate.backend.pod ?? "-",
        candidate.backend.node ?? "-", ReadableNumber.roughPercent(candidate.probability),
        candidate.masquerade ? "yes" : "no", Self.sources(candidate.sourcesSeen),
      ]
      if !isPlain { cells += [candidate.verdict.rawValue, candidate.cause?.rawValue ?? "-"] }
      table.add(cells)
    }
    return ["", style.bold("Candidates")] + table.lines(width: width, style: style)
  }

  private static func sources(_ list: [IPv4Address]) -> String {
    guard list.count > 2 else { return list.map(\.description).joined(separator: ", ") }
    return "\(list[0]) and \(list.count - 1) more"
  }
}
