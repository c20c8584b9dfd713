// SPDX-License-Identifier: GPL-3.0-or-later
//
// Weighted linear least squares (gsl_multifit_wlinear).

import CGSL

/// The coefficients that fit observations best, and how well they are known.
public struct LeastSquaresFit: Sendable, Equatable {
  public let coefficients: [Double]
  /// From the scatter of the observations about the fit.
  public let standardErrors: [Double]
  /// Standard deviation of the weighted differences between observations and fit: of relative differences if
  /// the weights are 1 over the squares of the observations.
  public let scatter: Double

  /// Fits `observed[i] = sum over j of coefficients[j] * design[i][j]`, with weight `weights[i]` for the
  /// square of each difference. Nil if there are not more observations than coefficients, or if the design
  /// does not tell the coefficients apart.
  /// - Precondition: one row and one weight per observation, all rows equally long and not empty.
  public init?(design: [[Double]], observed: [Double], weights: [Double]) {
    precondition(design.count == observed.count && design.count == weights.count, "one row per observation")
    let count = observed.count
    guard let width = design.first?.count, width > 0, count > width else { return nil }
    _ = GSLSetup.done
    guard let x = gsl_matrix_alloc(count, width), let y = gsl_vector_alloc(count),
      let w = gsl_vector_alloc(count), let c = gsl_vector_alloc(width),
      let covariance = gsl_matrix_alloc(width, width), let space = gsl_multifit_linear_alloc(count, width)
    else { return nil }
    defer {
      gsl_matrix_free(x)
      gsl_vector_free(y)
      gsl_vector_free(w)
      gsl_vector_free(c)
      gsl_matrix_free(covariance)
      gsl_multifit_linear_free(space)
    }
    for (i, row) in design.enumerated() {
      precondition(row.count == width, "row \(i) has \(row.count) entries, not \(width)")
      for (j, value) in row.enumerated() { gsl_matrix_set(x, i, j, value) }
      gsl_vector_set(y, i, observed[i])
      gsl_vector_set(w, i, weights[i])
    }
    var squares = 0.0
    var rank = 0
    // Columns are weighed before their independence is judged: what GSL would take for zero is left out.
    guard gsl_multifit_wlinear_tsvd(x, w, y, 1e-10, c, covariance, &squares, &rank, space) == 0, rank == width
    else { return nil }
    let spread = squares / Double(count - width)
    coefficients = (0..<width).map { gsl_vector_get(c, $0) }
    standardErrors = (0..<width).map { (spread * gsl_matrix_get(covariance, $0, $0)).squareRoot() }
    scatter = spread.squareRoot()
  }
}
