// SPDX-License-Identifier: GPL-3.0-or-later
//
// A calibration as a file that scenarios name, and as a table for people.

import Foundation

extension Calibration {
  /// The file: durations as scenarios write them, keys in alphabetical order.
  public var json: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(CalibrationDocument(self)) else { return "{}\n" }
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  /// For people: first-packet latency by number of Services, and the fitted costs.
  public var table: String {
    var lines = ["first packet, one way, median (target Services spread evenly over the table)", ""]
    let modes = modes.map(\.mode)
    lines.append(row("Services", modes.map(\.rawValue)))
    let sizes = Set(points.filter { $0.table.mode != nil }.map(\.table.services)).sorted()
    for size in sizes {
      let cells = modes.map { mode -> String in
        let own = points.filter { $0.table == CalibrationTable(mode: mode, services: size) }
        return own.isEmpty ? "" : DurationCell.text(Median.of(own.map(\.first)))
      }
      lines.append(row(String(size), cells))
    }
    lines.append(row("no rules", modes.map { _ in DurationCell.text(plain.first) }))
    lines.append(contentsOf: ["", "cost, beside the plain way through a node (standard error)", ""])
    lines.append(row("", modes.map(\.rawValue)))
    lines.append(row("first packet", self.modes.map { cell($0.firstPacket) }))
    lines.append(row("per rule", self.modes.map { cell($0.perRule) }))
    lines.append(row("per lookup", self.modes.map { $0.mode == .nftables ? cell($0.perLookup) : "-" }))
    lines.append(row("established packet", self.modes.map { cell($0.establishedPacket) }))
    lines.append(row("scatter of the fit", self.modes.map { DurationCell.digits($0.scatter * 100, 1) + "%" }))
    if !leftOut.isEmpty { lines.append(contentsOf: ["", "left out:"] + leftOut.map { "  " + $0 }) }
    return lines.joined(separator: "\n") + "\n"
  }

  private func row(_ name: String, _ cells: [String]) -> String {
    let start = name.padding(toLength: 20, withPad: " ", startingAt: 0)
    let padded = cells.map { String(repeating: " ", count: max(1, 22 - $0.count)) + $0 }
    return start + padded.joined()
  }

  private func cell(_ cost: CalibratedCost) -> String {
    "\(DurationCell.text(cost.nanoseconds)) (\(DurationCell.text(cost.standardError)))"
  }
}

/// Durations with three digits.
enum DurationCell {
  static func text(_ nanoseconds: Double) -> String {
    let size = abs(nanoseconds)
    if size < 999.5 { return digits(nanoseconds, size < 9.995 ? 2 : size < 99.95 ? 1 : 0) + "ns" }
    let micro = nanoseconds / 1000
    return digits(micro, abs(micro) < 9.995 ? 2 : abs(micro) < 99.95 ? 1 : 0) + "us"
  }

  /// With so many digits behind the point, without trailing zeros.
  static func digits(_ value: Double, _ places: Int) -> String {
    let text = String(format: "%.\(places)f", value)
    guard text.contains(".") else { return text == "-0" ? "0" : text }
    let cut = String(text.reversed().drop { $0 == "0" }.reversed())
    let whole = cut.hasSuffix(".") ? String(cut.dropLast()) : cut
    return whole == "-0" ? "0" : whole
  }
}

/// The shape of the file.
struct CalibrationDocument: Codable, Equatable {
  struct Mode: Codable, Equatable {
    var firstPacket: String
    var perRule: String
    var perLookup: String
    var establishedPacket: String
    var standardErrors: [String: String]
    /// Relative, of first packets about the fit.
    var scatter: Double
  }
  struct Point: Codable, Equatable {
    var mode: String
    var services: Int
    var place: Int
    var rulesWalked: Int
    var lookups: Int
    var firstPacket: String
    var establishedPacket: String
  }
  var calibration: String
  var kernel: String
  var cpu: String
  var measured: String
  var modes: [String: Mode]
  var points: [Point]

  init(_ result: Calibration) {
    calibration = result.name
    kernel = result.kernel
    cpu = result.processor
    measured = result.measured
    modes = [:]
    for mode in result.modes { modes[mode.mode.rawValue] = Mode(mode) }
    points = result.points.map(Point.init)
  }
}

extension CalibrationDocument.Mode {
  init(_ mode: CalibratedMode) {
    // A duration of a scenario has no sign: what cannot be told from nothing is nothing.
    func text(_ cost: CalibratedCost) -> String { DurationCell.text(max(0, cost.nanoseconds)) }
    firstPacket = text(mode.firstPacket)
    perRule = text(mode.perRule)
    perLookup = text(mode.perLookup)
    establishedPacket = text(mode.establishedPacket)
    standardErrors = [
      "firstPacket": DurationCell.text(mode.firstPacket.standardError),
      "perRule": DurationCell.text(mode.perRule.standardError),
      "perLookup": DurationCell.text(mode.perLookup.standardError),
      "establishedPacket": DurationCell.text(mode.establishedPacket.standardError),
    ]
    scatter = (mode.scatter * 1e4).rounded() / 1e4
  }
}

extension CalibrationDocument.Point {
  init(_ point: CalibrationPoint) {
    mode = point.table.mode?.rawValue ?? "none"
    services = point.table.mode == nil ? 0 : point.table.services
    place = point.place
    rulesWalked = point.table.mode == nil ? 0 : point.table.rulesWalked(place: point.place)
    lookups = point.table.lookups
    firstPacket = DurationCell.text(point.first)
    establishedPacket = DurationCell.text(point.later)
  }
}
