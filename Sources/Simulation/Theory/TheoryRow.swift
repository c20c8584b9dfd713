// SPDX-License-Identifier: GPL-3.0-or-later
//
// A formula that applies to a run, set beside what the run gave. Formulas are those of FACTS K and of the
// processes that the scenario declares; each is applied only where its assumptions hold.

/// One row of theory.csv.
public struct TheoryRow: Sendable, Equatable {
  public enum Formula: String, Sendable, CaseIterable {
    case poissonArrivals = "poisson_arrivals"
    case multinomialSpread = "multinomial_spread"
    case idleEndpoints = "idle_endpoints"
    case crashDetection = "crash_detection"

    /// The formula in words.
    public var meaning: String {
      switch self {
      case .poissonArrivals:
        "Operations of an open-loop client with exponential gaps or a varying rate: the integral of its rate "
          + "over the lives of its instances; the variance is the mean."
      case .multinomialSpread:
        "Chi-square of connections per endpoint against each decision's candidates: its degrees of freedom k, "
          + "variance 2k. Only where decisions are independent draws."
      case .idleEndpoints:
        "Endpoints without a connection: the sum of (1 - p)^N over endpoints, for N independent draws between "
          + "the same candidates (FACTS K1)."
      case .crashDetection:
        "Mean time from a node's loss of power to Ready=Unknown: grace period + half a monitor period - mean age "
          + "of the last heartbeat (FACTS F1, K7)."
      }
    }

    /// Unit of predicted and simulated.
    public var unit: String {
      switch self {
      case .poissonArrivals: "operations"
      case .multinomialSpread: "chi_square"
      case .idleEndpoints: "endpoints"
      case .crashDetection: "s"
      }
    }
  }

  public var formula: Formula
  /// What it is about: a client, a Service port.
  public var subject: String
  public var predicted: Double
  public var simulated: Double
  /// Of simulated, by the formula.
  public var standardError: Double

  public init(
    formula: Formula, subject: String, predicted: Double, simulated: Double, standardError: Double
  ) {
    (self.formula, self.subject) = (formula, subject)
    (self.predicted, self.simulated, self.standardError) = (predicted, simulated, standardError)
  }

  /// (simulated - predicted) / standard error; nil where nothing can vary.
  public var z: Double? { standardError > 0 ? (simulated - predicted) / standardError : nil }
}
