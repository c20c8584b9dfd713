// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a search for a value has found, in numbers of the grid.

/// Why a response is not monotone.
public enum SolveContradiction: Sendable {
  /// The condition changes between holding and failing at these values, twice.
  case verdicts(Int, Int)
  /// The metric goes up between two values and down between two others, each beyond error.
  case slopes(up: (Int, Int), down: (Int, Int))
}

/// A value, or why there is none, and everything that was looked at.
public struct SolveResult: Sendable {
  public enum Status: String, Sendable {
    case found
    case undecided
    /// The condition was shown to fail at every value that was looked at.
    case nowhere
  }

  public let status: Status
  /// `bisection` or `search`.
  public let method: SolveMethod
  /// The most preferred value that was shown to hold.
  public let answer: Int?
  /// The least far value on the preferred side of the answer that was shown to fail; nil where none was.
  public let bound: Int?
  /// Values on the preferred side of the answer that could not be decided.
  public let undecided: [Int]
  /// Why the search was chosen.
  public let contradiction: SolveContradiction?
  /// It holds at the preferred end and fails at the other: the other extreme is likely meant.
  public let isWrongWay: Bool
  /// It holds at the preferred end and was not shown to fail at the other.
  public let isEverywhere: Bool
  /// A search that left out values of the grid.
  public let isCoarse: Bool
  /// Ascending.
  public let points: [SolvePoint]

  /// The point of the answer.
  public var answerPoint: SolvePoint? { answer.flatMap { index in points.first { $0.index == index } } }
}
