// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim get`: the API's objects at one instant of a run, as kubectl shows them.

import ArgumentParser
import Cluster
import Foundation
import Scenario
import SimKernel
import Simulation

struct GetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get",
    abstract: "List the API's objects at a simulated time, laid out as kubectl lays them out.",
    usage: "sim get <kind> [<name>] <scenario> [--at <time>] [-n <namespace> | -A] [-o wide|yaml|json]",
    discussion: """
      Kinds: nodes (no), pods (po), services (svc), endpoints (ep), endpointslices (eps), deployments \
      (deploy), replicasets (rs), statefulsets (sts), daemonsets (ds), horizontalpodautoscalers (hpa), \
      poddisruptionbudgets (pdb). kind/name works too: sim get svc/web scenario.json

      EXAMPLES
        sim get pods scenarios/clusterip.json --at 21s -A -o wide
        sim get endpointslices scenarios/clusterip.json --at 21s
      """)

  enum Layout: String, ExpressibleByArgument, CaseIterable {
    case wide
    case yaml
    case json
  }

  @Argument(
    help: ArgumentHelp(
      "Kind, name of one object if wanted, and scenario file.", valueName: "kind-name-scenario"),
    completion: .kindOrScenario)
  var words: [String]

  @Option(help: "Simulated time, such as 34s. (default: 0s, when the cluster has converged)")
  var at: String?

  @Option(name: [.customShort("n"), .long], help: "Namespace. (default: default)")
  var namespace: String?

  @Flag(name: [.customShort("A"), .long], help: "Objects of all namespaces.")
  var allNamespaces = false

  @Option(name: [.customShort("o"), .long], help: "Layout instead of kubectl's table.")
  var output: Layout?

  @OptionGroup var options: ScenarioOptions

  func validate() throws { _ = try request() }

  func run() throws {
    let request = try request()
    try Failure.mapped(request.scenario) {
      let scenario = try options.load(request.scenario)
      Console.remark(request.time, pastEndOf: scenario)
      // Deprecated, and said to be so by the API server.
      if request.query.kind == .endpoints,
        Behaviours.endpointsDeprecated.value(in: scenario.cluster.minorVersion)
      {
        Console.remark(KubectlTable.endpointsWarning)
      }
      let view = try SimulationRun.apiView(scenario, at: request.time)
      guard request.query.count(in: view) > 0 else {
        // As kubectl does: nothing found is no error unless a name was given, and its words are no result.
        Console.remark(request.query.notFoundMessage)
        if request.query.name != nil { throw ExitCode(Failure.usage) }
        if output == nil || output == .wide { return }
        return try Console.write(text(request.query, view))
      }
      try Console.write(text(request.query, view))
    }
  }

  private func text(_ query: KubectlQuery, _ view: APIView) -> String {
    switch output {
    case nil: KubectlTable.render(query, view: view)
    case .wide: KubectlTable.render(query, view: view, wide: true)
    case .yaml: KubectlYAML.render(query, view: view)
    case .json: KubectlJSON.render(query, view: view)
    }
  }

  private struct Request {
    var query: KubectlQuery
    var scenario: String
    var time: SimTime
  }

  /// What the words mean: `svc FILE`, `svc NAME FILE`, `svc/NAME FILE`.
  private func request() throws -> Request {
    guard words.count == 2 || words.count == 3 else {
      throw ValidationError(
        "get takes a kind, a name if wanted, and a scenario file, such as get svc web FILE")
    }
    let parts = words[0].split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 1 || words.count == 2 else {
      throw ValidationError("there are two names: in '\(words[0])' and '\(words[1])'")
    }
    guard let kind = KubectlKind(argument: parts[0]) else {
      let kinds = KubectlKind.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("the server doesn't have a resource type \"\(parts[0])\"; there are \(kinds)")
    }
    let name = words.count == 3 ? words[1] : parts.count == 2 ? String(parts[1]) : nil
    if name != nil && allNamespaces {
      throw ValidationError("a resource cannot be retrieved by name across all namespaces")
    }
    guard let span = at == nil ? .zero : DurationText.parse(at!) else {
      throw ValidationError("--at takes a time with a unit, such as 34s; found '\(at!)'")
    }
    let query = KubectlQuery(kind: kind, namespace: namespace, allNamespaces: allNamespaces, name: name)
    return Request(query: query, scenario: words.last!, time: .zero + span)
  }
}
