// SPDX-License-Identifier: GPL-3.0-or-later
//
// When there are enough replications. A rule sees the results in the order of replications, whatever order
// they end in, so that what it decides does not depend on the number of threads.

/// Looks at one replication after the other and says when it has seen enough.
public protocol StoppingRule {
  /// Takes in the next replication.
  mutating func add(_ result: RunResult)
  /// It needs no further replication.
  var isContent: Bool { get }
  /// How far it is, for a line of progress: `loss_ratio ± 7.1 % of ± 5 %`; empty if there is nothing to say.
  var progress: String { get }
}
