// SPDX-License-Identifier: GPL-3.0-or-later
//
// The same probe under several proxy modes, side by side. Each mode has a run of its own from t = 0.

import Cluster
import NetworkTypes
import Scenario
import SimKernel

/// One packet under several proxy modes.
public struct TraceComparison: Sendable {
  /// In the order of `modes`.
  public var traces: [(mode: ProxyMode, trace: Trace)]

  /// The order of columns.
  public static let modes: [ProxyMode] = [.iptables, .ipvs, .nftables, .ebpf]

  public init(_ traces: [(mode: ProxyMode, trace: Trace)]) { self.traces = traces }

  /// - Throws: `TraceError`; what `SimulationRun.run` throws.
  public init(
    _ scenario: ScenarioFile, at time: SimTime, _ request: TraceRequest, modes: [ProxyMode] = Self.modes
  ) throws {
    traces = []
    for mode in modes {
      var scenario = scenario
      scenario.setMode(of: mode)
      var session = try TraceSession(scenario, at: time)
      traces.append((mode, try session.trace(request)))
    }
  }

  public var droppedOnly: TraceComparison {
    TraceComparison(traces.map { ($0.mode, $0.trace.droppedOnly) })
  }

  /// `{"modes": {"iptables": {…}, …}}`
  public var json: JSONText {
    let members = traces.map { JSONText.Member($0.mode.rawValue, $0.trace.json) }
    return .members(["modes": .object(members)])
  }

  public func text(_ detail: TraceDetail = .summary, isColoured: Bool = false, width: Int = 120) -> String {
    let style = TextStyle(isColoured: isColoured)
    var table = TextTable([.left("")] + traces.map { .left($0.mode.rawValue, least: 14) })
    for row in Row.allCases { table.add([row.rawValue] + traces.map { row.cell($0.trace) }) }
    var text = table.lines(width: width, style: style).joined(separator: "\n") + "\n"
    for (_, trace) in traces {
      text += "\n" + String(repeating: "-", count: min(width, 80)) + "\n"
      text += trace.text(detail, isColoured: isColoured, width: width)
    }
    return text
  }

  private enum Row: String, CaseIterable {
    case verdict
    case clientSees = "client sees"
    case cause
    case candidates
    case sources = "source seen"
    case rules = "rules walked"
    case lookups
    case age = "table behind"

    func cell(_ trace: Trace) -> String {
      switch self {
      case .verdict:
        guard let ending = trace.endings.first else { return TraceVerdict.delivered.rawValue }
        let share = trace.endings.count > 1 ? " \(ReadableNumber.roughPercent(trace.verdictShare))" : ""
        return ending.outcome.verdict.rawValue + share
      case .clientSees: return trace.endings.first?.outcome.clientSees.rawValue ?? ClientView.answer.rawValue
      case .cause: return trace.endings.first?.outcome.cause?.rawValue ?? "-"
      case .candidates: return Self.candidates(trace)
      case .sources:
        let all = Set(trace.candidates.flatMap(\.sourcesSeen)).sorted().map(\.description)
        return all.isEmpty ? "-" : all.joined(separator: ", ")
      case .rules: return Self.range(trace) { $0.rulesWalked }
      case .lookups: return Self.range(trace) { $0.lookups }
      case .age:
        let oldest = trace.hops.compactMap(\.table?.age).max() ?? .zero
        return oldest > .zero ? oldest.description : "-"
      }
    }

    private static func candidates(_ trace: Trace) -> String {
      let candidates = trace.candidates
      guard let first = candidates.first else { return "-" }
      let isEven = candidates.allSatisfy { abs($0.probability - first.probability) < 1e-9 }
      return "\(candidates.count)" + (isEven ? "" : ", uneven")
    }

    /// Over the ways: of all tables that a packet meets on one.
    private static func range(_ trace: Trace, _ count: (TraceTable) -> Int) -> String {
      let sums = trace.outcomes.map { outcome in
        trace.way(of: outcome).reduce(0) { $0 + ($1.table.map(count) ?? 0) }
      }
      guard let low = sums.min(), let high = sums.max() else { return "-" }
      return low == high ? "\(low)" : "\(low)..\(high)"
    }
  }
}
