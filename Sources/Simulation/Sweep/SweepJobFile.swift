// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a job leaves: one CSV file, whose last row says how many rows there are and what their hash is. So a
// file that was cut, edited or made by another plan is told from a whole one.

import Foundation
import Scenario
import SimStatistics

/// One sample of one metric, as a job's file has it.
public struct SweepSample: Sendable, Equatable {
  public var runID: String
  public var proxyMode: String
  public var replication: Int
  public var metric: String
  public var unit: String
  public var sample: MetricSample
}

/// A job's file.
public struct SweepJobFile: Sendable, Equatable {
  public var job: String
  public var plan: String
  public var version: String
  /// Hash of the program that ran the job: 16 hex digits.
  public var binary: String
  public var scenario: String
  public var seed: UInt64
  public var point: Int
  public var samples: [SweepSample]

  static let columns = [
    "run_id", "scenario", "variant", "proxy_mode", "replication", "seed", "job", "point", "version", "binary",
    "metric", "unit", "value", "part", "whole", "check",
  ]
  /// The metric of the last row.
  static let end = "end_of_job"

  public static func name(_ job: String) -> String { job + ".csv" }

  // MARK: Text

  /// The same bytes for the same job and program.
  public func text() -> String {
    var lines = [Self.columns.joined(separator: ",")]
    for row in samples {
      var cells = identity(row) + [row.metric.csvCell, row.unit]
      switch row.sample {
      case .value(let value): cells += [value.map { Self.number($0) } ?? "", "", ""]
      case .ratio(let part, let whole):
        cells += [
          whole > 0 ? Self.number(part / whole) : "", Self.number(part), Self.number(whole),
        ]
      }
      lines.append((cells + [""]).joined(separator: ","))
    }
    let body = lines.joined(separator: "\n") + "\n"
    let last = [
      "", scenario, "", "", "", String(seed), job, String(point), version, binary, Self.end, "rows",
    ]
    let cells = last + [String(samples.count), "", ""]
    let check = Self.check(plan: plan, body: body, last: cells)
    return body + (cells + [check]).joined(separator: ",") + "\n"
  }

  /// Of all that the file says, the last row itself among it.
  private static func check(plan: String, body: String, last: [String]) -> String {
    SweepPlan.digest(plan + "\n" + body + last.joined(separator: ","))
  }

  private func identity(_ row: SweepSample) -> [String] {
    [
      row.runID, scenario, SweepTables.variant(point), row.proxyMode, String(row.replication), String(seed),
      job, String(point), version, binary,
    ]
  }

  /// All digits: what is merged is rounded once, at the end.
  private static func number(_ value: Double) -> String { "\(value)" }

}

extension SweepJobFile {
  /// - Throws: `SweepError` if the file is cut, edited or of another plan.
  public init(text: String, job: SweepJob, header: SweepHeader, name: String) throws(SweepError) {
    func wrong(_ what: String) -> SweepError { SweepError(.wrong, "\(name): \(what)") }
    var rows = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard rows.popLast() == "", let last = rows.last.map({ Self.cells($0) }),
      last.count == Self.columns.count,
      last[10] == Self.end
    else { throw wrong("the file is cut: its last row, \(Self.end), is missing") }
    rows.removeLast()
    let body = rows.joined(separator: "\n") + "\n"
    guard last[6] == job.id else { throw wrong("holds job \(last[6]), expected \(job.id)") }
    let check = Self.check(plan: header.plan, body: body, last: Array(last.prefix(15)))
    guard last[15] == check, last[12] == String(rows.count - 1) else {
      throw wrong("its rows are not those that its last row counts: edited, cut, or of another plan")
    }
    guard last[8] == header.version else {
      throw wrong("made by version \(last[8]) of sim, the plan by \(header.version)")
    }
    (self.job, plan, version, binary) = (job.id, header.plan, last[8], last[9])
    (scenario, seed, point) = (header.scenario, header.seed, job.point)
    samples = rows.dropFirst().compactMap { Self.sample(Self.cells($0)) }
    guard samples.count == rows.count - 1 else { throw wrong("a row cannot be read") }
  }

  private static func sample(_ cells: [String]) -> SweepSample? {
    guard cells.count == columns.count, let replication = Int(cells[4]) else { return nil }
    let sample: MetricSample
    if cells[14].isEmpty {
      sample = .value(Double(cells[12]))
    } else {
      guard let part = Double(cells[13]), let whole = Double(cells[14]) else { return nil }
      sample = .ratio(part: part, whole: whole)
    }
    return SweepSample(
      runID: cells[0], proxyMode: cells[3], replication: replication, metric: cells[10], unit: cells[11],
      sample: sample)
  }

  private static func cells(_ line: String) -> [String] {
    var rows = CSVRows(line)
    return rows.next() ?? []
  }
}

extension String {
  /// In quotes if it has a comma or a quote, as labels of metrics have.
  fileprivate var csvCell: String {
    contains(where: { ",\"\n\r".contains($0) }) ? "\"" + replacing("\"", with: "\"\"") + "\"" : self
  }
}

/// The program that runs jobs.
public enum SweepBinary {
  /// The first 16 hex digits of the SHA-256 of a file; nil if it cannot be read.
  public static func hash(path: String) -> String? {
    FileDigest(path: path).map { String($0.sha256.prefix(16)) }
  }
}
