// SPDX-License-Identifier: GPL-3.0-or-later
//
// What may be said where a proportion is 0, or counts replications: Clopper and Pearson's interval, and the
// rule of three over replications. Connections are never the trials: they are lost together.

import CGSL

extension Proportion {
  /// The exact interval (Clopper & Pearson, Biometrika 26, 1934): covers the probability with at least the
  /// confidence, whatever it is. Nil when n is 0.
  /// - Precondition: `0 <= successes <= trials`, `0 < confidence < 1`.
  public static func clopperPearson(
    successes: Int, trials: Int, confidence: Double
  ) -> ConfidenceInterval? {
    precondition(successes >= 0 && successes <= trials, "\(successes) of \(trials) is no proportion")
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    guard trials > 0 else { return nil }
    _ = GSLSetup.done
    let (k, n, tail) = (Double(successes), Double(trials), (1 - confidence) / 2)
    return ConfidenceInterval(
      estimate: k / n, low: successes == 0 ? 0 : gsl_cdf_beta_Pinv(tail, k, n - k + 1),
      high: successes == trials ? 1 : gsl_cdf_beta_Qinv(tail, k + 1, n - k), confidence: confidence)
  }
}

/// What n replications without any loss allow to say (the rule of three: Hanley & Lippman-Hand, JAMA 249,
/// 1983; the exact bound 1 - (1 - c)^(1/n): Louis, The American Statistician 35, 1981).
///
/// It bounds the probability that a replication loses anything at all. Of the mean loss ratio it says less:
/// that ratio is at most this probability times the ratio that is lost when something is, of which n
/// replications without a loss have seen nothing; it can be anything up to 1. So the bound holds for the mean
/// of the replications' loss ratios too (and for the ratio of sums, if what is attempted does not depend on
/// whether something is lost), but only because no loss ratio exceeds 1.
public struct NoLossBound: Sendable, Equatable {
  /// Independent replications, all without a loss.
  public let replications: Int
  public let confidence: Double

  /// - Precondition: `replications > 0`, `0 < confidence < 1`.
  public init(replications: Int, confidence: Double = 0.95) {
    precondition(replications > 0, "no replication says nothing")
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    (self.replications, self.confidence) = (replications, confidence)
  }

  /// Upper end of the one-sided interval for the probability that a replication loses something:
  /// about 3 / n at 95 %.
  public var probability: Double {
    _ = GSLSetup.done
    return gsl_cdf_beta_Pinv(confidence, 1, Double(replications))
  }
}
