// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which value of a setting is the smallest (largest) for which a condition on a metric holds?
//
// Every value that is looked at gets a sequential test (SequentialMeanTest) with an equal share of the
// error; there is a bound on the number of tests before the first is made, so that by Bonferroni's
// inequality all verdicts are right together with the asked-for confidence, and so is what follows from
// them. Where verdicts are right and the response is monotone, bisection cannot go wrong: this is the noisy
// bisection with a test of power one at each point of Waeber, Frazier & Henderson (SIAM J. Control Optim.
// 51, 2013), on a grid and with tests that may end undecided; a value that stays undecided narrows neither
// side, and each side is then bisected on its own.
//
// Monotonicity is looked at first, on a coarse curve: paired differences (common random numbers) of all pairs
// of its values, Bonferroni again. If they contradict it, the values are gone through in the order of
// preference, which is ranking and selection under a stochastic constraint: feasibility is determined at each
// (Batur & Kim, ACM TOMACS 20, 2010; Andradóttir & Kim, Naval Research Logistics 57, 2010) and the best
// feasible one taken. The zone of indifference around the limit is what --max-replications cannot tell apart.

import Scenario
import SimStatistics

/// How the values are searched.
public enum SolveMethod: String, Sendable, CaseIterable {
  /// Bisection unless the coarse curve contradicts monotonicity.
  case auto
  case bisection
  case search
}

/// What is looked for.
public struct SolveQuestion: Sendable {
  public var condition: MetricCondition
  /// The largest value instead of the smallest.
  public var isMaximum: Bool
  /// Of all verdicts together.
  public var confidence: Double
  /// Replications of a value at most.
  public var most: Int
  public var method: SolveMethod

  public init(
    condition: MetricCondition, isMaximum: Bool, confidence: Double = 0.95, most: Int = 200,
    method: SolveMethod = .auto
  ) {
    (self.condition, self.isMaximum, self.confidence) = (condition, isMaximum, confidence)
    (self.most, self.method) = (most, method)
  }
}

/// Asks for replications of values until it has an answer.
public struct Solver {
  /// Samples of these replications of a value of the grid, in their order.
  public typealias Sampling = (_ index: Int, _ replications: Range<Int>) throws -> [MetricSample]

  /// Values of the coarse curve at most.
  static let coarse = 9
  /// Values that a search goes through at most.
  static let searched = 65

  let question: SolveQuestion
  let count: Int
  private var points: [Int: SolvePoint] = [:]
  private let sampling: Sampling

  /// - Precondition: `count > 1` values.
  public init(_ question: SolveQuestion, count: Int, sampling: @escaping Sampling) {
    precondition(count > 1, "nothing to choose from")
    (self.question, self.count, self.sampling) = (question, count, sampling)
  }

  /// - Throws: what the sampling throws.
  public mutating func solve() throws -> SolveResult {
    if question.method == .search { return try search(because: nil) }
    let curve = Self.spread(Self.coarse, over: count)
    for index in curve { try look(index) }
    if question.method == .auto, let reason = contradiction(among: curve) {
      return try search(because: reason)
    }
    try bisect()
    if question.method == .auto, let reason = contradiction(among: points.keys.sorted()) {
      return try search(because: reason)
    }
    return result(.bisection)
  }

  /// Values 0 ..< count, the first and the last with them, about evenly.
  static func spread(_ wanted: Int, over count: Int) -> [Int] {
    guard count > wanted else { return Array(0..<count) }
    return (0..<wanted).map { ($0 * (count - 1) + (wanted - 1) / 2) / (wanted - 1) }
  }

  /// Verdicts that there can be at most: the coarse curve, two bisections of one of its gaps, and a search.
  var mostTests: Int {
    let search = min(count, Self.searched)
    guard question.method != .search else { return search }
    let curve = min(count, Self.coarse)
    let gap = (count - 1) / max(1, curve - 1) + 1
    let bits = Int.bitWidth - gap.leadingZeroBitCount
    // Undecided values of the curve may make the gap to be bisected wider, up to all values.
    return min(count, curve + 2 * (bits + 4))
  }

  // MARK: Looking

  private mutating func look(_ index: Int) throws {
    let share = (1 - question.confidence) / Double(errorShares)
    var point =
      points[index]
      ?? SolvePoint(index: index, condition: question.condition, error: share, most: question.most)
    while let wanted = point.wanted {
      for sample in try sampling(index, wanted) { point.add(sample) }
    }
    points[index] = point
  }

  /// A search after a bisection needs its share from the beginning on.
  private var errorShares: Int {
    question.method == .auto ? min(count, mostTests + min(count, Self.searched)) : mostTests
  }

