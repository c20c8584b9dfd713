// SPDX-License-Identifier: GPL-3.0-or-later
//
// The results of several variants of one scenario, replication by replication: the values of every metric of
// summary.csv, whether all variants saw the same arrivals, and what the differences within each replication
// say. Rows, tables and sentences are made from it in the files beside this one.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimStatistics
import Traffic

/// Variants side by side. Results come in replication by replication.
public struct Comparison: Sendable {
  /// Share of intervals that cover the truth.
  public static let confidence = 0.95

  /// One variant: its name and what its rows start with.
  public struct Side: Sendable {
    public var name: String
    let evidence: VariantEvidence
    /// Of its first replication; nil before that.
    public var identity: RunIdentity?
    /// Hash over open-loop arrivals, by replication.
    public var arrivalDigests: [UInt64] = []
    public var digests: [UInt64] = []
    public var operations: [Int] = []
    public var notes: [String] = []
    /// By metric of `SummaryMetric.catalogue`, by replication.
    var values: [[Double?]] = SummaryMetric.catalogue.map { _ in [] }

    init(_ name: String, _ scenario: ScenarioFile) {
      self.name = name
      evidence = VariantEvidence(scenario)
    }
  }

  public private(set) var sides: [Side]
  public private(set) var scenario = ""
  public private(set) var question = ""
  public private(set) var duration: SimDuration = .zero
  /// What a mode does without, or serves otherwise than the others.
  public let modeRemarks: [String]
  /// Client groups that react to the system, so that no variant sees the arrivals of another.
  public private(set) var closedLoopClients: [String]
  /// HorizontalPodAutoscalers: each variant scales by the load that it has.
  public private(set) var autoscalers: [String]

  private static func autoscalers(in files: [ScenarioFile]) -> [String] {
    var names: [String] = []
    func take(_ objects: [APIObject]) {
      for case .horizontalPodAutoscaler(let scaler) in objects {
        let name = "\(scaler.metadata.namespacedName)"
        if !names.contains(name) { names.append(name) }
      }
    }
    for file in files {
      take(file.objects)
      for event in file.events { if case .apply(let objects) = event.action { take(objects) } }
    }
    return names
  }

  /// - Precondition: at least two variants, and no name twice.
  public init(_ variants: [(name: String, file: ScenarioFile)]) {
    precondition(variants.count > 1, "one variant is no comparison")
    precondition(Set(variants.map(\.name)).count == variants.count, "a variant twice")
    sides = variants.map { Side($0.name, $0.file) }
    var closed: [String] = []
    for client in variants.flatMap(\.file.clients) where client.arrivals.isClosedLoop {
      if !closed.contains(client.name) { closed.append(client.name) }
    }
    closedLoopClients = closed
    autoscalers = Self.autoscalers(in: variants.map(\.file))
    var remarks: [String] = []
    for remark in variants.flatMap({ $0.file.modeRemarks() }) where !remarks.contains(remark) {
      remarks.append(remark)
    }
    modeRemarks = remarks
  }

  /// Takes in a replication of a variant.
  /// - Precondition: replications of a variant come in order.
  public mutating func add(_ result: RunResult, variant: Int) {
    precondition(
      result.identity.replication == sides[variant].digests.count, "replications of a variant out of order")
    if sides[variant].identity == nil { sides[variant].identity = result.identity }
    (scenario, question, duration) = (result.identity.scenario, result.question, result.duration)
    sides[variant].arrivalDigests.append(result.arrivalDigest)
    sides[variant].digests.append(result.digest)
    sides[variant].operations.append(result.operations)
    for note in result.notes where !sides[variant].notes.contains(note) { sides[variant].notes.append(note) }
    for (index, metric) in SummaryMetric.values(of: result).enumerated() {
      sides[variant].values[index].append(metric.value)
    }
  }

  /// Replications that every variant has.
  public var replications: Int { sides.map(\.digests.count).min() ?? 0 }

  // MARK: The same arrivals

  /// A variant whose open-loop arrivals are not those of the first variant.
  public struct Desynchronised: Sendable, Equatable {
    public var variant: String
    /// Replications in which they differ.
    public var replications: [Int]
  }

  /// Variants that did not see the arrivals of the first one, with where. Empty: common random numbers held.
  public var desynchronised: [Desynchronised] {
    sides.dropFirst().compactMap { side in
      let differing = (0..<replications).filter { side.arrivalDigests[$0] != sides[0].arrivalDigests[$0] }
      return differing.isEmpty ? nil : Desynchronised(variant: side.name, replications: differing)
    }
  }

  // MARK: Metrics

  /// One metric of all variants.
  public func metric(_ name: String) -> MetricComparison {
    guard let index = SummaryMetric.catalogue.firstIndex(where: { $0.metric == name }) else {
      preconditionFailure("no metric \(name)")
    }
    return metric(index)
  }

  /// All metrics, in the order of summary.csv.
  public var metrics: [MetricComparison] { SummaryMetric.catalogue.indices.map { metric($0) } }

  private func metric(_ index: Int) -> MetricComparison {
    let entry = SummaryMetric.catalogue[index]
    return MetricComparison(
      metric: entry.metric, unit: entry.unit,
      values: sides.map { Array($0.values[index].prefix(replications)) })
  }
}

extension ClientSettings.Arrivals {
  /// Each user's next operation waits for the answer to the last one.
  fileprivate var isClosedLoop: Bool {
    if case .closed = self { true } else { false }
  }
}
