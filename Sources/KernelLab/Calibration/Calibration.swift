// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim calibrate`: builds the tables of a design, visits them in turn many times, and fits the costs. All
// tables stand at the same time, so that whatever disturbs the machine disturbs all of them alike.

import Foundation

public struct Calibration: Sendable, Equatable {
  /// What scenarios call it.
  public var name: String
  public var kernel: String
  public var processor: String
  /// Date and time in ISO 8601.
  public var measured: String
  /// The plain way through a node, one way: first packet and later ones.
  public var plain: (first: Double, later: Double)
  public var modes: [CalibratedMode]
  public var points: [CalibrationPoint]
  /// Modes that this machine cannot run, each with its reason.
  public var leftOut: [String]

  public static func == (a: Self, b: Self) -> Bool {
    a.name == b.name && a.kernel == b.kernel && a.processor == b.processor && a.measured == b.measured
      && a.plain == b.plain && a.modes == b.modes && a.points == b.points && a.leftOut == b.leftOut
  }

  /// What is missing on this machine, one sentence each; empty: it can be calibrated.
  public static var missing: [String] {
    let basic = LabRequirements.missing(tools: ["ip"])
    if !basic.isEmpty { return basic }
    #if os(Linux)
      guard let usable = try? usableModes().usable, !usable.isEmpty else {
        return ["neither iptables-restore nor nft can load rules here (Debian packages iptables, nftables)"]
      }
    #endif
    return []
  }

  /// Measures this machine.
  /// - Parameter progress: told what is going on, one line each time.
  /// - Throws: `LabError`
  public static func measure(
    name: String, design: CalibrationDesign = CalibrationDesign(), progress: (String) -> Void
  ) throws -> Calibration {
    guard missing.isEmpty else { throw LabError.missing(missing) }
    #if os(Linux)
      let (usable, leftOut) = try usableModes()
      var rigs: [CalibrationRig] = []
      for table in design.tables(usable) {
        progress("loading \(table.label)")
        rigs.append(try CalibrationRig(table))
      }
      let points = try visit(rigs, design, progress)
      let plain = points.filter { $0.table.mode == nil }
      return Calibration(
        name: name, kernel: kernelRelease, processor: processorName,
        measured: Date().formatted(.iso8601),
        plain: (Median.of(plain.map(\.first)), Median.of(plain.map(\.later))),
        modes: usable.compactMap { CalibratedMode($0, points: points) }, points: points, leftOut: leftOut)
    #else
      throw LabError.missing(missing)
    #endif
  }

  #if os(Linux)
    /// Modes whose rules this kernel takes, and the others with their reasons.
    private static func usableModes() throws -> (usable: [CalibrationMode], leftOut: [String]) {
      var usable: [CalibrationMode] = []
      var leftOut: [String] = []
      for mode in CalibrationMode.allCases {
        let table = CalibrationTable(mode: mode, services: 1)
        do {
          _ = try CalibrationRig(table)
          usable.append(mode)
        } catch {
          let reason = "\(error)".split(separator: "\n").prefix(2).joined(separator: " ")
          leftOut.append("\(mode.rawValue): \(reason)")
        }
      }
      return (usable, leftOut)
    }

    private static func visit(
      _ rigs: [CalibrationRig], _ design: CalibrationDesign, _ progress: (String) -> Void
    ) throws -> [CalibrationPoint] {
      let stops = rigs.map { $0.table.places(design.places) }
      var first = stops.map { [[Double]](repeating: [], count: $0.count) }
      var later = first
      // Round 0 warms everything up and is forgotten.
      for round in 0...design.rounds {
        if round % 5 == 0 { progress("round \(round) of \(design.rounds)") }
        for _ in 0..<design.flows {
          for (index, rig) in rigs.enumerated() {
            // The table before may have emptied the caches: the first flow of a visit does not count.
            _ = try rig.flow(place: stops[index].last ?? 0, later: 1)
            for (stop, place) in stops[index].enumerated() {
              let flow = try rig.flow(place: place, later: design.laterPackets)
              guard round > 0 else { continue }
              first[index][stop].append(Double(flow.first))
              later[index][stop] += flow.later.map(Double.init)
            }
          }
        }
      }
      var points: [CalibrationPoint] = []
      for (index, rig) in rigs.enumerated() {
        for (stop, place) in stops[index].enumerated() {
          points.append(
            CalibrationPoint(
              table: rig.table, place: place, first: Median.of(first[index][stop]),
              later: Median.of(later[index][stop])))
        }
      }
      return points
    }

    private static var kernelRelease: String {
      let text = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? "unknown"
      return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static var processorName: String {
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      let line = text.split(separator: "\n").first { $0.hasPrefix("model name") || $0.hasPrefix("Model") }
      let name = line?.split(separator: ":", maxSplits: 1).last ?? "unknown"
      return name.trimmingCharacters(in: .whitespaces)
    }
  #endif
}

extension CalibrationTable {
  /// For progress and for the printed table.
  var label: String {
    guard let mode else { return "no rules" }
    var text = "\(mode.rawValue), \(services) Services"
    if moreLookups > 0 { text += ", \(moreLookups) more lookups" }
    if moreRules > 0 { text += ", \(moreRules) more rules" }
    return text
  }
}
