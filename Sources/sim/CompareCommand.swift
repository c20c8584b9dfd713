// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim compare`: one scenario under several proxy modes, with the same arrivals and the same churn, and one
// table of what differs. As with `sim run`, nothing appears in the results folder before all has ended well.

import ArgumentParser
import Cluster
import Foundation
import Scenario
import SimKernel
import Simulation

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract:
      "Run a scenario in several proxy modes or variants with the same arrivals, and say what differs.",
    discussion: """
      Differences are within replications: each replication draws the same arrivals, churn and delays in \
      every mode. docs/compare.md explains the table; comparison.csv has every metric for every pair.
      """)

  @Argument(help: "Scenario file, JSON or YAML.")
  var scenario: String

  @Option(
    help: ArgumentHelp(
      "Proxy modes; differences are against the first. (default: iptables,ipvs,nftables,ebpf)",
      valueName: "mode,mode,..."))
  var modes: String?

  @Option(
    name: .customLong("variant"),
    help: ArgumentHelp(
      "Instead of modes: a name and values of the scenario, compared with the scenario as it is. Repeatable.",
      valueName: "name:path=value,..."))
  var variantTexts: [String] = []

  @OptionGroup var options: ScenarioOptions

  @Option(help: "Runs of each mode with independent random draws; intervals need two.")
  var replications = 10

  @Option(help: "Runs at the same time; changes no byte of the results. (default: number of processors)")
  var jobs: Int?

  @Option(
    help: "Folder of the reports. Earlier results there are replaced. (default: results/<scenario name>)")
  var out: String?

  @Option(help: "Layout of the table.")
  var format: SummaryFormat = .text

  @Flag(help: "No progress and no remarks on standard error.")
  var quiet = false

  @Flag(help: "No progress on standard error.")
  var noProgress = false

  func validate() throws {
    guard (1...100_000).contains(replications) else {
      throw ValidationError("--replications takes a number from 1 to 100000; found \(replications)")
    }
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024; found \(jobs)")
    }
    if modes != nil, !variantTexts.isEmpty {
      throw ValidationError("--modes and --variant exclude each other")
    }
    if variantTexts.isEmpty, options.mode != nil {
      throw ValidationError("--mode sets one proxy mode; sim compare takes several with --modes")
    }
    _ = try variants()
  }

  private func variants() throws -> [ComparisonVariant] {
    guard variantTexts.isEmpty else { return try namedVariants() }
    let words = modes ?? ProxyMode.allCases.map(\.rawValue).joined(separator: ",")
    let known = ProxyMode.allCases.map(\.rawValue).joined(separator: ", ")
    var variants: [ComparisonVariant] = []
    for word in words.split(separator: ",", omittingEmptySubsequences: false) {
      let name = word.trimmingCharacters(in: .whitespaces)
      guard let mode = ProxyMode(rawValue: name) else {
        throw ValidationError("--modes takes proxy modes (\(known)), separated by commas; found '\(name)'")
      }
      let variant = ComparisonVariant(mode: mode)
      guard !variants.contains(variant) else { throw ValidationError("--modes has \(name) twice") }
      variants.append(variant)
    }
    guard variants.count > 1 else {
      throw ValidationError("--modes takes at least two of \(known); found '\(words)'")
    }
    return variants
  }

  /// The scenario as it is, then what `--variant` says.
  private func namedVariants() throws -> [ComparisonVariant] {
    var variants = [ComparisonVariant(name: "base", change: .nothing)]
    for text in variantTexts {
      guard let variant = ComparisonVariant(text) else {
        throw ValidationError(
          "--variant takes name:path=value,..., such as slow:cluster.proxy.minSyncPeriod=10s; found '\(text)'"
        )
      }
      guard !variants.contains(where: { $0.name == variant.name }) else {
        throw ValidationError(
          "--variant has the name \(variant.name) twice, or it is that of the scenario itself")
      }
      variants.append(variant)
    }
    return variants
  }

  func run() throws {
    try Failure.mapped(scenario) {
      let base = try options.load(scenario)
      let scenarios = try variants().map { variant in
        let file = try variant.scenario(base: base) { try options.load(scenario, more: $0) }
        return (name: variant.name, file: file)
      }
      if !quiet {
        Console.remark(leftOutOf: base)
        Console.remark(modesOf: scenarios.map(\.file))
      }
      let writer = try ReportWriter(
        folder: ResultFolder(target: out ?? "results/\(base.name)"), isComparison: true)
      do {
        let comparison = try simulate(scenarios, hash: base.contentHash, into: writer)
        try Console.write(
          comparison.text(format, files: writer.target, isColoured: Console.isColoured))
      } catch is RunInterrupted {
        writer.discard()
        Console.remark("sim: interrupted; " + Console.fateOfResults(in: writer.target))
        throw ExitCode(Failure.interrupted)
      } catch {
        writer.discard()
        throw error
      }
    }
  }

  private func simulate(
    _ scenarios: [(name: String, file: ScenarioFile)], hash: UInt64, into writer: ReportWriter
  ) throws -> Comparison {
    let host = HostClock()
    let interruption = Interruption()
    let progress = quiet || noProgress ? nil : ProgressPrinter()
    let total = scenarios.count * replications
    var comparison = Comparison(scenarios)
    let pool = ReplicationPool(
      jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount, goesOn: interruption.question)
    var done = 0
    defer { progress?.clear() }
    try pool.run(scenarios, replications: replications) { task, result in
      try writer.append(result)
      comparison.add(result, variant: task.scenario)
      done += 1
      progress?.show(done: done, of: total)
      return .goOn
    }
    if interruption.isRequested { throw RunInterrupted(at: .zero) }
    let record = RunRecord(
      scenarioPath: scenario, scenarioHash: hash, arguments: Array(CommandLine.arguments.dropFirst()))
    try writer.finish(record, host: host.record(), comparison: comparison)
    return comparison
  }
}
