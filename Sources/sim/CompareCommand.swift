// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim compare`: several proxy modes, variants or scenario files with the same arrivals and the same churn,
// and one table of what differs. As with `sim run`, nothing appears in the results folder before all has
// ended well.

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
      "Run proxy modes, variants or scenario files with the same arrivals, and say what differs.",
    discussion: """
      Differences are within replications: each replication draws the same arrivals, churn and delays in \
      every variant. docs/compare.md explains the table; comparison.csv has every metric for every pair.

      EXAMPLES
        sim compare scenarios/node-churn.json
        sim compare scenarios/node-churn.json --modes nftables,iptables --precision 2%
        sim compare scenarios/node-churn.json --variant slow:cluster.proxy.minSyncPeriod=10s
        sim compare scenarios/clusterip.json scenarios/nodeport.json --metric connect_p99 --markdown pr.md
      """)

  @Argument(
    help: ArgumentHelp(
      "Scenario file, JSON or YAML. Of several, each is compared with the first.", valueName: "scenario"))
  var scenarios: [String]

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

  @Option(
    name: .customLong("name"),
    help: ArgumentHelp("With several scenario files: what each is called, in their order. Repeatable."))
  var names: [String] = []

  @OptionGroup var options: ScenarioOptions

  @OptionGroup var comparing: ComparisonOptions

  @Option(help: "Runs at the same time; changes no byte of the results. (default: number of processors)")
  var jobs: Int?

  @Option(
    help: "Folder of the reports. Earlier results there are replaced. (default: results/<scenario name>)")
  var out: String?

  @Option(help: "Layout of the table.")
  var format: SummaryFormat = .text

  @Option(
    help: ArgumentHelp("Write the comparison as Markdown, for a pull request, too.", valueName: "file"))
  var markdown: String?

  @Flag(help: "No progress and no remarks on standard error.")
  var quiet = false

  @Flag(help: "No progress on standard error.")
  var noProgress = false

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024; found \(jobs)")
    }
    if modes != nil, !variantTexts.isEmpty {
      throw ValidationError("--modes and --variant exclude each other")
    }
    if scenarios.count > 1 { return try validateFiles() }
    if !names.isEmpty {
      throw ValidationError("--name takes names of several scenario files; found one file")
    }
    if variantTexts.isEmpty, options.mode != nil {
      throw ValidationError("--mode sets one proxy mode; sim compare takes several with --modes")
    }
    _ = try changes()
  }

  private func validateFiles() throws {
    if modes != nil || !variantTexts.isEmpty {
      throw ValidationError(
        "several scenario files are compared as they are: without --modes and --variant (--mode sets one mode "
          + "for all)")
    }
    var seen: [String] = []
    for path in scenarios {
      let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
      if seen.contains(real) {
        throw ValidationError(
          "\(path) is given twice; --variant compares a scenario with a change of itself")
      }
      seen.append(real)
    }
    guard !names.isEmpty else { return }
    guard names.count == scenarios.count else {
      throw ValidationError(
        "--name takes one name per scenario file, \(scenarios.count); found \(names.count)")
    }
    for (index, name) in names.enumerated() {
      guard ComparisonVariant.isName(name) else {
        throw ValidationError("--name takes letters, digits, '-', '_' and '.'; found '\(name)'")
      }
      if names[..<index].contains(name) { throw ValidationError("--name has \(name) twice") }
    }
  }

  private func changes() throws -> [ComparisonVariant] {
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
    try Failure.mapped(scenarios.joined(separator: ", ")) {
      let compared =
        try scenarios.count > 1
        ? ComparedScenarios(files: scenarios, names: names, options)
        : ComparedScenarios(scenarios[0], changes(), options)
      let asked = try comparing.selectors.map { try compared.query($0) }
      let sheet = try markdown.map { try SingleFile(path: $0) }
      if !quiet {
        for variant in scenarios.count > 1 ? compared.variants : [compared.variants[0]] {
          Console.remark(leftOutOf: variant.file)
        }
        Console.remark(modesOf: compared.variants.map(\.file))
        for remark in compared.remarks { Console.remark("sim: \(remark)") }
      }
      let writer = try ReportWriter(
        folder: ResultFolder(target: out ?? "results/\(compared.folderName)"), isComparison: true,
        isSteadyState: compared.variants.contains { $0.file.report.isSteadyState })
      do {
        let comparison = try simulate(compared, asked, into: writer)
        try sheet?.write(comparison.text(.markdown, files: writer.target))
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
    _ compared: ComparedScenarios, _ asked: [MetricQuery], into writer: ReportWriter
  ) throws -> Comparison {
    let host = HostClock()
    let interruption = Interruption()
    let progress = quiet || noProgress ? nil : ProgressPrinter()
    let variants = compared.variants
    let stopping = comparing.stopping
    let total = variants.count * comparing.most
    var comparison = Comparison(variants, asked: asked)
    let pool = ReplicationPool(
      jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount, goesOn: interruption.question)
    var done = 0
    defer { progress?.clear() }
    try pool.run(variants, replications: comparing.most) { task, result in
      try writer.append(result)
      comparison.add(result, variant: task.scenario)
      done += 1
      progress?.show(done: done, of: total)
      guard task.scenario == variants.count - 1, let stopping else { return .goOn }
      return stopping.isReached(by: comparison) ? .enough : .goOn
    }
    if interruption.isRequested { throw RunInterrupted(at: .zero) }
    comparison.remarks = compared.remarks + (stopping.map { [$0.words(comparison)] } ?? [])
    comparison.command = again(comparison, seed: variants[0].file.seed)
    let record = RunRecord(
      scenarioPath: scenarios.joined(separator: ", "), scenarioHash: variants[0].file.contentHash,
      arguments: Array(CommandLine.arguments.dropFirst()))
    try writer.finish(record, host: host.record(), comparison: comparison)
    return comparison
  }

  /// What runs the same again: all that decides bytes, and nothing that does not.
  private func again(_ comparison: Comparison, seed: UInt64) -> String {
    var words = ["sim", "compare"] + scenarios
    if let modes { words += ["--modes", modes] }
    words += variantTexts.flatMap { ["--variant", $0] } + names.flatMap { ["--name", $0] }
    words += options.overrides.flatMap { ["--set", $0] }
    if let until = options.until { words += ["--until", until] }
    if case .one(let mode) = options.mode { words += ["--mode", mode.rawValue] }
    words += comparing.words(replications: comparison.replications) + ["--seed", "\(seed)"]
    return ShellLine.text(words)
  }
}
