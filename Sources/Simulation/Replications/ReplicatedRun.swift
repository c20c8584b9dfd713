// SPDX-License-Identifier: GPL-3.0-or-later
//
// The replications of one scenario: as many as asked for, or until every stopping rule is content.

import Scenario

/// A scenario that is run again and again with independent random draws.
public struct ReplicatedRun {
  public let scenario: ScenarioFile
  public let variant: String
  /// No more than these.
  public let most: Int
  /// All of them must be content; without any, all replications are run.
  public private(set) var rules: [any StoppingRule]

  /// - Precondition: `most` is positive.
  public init(_ scenario: ScenarioFile, variant: String = "base", most: Int, rules: [any StoppingRule] = []) {
    precondition(most > 0, "\(most) replications are no run")
    (self.scenario, self.variant, self.most, self.rules) = (scenario, variant, most, rules)
  }

  /// Runs replications and hands them over in order, on this thread.
  /// - Parameter take: gets each result after the rules have seen it.
  /// - Returns: the number of replications.
  /// - Throws: what a run or `take` throws; `RunInterrupted`.
  @discardableResult
  public mutating func run(
    on pool: ReplicationPool, take: (_ result: RunResult, _ rules: [any StoppingRule]) throws -> Void
  ) throws -> Int {
    var count = 0
    try pool.run([(variant, scenario)], replications: most) { _, result in
      count += 1
      for index in rules.indices { rules[index].add(result) }
      try take(result, rules)
      return rules.isEmpty || !rules.allSatisfy(\.isContent) ? .goOn : .enough
    }
    return count
  }
}
