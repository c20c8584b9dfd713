// SPDX-License-Identifier: GPL-3.0-or-later
//
// A metric as somebody asks for it, held against what there is: the catalogue of metrics, the labels that
// each takes, and what the scenario gives those labels to be. What does not exist is a mistake at its place,
// never a silent zero.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Traffic

/// A metric that exists, with labels that exist.
public struct MetricQuery: Sendable, CustomStringConvertible {
  public let selector: MetricSelector
  public let metric: LabelledMetric

  /// - Parameters:
  ///   - position: where the metric was asked for, for the message.
  ///   - path: of its key in the scenario; empty for an option.
  ///   - scenario: says which Services and clients there are.
  /// - Throws: what does not exist, with the nearest thing that does.
  public init(
    _ selector: MetricSelector, at position: SourcePosition, path: String = "", in scenario: ScenarioFile
  ) throws(ScenarioError) {
    if let mistake = Self.mistake(in: selector, at: position, path: path, of: scenario) {
      throw ScenarioError(mistake)
    }
    self.selector = selector
    metric = LabelledMetric.named(selector.name)!
  }

  /// What one replication says.
  public func sample(_ result: RunResult) -> MetricSample { metric.sample(MetricScope(result, selector)) }

  public var unit: String { metric.unit }
  public var description: String { selector.description }

  /// What is wrong with a metric; nil if nothing is.
  static func mistake(
    in selector: MetricSelector, at position: SourcePosition, path: String = "", of scenario: ScenarioFile
  ) -> Diagnostic? {
    guard let metric = LabelledMetric.named(selector.name) else {
      return Diagnostic(
        position: position, path: path, message: "no metric has the name \"\(selector.name)\"",
        suggestion: nearestName(to: selector.name, in: LabelledMetric.catalogue.map(\.name)))
    }
    for label in selector.labels where !metric.labels.contains(label.name) {
      let known = metric.labels.isEmpty ? "takes no labels" : "takes " + metric.labels.joined(separator: ", ")
      return Diagnostic(
        position: position, path: path, message: "\(metric.name) \(known), not \"\(label.name)\"",
        suggestion: nearestName(to: label.name, in: metric.labels))
    }
    for label in selector.labels {
      guard let known = values(of: label.name, in: scenario), !known.contains(where: label.matches) else {
        continue
      }
      return Diagnostic(
        position: position, path: path, message: "nothing has the \(label.name) \"\(label.value)\"",
        suggestion: nearestName(to: label.value, in: known + known.compactMap(Self.bareName)))
    }
    return nil
  }

  /// What a label can be; nil where only a run says it.
  static func values(of label: String, in scenario: ScenarioFile) -> [String]? {
    switch label {
    case "cause": Cause.allCases.map(\.rawValue)
    case "outcome": Outcome.allCases.map(\.rawValue)
    case "client": scenario.clients.map(\.name)
    case "service": targets(of: scenario)
    case "port": ports(of: scenario)
    case "node": nodes(of: scenario)
    default: nil
    }
  }

  /// `web` of `default/web`.
  private static func bareName(_ service: String) -> String? {
    service.lastIndex(of: "/").map { String(service[service.index(after: $0)...]) }
  }

  /// The column `port`: as Services name it, or as clients say it.
  private static func ports(of scenario: ScenarioFile) -> [String] {
    var ports: [String] = []
    for case .service(let service) in objects(of: scenario) {
      ports += service.spec.ports.map { $0.name.isEmpty ? String($0.port) : $0.name }
    }
    return ports + scenario.clients.map { portWords(of: $0.target) }
  }

  private static func portWords(of target: ClientSettings.Target) -> String {
    switch target {
    case .service(_, let port), .loadBalancer(_, let port), .externalIP(_, let port),
      .nodePort(_, let port, _):
      switch port {
      case .number(let number): String(number)
      case .name(let name): name
      case .first: ""
      }
    case .address(_, let port), .name(_, let port): String(port)
    }
  }

  /// Those at the start, and those that join or are applied later.
  private static func nodes(of scenario: ScenarioFile) -> [String] {
    var names = scenario.cluster.nodes.map(\.name)
    for case .nodeJoin(let node) in actions(of: scenario) { names.append(node.name) }
    for case .node(let node) in objects(of: scenario) { names.append(node.metadata.name) }
    return names
  }

  private static func actions(of scenario: ScenarioFile) -> [ClusterAction] {
    scenario.events.map(\.action) + scenario.processes.map(\.action)
  }

  /// Those of the start, and those that are applied later.
  private static func objects(of scenario: ScenarioFile) -> [APIObject] {
    var objects = scenario.objects
    for case .apply(let applied) in actions(of: scenario) { objects += applied }
    return objects
  }

  /// The column `service` of the reports: what clients call.
  private static func targets(of scenario: ScenarioFile) -> [String] {
    scenario.clients.map { client in
      switch client.target {
      case .service(let service, _), .loadBalancer(let service, _), .externalIP(let service, _),
        .nodePort(let service, _, _):
        service.description
      case .address(let address, _): address.description
      case .name(let name, _): name
      }
    }
  }
}
