// SPDX-License-Identifier: GPL-3.0-or-later
//
// The results of several variants, replication by replication: the values of every metric of summary.csv and
// of those asked for, whether all variants saw the same arrivals, and what the differences within each
// replication say. Rows, tables and sentences are made from it in the files beside this one.

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
    /// By metric of `SummaryMetric.catalogue` and then those asked for, by replication.
    var samples: [[MetricSample]]
    var load = LoadTrack()
    var latency = LatencyTrack()

    init(_ name: String, _ scenario: ScenarioFile, asked: Int) {
      self.name = name
      evidence = VariantEvidence(scenario)
      samples = Array(repeating: [], count: SummaryMetric.catalogue.count + asked)
    }
  }

  public private(set) var sides: [Side]
  /// Of the first variant, as are question and duration.
  public private(set) var scenario = ""
  public private(set) var question = ""
  public private(set) var duration: SimDuration = .zero
  /// Metrics beyond those of summary.csv.
  public let asked: [MetricQuery]
  /// How to run the same again: a line for a shell; empty if nobody said it.
  public var command = ""
  /// What whoever runs the comparison has to add, such as that files say different seeds.
  public var remarks: [String] = []
  /// Names of the scenarios where variants have different ones.
  public let scenarioNames: [String]
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

  /// - Parameter asked: metrics with labels, for rows of their own.
  /// - Precondition: at least two variants, and no name twice.
  public init(_ variants: [(name: String, file: ScenarioFile)], asked: [MetricQuery] = []) {
    precondition(variants.count > 1, "one variant is no comparison")
    precondition(Set(variants.map(\.name)).count == variants.count, "a variant twice")
    sides = variants.map { Side($0.name, $0.file, asked: asked.count) }
    self.asked = asked
    var names: [String] = []
    for variant in variants where !names.contains(variant.file.name) { names.append(variant.file.name) }
    scenarioNames = names
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
    if variant == 0 {
      (scenario, question, duration) = (result.identity.scenario, result.question, result.duration)
    }
    sides[variant].arrivalDigests.append(result.arrivalDigest)
    sides[variant].digests.append(result.digest)
    sides[variant].operations.append(result.operations)
    for note in result.notes where !sides[variant].notes.contains(note) { sides[variant].notes.append(note) }
    for (index, metric) in SummaryMetric.values(of: result).enumerated() {
      sides[variant].samples[index].append(metric.sample)
    }
    for (index, query) in asked.enumerated() {
      sides[variant].samples[SummaryMetric.catalogue.count + index].append(query.sample(result))
    }
    sides[variant].load.add(result)
    sides[variant].latency.add(result)
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

  /// Replications of two variants go in pairs unless their arrivals differ in every one of them: then it is
  /// what the variants are that parts them, not what became of a client's pod.
  func arePaired(_ first: Int, _ second: Int) -> Bool {
    replications == 0
      || (0..<replications).contains { sides[first].arrivalDigests[$0] == sides[second].arrivalDigests[$0] }
  }

  // MARK: Metrics

  /// One metric of all variants.
  /// - Precondition: it is in `metricNames`.
  public func metric(_ name: String) -> MetricComparison {
    guard let index = metricNames.firstIndex(where: { $0.metric == name }) else {
      preconditionFailure("no metric \(name)")
    }
    return metric(index)
  }

  /// All metrics, in the order of summary.csv, then those asked for.
  public var metrics: [MetricComparison] { metricNames.indices.map { metric($0) } }

  /// Those asked for.
  var askedMetrics: [MetricComparison] { metricNames.indices.suffix(asked.count).map { metric($0) } }

  private var metricNames: [(metric: String, unit: String)] {
    SummaryMetric.catalogue.map { ($0.metric, $0.unit) } + asked.map { ($0.description, $0.unit) }
  }

  private func metric(_ index: Int) -> MetricComparison {
    let (name, unit) = metricNames[index]
    return MetricComparison(
      metric: name, unit: unit, samples: sides.map { Array($0.samples[index].prefix(replications)) },
      arePaired: arePaired)
  }
}

extension ClientSettings.Arrivals {
  /// Each user's next operation waits for the answer to the last one.
  fileprivate var isClosedLoop: Bool {
    if case .closed = self { true } else { false }
  }
}
