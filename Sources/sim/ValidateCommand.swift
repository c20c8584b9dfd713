// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim validate`: every mistake of every file, or the values in force.

import ArgumentParser
import Cluster
import Scenario
import SimKernel
import Simulation

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract:
      "Check scenarios and the manifests that they name; tell every mistake with file, line and column.",
    discussion: """
      EXAMPLES
        sim validate scenarios/clusterip.json
        sim validate scenarios/clusterip.json --explain
      """)

  @Argument(help: "Scenario files, JSON or YAML.", completion: .scenario)
  var scenarios: [String]

  @Flag(help: "Print the values in force, defaults included.")
  var explain = false

  @OptionGroup var options: ScenarioOptions

  func run() throws {
    var code: Int32 = 0
    for path in scenarios {
      do {
        try Failure.mapped(path) { try check(path) }
      } catch let exit as ExitCode {
        code = max(code, exit.rawValue)
      }
    }
    if code != 0 { throw ExitCode(code) }
  }

  private func check(_ path: String) throws {
    let scenario = try options.load(path)
    // The API server has the last word about the objects that are there at t = 0.
    _ = try SimulationRun.apiView(scenario, at: .zero)
    // So have the variants and figures of its answer.
    _ = try AnswerPlan(path: path) { try options.load(path, more: $0) }
    // And its thresholds.
    _ = try ThresholdBoard(scenario)
    // And the metric of its precision, and every combination of its sweep.
    _ = try ReplicationPlan(scenario, asked: nil, thresholds: nil)
    if scenario.sweep != nil {
      _ = try SweepPlanner.plan(path: path, edits: options.edits, seed: options.seed)
    }
    try Console.write("\(path): valid\n" + (explain ? explanation(of: scenario, path) : ""))
  }

  /// What the scenario consists of once manifests are read, then every value with its origin.
  private func explanation(of scenario: ScenarioFile, _ path: String) throws -> String {
    var proxy = scenario.cluster.proxy ?? ProxySettings()
    if scenario.cluster.proxy == nil { proxy.clusterCIDR = scenario.cluster.podCIDR }
    var rows = [
      ("nodes", shortList(scenario.cluster.nodes.map(\.name))),
      ("objects", shortList(scenario.objects.map(\.words))),
      ("clients", shortList(scenario.clients.map(\.name))),
      ("kube-proxy", proxy.words),
      ("addresses", "pods \(scenario.cluster.podCIDR), services \(scenario.cluster.serviceCIDR)"),
      ("seed", String(scenario.seed)),
      ("hash", String(scenario.contentHash, radix: 16)),
    ]
    if let thresholds = scenario.thresholds { rows += thresholds.rows }
    if !scenario.ignoredObjects.isEmpty {
      rows.append(("left out", shortList(scenario.ignoredObjects.map { "\($0.kind) (\($0.count))" })))
    }
    let lines = try ScenarioExplanation(path: path, overrides: options.edits).lines
    let widths = (lines.map(\.path.count).max() ?? 0, min(40, lines.map(\.value.count).max() ?? 0))
    // A configuration that is read from a file stands between the scenario's own keys and the defaults.
    let remark =
      lines.contains { $0.readsFile }
      ? "  Settings in these files go before the defaults below; what they give is said above.\n\n" : ""
    return rows.map { "  \(pad($0.0, 12))\($0.1)\n" }.joined() + "\n" + remark
      + lines.map { "  \(pad($0.path, widths.0))  \(pad($0.value, widths.1))  \($0.origin)\n" }.joined()
      + behaviours(of: scenario.cluster.minorVersion)
  }

  /// What the version of Kubernetes decides, with the version since which it is so.
  private func behaviours(of minor: Int) -> String {
    let entries = Behaviours.all
    let key = entries.map(\.key.count).max() ?? 0
    let words = entries.map { $0.words(in: minor).count }.max() ?? 0
    let rows = entries.map { entry in
      var span = entry.since(in: minor).map { "since 1.\($0)" } ?? "up to now"
      if let end = entry.until(in: minor) { span += ", until 1.\(end - 1)" }
      return "  \(pad(entry.key, key))  \(pad(entry.words(in: minor), words))  \(span); \(entry.source)\n"
    }
    return "\n  Decided by Kubernetes 1.\(minor):\n\n" + rows.joined()
  }

  private func shortList(_ names: [String]) -> String {
    let shown = names.prefix(6).joined(separator: ", ")
    return "\(names.count)" + (names.isEmpty ? "" : ": \(shown)") + (names.count > 6 ? ", and so on" : "")
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

extension ScenarioExplanation.Line {
  fileprivate var readsFile: Bool {
    ["manifests", "cluster.kind", "cluster.kubeProxyConfiguration"].contains(path)
  }
}

extension ProxySettings {
  /// What a kube-proxy or kind configuration most often changes.
  fileprivate var words: String {
    var words = ["mode \(mode.rawValue)", "clusterCIDR \(clusterCIDR.map { "\($0)" } ?? "none")"]
    words += ["minSyncPeriod \(minSyncPeriod)", "syncPeriod \(syncPeriod)"]
    if masqueradeAll { words.append("masqueradeAll") }
    if !nodePortAddresses.isEmpty {
      words.append("nodePortAddresses " + nodePortAddresses.map { "\($0)" }.joined(separator: " "))
    }
    return words.joined(separator: ", ")
  }
}

extension APIObject {
  /// `Service shop/web`
  fileprivate var words: String {
    switch self {
    case .service(let object): "Service \(object.metadata.namespacedName)"
    case .endpointSlice(let object): "EndpointSlice \(object.metadata.namespacedName)"
    case .endpoints(let object): "Endpoints \(object.metadata.namespacedName)"
    case .pod(let object): "Pod \(object.metadata.namespacedName)"
    case .workload(let object): "\(object.kind.rawValue) \(object.metadata.namespacedName)"
    case .node(let object): "Node \(object.metadata.name)"
    case .namespace(let name): "Namespace \(name)"
    case .podDisruptionBudget(let object): "PodDisruptionBudget \(object.metadata.namespacedName)"
    case .horizontalPodAutoscaler(let object): "HorizontalPodAutoscaler \(object.metadata.namespacedName)"
    }
  }
}

extension ThresholdSettings {
  /// As `--explain` lists them.
  fileprivate var rows: [(String, String)] {
    let number = "\(minReplications) to \(maxReplications) replications"
    let sure = "confidence \(ReadableNumber.percent(confidence)), \(number)"
    return [("thresholds", "\(all.count), \(sure)")]
      + all.map { ("", $0.name == $0.condition.description ? $0.name : "\($0.name): \($0.condition)") }
  }
}
