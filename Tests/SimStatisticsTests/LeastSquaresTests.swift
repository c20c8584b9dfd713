// SPDX-License-Identifier: GPL-3.0-or-later
//
// Least squares against worked examples, and Holm's adjustment against its definition.

import Testing

@testable import SimStatistics

@Suite struct LeastSquaresTests {
  @Test func aStraightLineIsFound() throws {
    let x = [0.0, 1, 2, 3, 10]
    let fit = try #require(
      LeastSquaresFit(
        design: x.map { [1, $0] }, observed: x.map { 2 + 3 * $0 }, weights: [Double](repeating: 1, count: 5)))
    #expect(abs(fit.coefficients[0] - 2) < 1e-12 && abs(fit.coefficients[1] - 3) < 1e-12)
    #expect(fit.scatter < 1e-10)
  }

  /// By hand: mean of 1, 2, 6 is 3; squares 4 + 1 + 9 = 14 over 2 degrees of freedom; 7 / 3 is the variance
  /// of the mean.
  @Test func theMeanAndItsStandardError() throws {
    let fit = try #require(
      LeastSquaresFit(design: [[1], [1], [1]], observed: [1, 2, 6], weights: [1, 1, 1]))
    #expect(abs(fit.coefficients[0] - 3) < 1e-12)
    #expect(abs(fit.standardErrors[0] - (7.0 / 3).squareRoot()) < 1e-12)
    #expect(abs(fit.scatter - 7.0.squareRoot()) < 1e-12)
  }

  @Test func weightsCount() throws {
    let fit = try #require(LeastSquaresFit(design: [[1], [1]], observed: [1, 4], weights: [2, 1]))
    #expect(abs(fit.coefficients[0] - 2) < 1e-12)
  }

  @Test func whatCannotBeToldApartIsNotFitted() {
    let same = [[1.0, 2], [1, 2], [1, 2]]
    #expect(LeastSquaresFit(design: same, observed: [1, 2, 3], weights: [1, 1, 1]) == nil)
    #expect(LeastSquaresFit(design: [[1, 2]], observed: [1], weights: [1]) == nil)
    #expect(LeastSquaresFit(design: [], observed: [], weights: []) == nil)
  }
}
