// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a scenario with an answer to the runs that it takes: every variant loaded, every metric known.

import NetworkTypes
import Scenario
import SimKernel

/// The runs behind an answer.
public struct AnswerPlan: Sendable {
  public let path: String
  public let base: ScenarioFile
  public let settings: AnswerSettings
  let scenarios: [(name: String, file: ScenarioFile)]

  /// Nil if the scenario has no section `answer`.
  /// - Parameter load: reads the scenario at `path` with further `path=value`.
  /// - Throws: `ScenarioError` with all mistakes in the scenario, its variants and its figures.
  public init?(path: String, load: (_ edits: [String]) throws -> ScenarioFile) throws {
    let base = try load([])
    guard let settings = base.answer else { return nil }
    var mistakes = settings.figures.compactMap {
      MetricQuery.mistake(in: $0.metric, at: $0.position, of: base)
    }
    var scenarios: [(name: String, file: ScenarioFile)] = []
    for variant in settings.variants {
      do {
        scenarios.append((variant.name, variant.edits.isEmpty ? base : try load(variant.edits)))
      } catch let error as ScenarioError {
        mistakes += error.diagnostics.map { Self.moved($0, to: variant) }
      }
    }
    guard mistakes.isEmpty else { throw ScenarioError(mistakes) }
    (self.path, self.base, self.settings, self.scenarios) = (path, base, settings, scenarios)
  }

  /// Runs in all: variants times replications.
  public var runs: Int { scenarios.count * settings.replications }

  /// - Parameter tick: told after each run.
  /// - Throws: what a run throws; `RunInterrupted`.
  public func run(on pool: ReplicationPool, tick: () -> Void = {}) throws -> Answer {
    var samples = settings.figures.map { _ in [MetricSample]() }
    try pool.run(scenarios, replications: settings.replications) { task, result in
      for (index, figure) in settings.figures.enumerated() where figure.variant == task.scenario {
        let metric = LabelledMetric.named(figure.metric.name)!
        samples[index].append(metric.sample(MetricScope(result, figure.metric)))
      }
      tick()
      return .goOn
    }
    return Answer(self, samples: samples)
  }

  /// A mistake in what a variant sets is told at the variant.
  private static func moved(_ mistake: Diagnostic, to variant: AnswerSettings.Variant) -> Diagnostic {
    guard mistake.position.file.hasPrefix("--set") else { return mistake }
    var moved = mistake
    let argument = mistake.position.file.dropFirst("--set ".count)
    moved.position = variant.position
    moved.message = "variant \(variant.name), \(argument): \(mistake.message)"
    return moved
  }
}
