// SPDX-License-Identifier: GPL-3.0-or-later
//
// `simlab`, what `make lab` runs: loads our rules into a real kernel, sends real packets, and holds what they
// meet against `sim trace`. Ends with 0 if all agrees, 1 if something does not, 69 if this machine cannot do
// it.

import ArgumentParser
import Foundation
import KernelLab
import Scenario
import SimKernel

struct SimlabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simlab",
    abstract: "Hold sim's rules and verdicts against this machine's kernel.",
    discussion: """
      Needs Linux, root, and Debian's iproute2, iptables, nftables and conntrack. All happens in network \
      namespaces without names, which the kernel removes when the program ends, however it ends.
      """)

  static let disagreement: Int32 = 1
  static let scenarioIsWrong: Int32 = 65
  static let unavailable: Int32 = 69

  @Argument(help: "Scenario made for the lab.")
  var scenario: String

  @Option(help: "Proxy modes, of iptables and nftables.")
  var modes = "iptables,nftables"

  @Option(help: "Simulated time at which addresses are tried.")
  var at = "10s"

  @Option(help: "Connections from each place to each address that answers.")
  var connections = 300

  @Option(help: "Chance of any false alarm among all tests of one mode, and again for their sum.")
  var level = 0.001

  @Option(help: "File for all checks with their numbers, as JSON.")
  var json: String?

  @Flag(help: "Damage the rules before they are loaded: each damage must be noticed.")
  var damage = false

  func validate() throws {
    guard (10...10_000).contains(connections) else {
      throw ValidationError("--connections takes a number from 10 to 10000; found \(connections)")
    }
    guard level > 0, level < 1 else {
      throw ValidationError("--level takes a probability between 0 and 1; found \(level)")
    }
    guard DurationText.parse(at) != nil else {
      throw ValidationError("--at takes a time with a unit, such as 10s; found '\(at)'")
    }
    _ = try labModes()
  }

  private func labModes() throws -> [LabMode] {
    try modes.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let mode = LabMode(rawValue: String(word)) else {
        throw ValidationError("--modes takes iptables, nftables or both with a comma; found '\(word)'")
      }
      return mode
    }
  }

  func run() throws {
    let missing = LabRequirements.missing(tools: ["ip", "iptables-restore", "nft", "conntrack"])
    guard missing.isEmpty else {
      Self.remark("simlab: \(LabError.missing(missing))")
      throw ExitCode(Self.unavailable)
    }
    do {
      try damage ? runDamaged() : runModes()
    } catch let error as ScenarioError {
      Self.remark(error.description)
      throw ExitCode(Self.scenarioIsWrong)
    } catch let error as LabError {
      Self.remark("simlab: \(error)")
      throw ExitCode(Self.unavailable)
    }
  }

  private func runModes() throws {
    #if os(Linux)
      var records: [LabRecord] = []
      var disagreements = 0
      for mode in try labModes() {
        let time = SimTime.zero + (DurationText.parse(at) ?? .zero)
        let cluster = try LabCluster(path: scenario, mode: mode, at: time)
        let started = Date()
        let run = try LabRun(cluster, connections: connections)
        let checks = try run.checks { Self.remark("simlab: \(mode.rawValue): \($0)") }
        let judgement = LabJudgement(checks, level: level)
        disagreements += judgement.disagreements.count + (judgement.isSumSuspicious ? 1 : 0)
        let table = LabTable(judgement)
        let notes = run.remarks.map { "note: \($0)\n" }.joined()
        let seconds = String(format: "%.0f s\n\n", Date().timeIntervalSince(started))
        Self.write("== \(mode.rawValue)\n\n\(table.text)\n\(notes)\(table.disagreements)")
        Self.write(table.summary + seconds)
        records += LabRecord.records(mode: mode.rawValue, judgement)
      }
      if let json { try LabRecord.write(records, to: json) }
      Self.write(LabTable.legend + "\n")
      guard disagreements == 0 else { throw ExitCode(Self.disagreement) }
    #endif
  }

  /// Each mode once, with all damages at the same time.
  private func runDamaged() throws {
    #if os(Linux)
      var missed = 0
      for mode in try labModes() {
        let time = SimTime.zero + (DurationText.parse(at) ?? .zero)
        let cluster = try LabCluster(path: scenario, mode: mode, at: time)
        Self.remark("simlab: \(mode.rawValue): damaged rules")
        let run = try LabRun(cluster, connections: connections, damages: LabDamage.all)
        Self.write("== \(mode.rawValue), rules damaged on purpose\n\n")
        for (damage, lines, found) in try run.noticed(level: level) {
          let isNoticed = lines > 0 && found > 0
          missed += isNoticed ? 0 : 1
          let what = LabTable.padded("\(damage.service): \(damage.what)", 56)
          let result = isNoticed ? "noticed, checks: \(found)" : "!NOT NOTICED"
          Self.write("\(what)lines changed: \(lines)  \(result)\n")
        }
        Self.write("\n")
      }
      guard missed == 0 else { throw ExitCode(Self.disagreement) }
    #endif
  }

  private static func write(_ text: String) {
    try? FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
  }

  private static func remark(_ text: String) {
    try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
  }
}

/// Modes whose rules a plain kernel takes.
enum LabMode: String, CaseIterable {
  case iptables
  case nftables
}