  private func verdict(_ index: Int) -> SolveVerdict { points[index]?.verdict ?? .undecided }

  // MARK: Bisection

  /// Positions count from the end that is preferred, so that a smallest and a largest value are the same
  /// task.
  private func index(_ position: Int) -> Int { question.isMaximum ? count - 1 - position : position }

  private mutating func bisect() throws {
    let seen = points.keys.map { index($0) }.sorted()
    guard let held = seen.first(where: { verdict(index($0)) == .holds }), held > 0 else { return }
    // The last value before it that is known to fail; without one the end itself may be undecided.
    guard let failed = seen.last(where: { $0 < held && verdict(index($0)) == .fails }) else {
      return try narrow(from: -1, to: held) { $0 == .holds }
    }
    try narrow(from: failed, to: held) { $0 == .holds }
    try narrow(from: failed, to: held) { $0 != .fails }
  }

  /// Halves until two neighbours are left between which the claim begins to be true.
  private mutating func narrow(from: Int, to: Int, where claim: (SolveVerdict) -> Bool) throws {
    var (from, to) = (from, to)
    while to - from > 1 {
      let middle = (from + to) / 2
      try look(index(middle))
      if claim(verdict(index(middle))) { to = middle } else { from = middle }
    }
  }

  // MARK: Monotonicity

  /// Why the response is not monotone; nil if nothing speaks against it.
  private func contradiction(among indices: [Int]) -> SolveContradiction? {
    let shown = indices.filter { verdict($0) != .undecided }
    let changes = zip(shown, shown.dropFirst()).filter { verdict($0) != verdict($1) }
    if changes.count > 1 { return .verdicts(changes[0].1, changes[1].1) }
    return slope(among: indices)
  }

  /// Two values between which the metric goes significantly up and two between which it goes down.
  private func slope(among indices: [Int]) -> SolveContradiction? {
    let pairs = indices.enumerated().flatMap { offset, low in
      indices.dropFirst(offset + 1).map { (low: low, high: $0) }
    }
    let error = (1 - question.confidence) / Double(max(1, pairs.count))
    var (up, down): ((Int, Int)?, (Int, Int)?)
    for pair in pairs {
      guard let change = significantChange(pair.low, pair.high, error: error) else { continue }
      if change > 0 { up = up ?? (pair.low, pair.high) } else { down = down ?? (pair.low, pair.high) }
    }
    guard let up, let down else { return nil }
    return .slopes(up: up, down: down)
  }

  private func significantChange(_ low: Int, _ high: Int, error: Double) -> Double? {
    guard let a = points[low]?.excess, let b = points[high]?.excess else { return nil }
    let pairs = zip(a, b).compactMap { a, b in a.flatMap { a in b.map { (a, $0) } } }
    let needed = 2
    guard pairs.count > needed, let difference = PairedDifference(pairs.map(\.0), pairs.map(\.1)),
      let pValue = difference.pValue, max(pValue, signTestFloor(pairs.count)) < error
    else { return nil }
    return difference.mean
  }

  /// What a sign test could say at most: few pairs that happen to agree prove nothing.
  private func signTestFloor(_ pairs: Int) -> Double { (1...max(1, pairs)).reduce(2.0) { p, _ in p / 2 } }

  // MARK: Search

  private mutating func search(because reason: SolveContradiction?) throws -> SolveResult {
    let order = Self.spread(Self.searched, over: count)
    for index in question.isMaximum ? order.reversed() : order {
      try look(index)
      if verdict(index) == .holds { break }
    }
    return result(.search, because: reason)
  }

  // MARK: The answer

  private func result(_ method: SolveMethod, because reason: SolveContradiction? = nil) -> SolveResult {
    let seen = points.keys.map { index($0) }.sorted()
    let held = seen.first { verdict(index($0)) == .holds }
    let before = seen.filter { $0 < (held ?? count) }
    let failed = before.last { verdict(index($0)) == .fails }
    let undecided = before.filter { verdict(index($0)) == .undecided }
    let status: SolveResult.Status =
      held != nil ? .found : undecided.isEmpty ? .nowhere : .undecided
    let worst = index(count - 1)
    return SolveResult(
      status: status, method: method, answer: held.map { index($0) }, bound: failed.map { index($0) },
      undecided: undecided.map { index($0) }.sorted(), contradiction: reason,
      isWrongWay: held == 0 && verdict(worst) == .fails, isEverywhere: held == 0 && verdict(worst) != .fails,
      isCoarse: method == .search && count > Self.searched,
      points: points.values.sorted { $0.index < $1.index })
  }
}
