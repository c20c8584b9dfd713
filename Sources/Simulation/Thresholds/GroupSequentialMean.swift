// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether a mean is below or above zero, looked at more than once. The looks are fixed beforehand and share
// the error, so that the chance of any wrong answer at any of them is at most that error, whatever the looks
// have to do with each other (Bonferroni's inequality; alpha spending of Lan and DeMets, Biometrika 70,
// 1983, without the correction for correlated looks). Each look is Student's t.

import SimStatistics

struct GroupSequentialMean: Sendable {
  enum Side: Sendable { case below, above }

  private var moments = RunningMoments()
  /// Numbers of values at which to look, ascending.
  private let looks: [Int]
  private let error: Double
  private var spent = 0
  /// Of the look that decided, or of the last one so far.
  private(set) var interval: ConfidenceInterval?
  private(set) var side: Side?

  /// Looks at `minimum`, twice as many, and so on, and at `maximum`.
  init(error: Double, minimum: Int, maximum: Int) {
    var looks: [Int] = []
    var next = max(2, minimum)
    while next < maximum {
      looks.append(next)
      next *= 2
    }
    self.looks = looks + [maximum]
    self.error = error
  }

  /// Takes in another value; what comes after an answer changes nothing.
  mutating func add(_ value: Double) {
    guard side == nil else { return }
    moments.add(value)
    if spent < looks.count, moments.count == looks[spent] { look(error / Double(looks.count)) }
  }

  /// There will be no more values: looks a last time, with the error that is left.
  mutating func finish() {
    guard side == nil, spent < looks.count else { return }
    let share = Double(looks.count - spent) / Double(looks.count)
    spent = looks.count - 1
    look(error * share)
  }

  private mutating func look(_ share: Double) {
    spent += 1
    guard let interval = moments.interval(confidence: 1 - share) else { return }
    self.interval = interval
    if interval.high < 0 { side = .below }
    if interval.low > 0 { side = .above }
  }
}
