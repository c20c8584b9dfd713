// SPDX-License-Identifier: GPL-3.0-or-later
//
// The options that decide what is simulated. They come into force before the scenario is validated, so that a
// mistake in them is told like one in the file.

import ArgumentParser
import Cluster
import Scenario

struct ScenarioOptions: ParsableArguments {
  @Option(help: "Seed of every random draw, instead of the scenario's.")
  var seed: UInt64?

  @Option(help: "When clients stop to begin operations, such as 90s: the scenario's `duration`.")
  var until: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Set a value of the scenario, such as cluster.proxy.minSyncPeriod=5s. Repeatable; the last one wins.",
      valueName: "path=value"),
    completion: .path)
  var overrides: [String] = []

  @Option(
    help:
      "Proxy mode of all nodes: iptables, ipvs, nftables or ebpf; all, where modes can stand side by side.")
  var mode: ModeChoice?

  func validate() throws {
    for text in overrides where text.first == "=" || !text.contains("=") {
      throw ValidationError("--set takes path=value, such as --set duration=90s; found '\(text)'")
    }
    if let until, DurationText.parse(until) == nil {
      throw ValidationError("--until takes a duration with a unit, such as 90s or 2m; found '\(until)'")
    }
  }

  /// Every edit of the document, in the order in which they apply.
  var edits: [String] { overrides + (until.map { ["duration=\($0)"] } ?? []) }

  /// The scenario with these options in force.
  /// - Parameter more: `path=value` after those of the options.
  func load(_ path: String, more: [String] = []) throws -> ScenarioFile {
    var scenario = try ScenarioLoader.load(
      path: path, overrides: edits + more, seed: seed, manifestReader: ManifestDecoder())
    if let mode = try chosenMode() { scenario.setMode(of: mode) }
    return scenario
  }

  /// - Throws: exit code 64 for `all`, which a command that knows it takes apart itself.
  func chosenMode() throws -> ProxyMode? {
    switch mode {
    case .one(let mode): return mode
    case .all:
      Console.remark("sim: --mode all stands modes side by side, as sim trace does; this takes one mode")
      throw ExitCode(Failure.usage)
    case nil: return nil
    }
  }

  /// As `load`, for a command that runs all modes itself.
  func loadForAllModes(_ path: String) throws -> ScenarioFile {
    var options = self
    options.mode = nil
    return try options.load(path)
  }
}

/// What `--mode` takes.
enum ModeChoice: ExpressibleByArgument, Equatable {
  case one(ProxyMode)
  case all

  init?(argument: String) {
    if argument == "all" {
      self = .all
    } else if let mode = ProxyMode(rawValue: argument) {
      self = .one(mode)
    } else {
      return nil
    }
  }
  static var allValueStrings: [String] { ProxyMode.allCases.map(\.rawValue) + ["all"] }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}

extension ProxyMode: ExpressibleByArgument {}
