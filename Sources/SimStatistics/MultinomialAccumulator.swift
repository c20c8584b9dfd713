// SPDX-License-Identifier: GPL-3.0-or-later
//
// What to expect of the counts per endpoint when every decision had its own candidates: expected counts,
// their covariance, and the chi-square of observed counts in that metric. It stays valid while endpoints
// come and go, as long as decisions are independent draws.
//
// The covariance of one decision with probabilities p is diag(p) - p p': the Laplacian of a graph that
// joins candidates i and j with weight p_i p_j. Sums of Laplacians are Laplacians, so the null space is
// known without any numerical tolerance: one dimension per connected component. One endpoint of each
// component is left out and the rest is positive definite; since observed and expected counts have the
// same total in each component, the quadratic form equals that with the pseudo-inverse.

import CGSL

/// Expected counts and covariance over decisions with given candidate sets.
public struct MultinomialAccumulator: Sendable {
  /// The number of endpoints; indices run from 0.
  public let endpoints: Int
  /// All decisions so far.
  public private(set) var decisions = 0
  private var expectedSoFar: [Double]
  /// Lower triangle by rows, diagonal included; empty until a second set of candidates appears. It takes
  /// 4 bytes times the square of the number of endpoints, and a test takes their cube / 3 operations.
  private var covarianceSoFar: [Double] = []
  /// Decisions with the same candidates in a row are added up before they touch the matrix.
  private var pendingCandidates: [Int] = []
  private var pendingWeights: [Double] = []
  private var pendingDecisions = 0

  /// - Precondition: `endpoints >= 0`.
  public init(endpoints: Int) {
    precondition(endpoints >= 0, "a number of endpoints cannot be negative")
    self.endpoints = endpoints
    expectedSoFar = Array(repeating: 0, count: endpoints)
  }

  /// Decisions that chose one of `candidates`, each with the same probability. Cheap if the candidates
  /// are those of the call before, otherwise quadratic in their number: count the decisions of each version
  /// of a table and add them when the version ends.
  /// - Precondition: candidates are distinct indices of endpoints, at least one; `decisions >= 0`.
  public mutating func add(candidates: [Int], decisions: Int) {
    add(candidates: candidates, weights: [], decisions: decisions)
  }

  /// Decisions that chose candidate i with a probability in proportion to `weights[i]`.
  /// - Precondition: as above; one non-negative weight per candidate, not all zero; none means equal ones.
  public mutating func add(candidates: [Int], weights: [Double], decisions: Int) {
    precondition(!candidates.isEmpty && decisions >= 0, "a decision needs a candidate")
    precondition(weights.isEmpty || weights.count == candidates.count, "one weight per candidate")
    guard decisions > 0 else { return }
    if candidates != pendingCandidates || weights != pendingWeights {
      flush()
      pendingCandidates = candidates
      pendingWeights = weights
    }
    pendingDecisions += decisions
    self.decisions += decisions
  }

  private mutating func flush() {
    guard pendingDecisions > 0 else { return }
    if covarianceSoFar.isEmpty {
      covarianceSoFar = Array(repeating: 0, count: endpoints * (endpoints + 1) / 2)
    }
    let count = Double(pendingDecisions)
    let probabilities = pendingProbabilities
    for (i, p) in zip(pendingCandidates, probabilities) {
      expectedSoFar[i] += count * p
      for (j, q) in zip(pendingCandidates, probabilities) where j <= i {
        covarianceSoFar[i * (i + 1) / 2 + j] += count * (i == j ? p * (1 - p) : -p * q)
      }
    }
    pendingDecisions = 0
  }

  /// Expected counts and covariance with the pending decisions included.
  private var totals: (expected: [Double], covariance: [Double]) {
    var copy = self
    copy.flush()
    return (copy.expectedSoFar, copy.covarianceSoFar)
  }

  /// Whether all decisions had the same candidates: then no matrix exists, and none is needed.
  private var isPlainMultinomial: Bool { covarianceSoFar.isEmpty && pendingDecisions > 0 }

  private var pendingProbabilities: [Double] {
    if pendingWeights.isEmpty {
      let share = 1 / Double(pendingCandidates.count)
      return pendingCandidates.map { _ in share }
    }
    let sum = pendingWeights.reduce(0, +)
    precondition(sum > 0 && pendingWeights.allSatisfy { $0 >= 0 }, "weights must be non-negative, not all 0")
    return pendingWeights.map { $0 / sum }
  }

  /// The expected count of each endpoint.
  public var expected: [Double] {
    guard isPlainMultinomial else { return totals.expected }
    var expected = expectedSoFar
    for (i, p) in zip(pendingCandidates, pendingProbabilities) {
      expected[i] = Double(pendingDecisions) * p
    }
    return expected
  }

  /// The covariance matrix of the counts, row by row.
  public var covariance: [[Double]] {
    let lower = totals.covariance
    guard !lower.isEmpty else {
      return Array(repeating: Array(repeating: 0, count: endpoints), count: endpoints)
    }
    return (0..<endpoints).map { i in
      (0..<endpoints).map { j in lower[max(i, j) * (max(i, j) + 1) / 2 + min(i, j)] }
    }
  }

  /// The coefficient of variation of the counts that chance alone gives on average; nil before the first
  /// decision. Endpoints that were never candidates count as endpoints.
  public var expectedCoefficientOfVariation: Double? {
    guard decisions > 0, endpoints > 0 else { return nil }
    if isPlainMultinomial {
      let total = Double(decisions)
      return LoadSpread.expectedVariation(total: total, probabilities: expected.map { $0 / total })
    }
    let (expected, lower) = totals
    let mean = Double(decisions) / Double(endpoints)
    let deviations = expected.map { $0 - mean }
    var (trace, squaredTrace, crossed) = (0.0, 0.0, 0.0)
    var at = 0
    for i in 0..<endpoints {
      for j in 0...i {
        let c = lower[at]
        at += 1
        let twice = i == j ? 1.0 : 2.0
        if i == j { trace += c }
        squaredTrace += twice * c * c
        crossed += twice * deviations[i] * c * deviations[j]
      }
    }
    return LoadSpread.meanVariation(
      mean: mean, endpoints: Double(endpoints),
      sumOfSquares: trace + deviations.reduce(0) { $0 + $1 * $1 },
      varianceOfSquares: 2 * squaredTrace + 4 * crossed)
  }

  /// (O - E)' Cov+ (O - E) with the rank of the covariance as degrees of freedom. Nil if nothing could
  /// vary, or if the counts cannot come from these decisions (another total within a component).
  /// - Precondition: one count per endpoint.
  public func test(observed: [Int]) -> ChiSquareTest? {
    precondition(observed.count == endpoints, "one count per endpoint")
    if isPlainMultinomial {
      guard observed.reduce(0, +) == decisions else { return nil }
      return ChiSquareTest.pearson(observed: observed, expected: expected)
    }
    guard decisions > 0 else { return nil }
    let (expected, lower) = totals
    let components = Self.components(lower, endpoints)
    let difference = zip(observed, expected).map { Double($0) - $1 }
    guard Self.totalsAgree(difference, expected, components) else { return nil }
    // Everything but the first endpoint of each component.
    let kept = (0..<endpoints).filter { components[$0] != $0 }
    guard !kept.isEmpty else { return nil }
    guard let statistic = Self.quadraticForm(difference, lower, kept) else { return nil }
    return ChiSquareTest(statistic: statistic, degreesOfFreedom: kept.count)
  }

  /// For each endpoint the smallest index that it is joined with by decisions.
  private static func components(_ lower: [Double], _ n: Int) -> [Int] {
    var parent = Array(0..<n)
    func root(_ i: Int) -> Int {
      var i = i
      while parent[i] != i {
        parent[i] = parent[parent[i]]
        i = parent[i]
      }
      return i
    }
    var at = 0
    for i in 0..<n {
      for j in 0...i {
        if j < i, lower[at] != 0 {
          let (a, b) = (root(i), root(j))
          parent[max(a, b)] = min(a, b)
        }
        at += 1
      }
    }
    return (0..<n).map(root)
  }

  private static func totalsAgree(_ difference: [Double], _ expected: [Double], _ component: [Int]) -> Bool {
    var (sums, sizes) = (difference.map { _ in 0.0 }, difference.map { _ in 0.0 })
    for (i, root) in component.enumerated() {
      sums[root] += difference[i]
      sizes[root] += expected[i]
    }
    // Totals are whole numbers, so a real difference is at least 1.
    return zip(sums, sizes).allSatisfy { abs($0) < 0.5 && ($1 > 0 || $0 == 0) }
  }

  /// d' C^-1 d over the kept endpoints, by Cholesky: with C = L L', it is |L^-1 d|^2.
  private static func quadraticForm(_ difference: [Double], _ lower: [Double], _ kept: [Int]) -> Double? {
    _ = GSLSetup.done
    let n = kept.count
    guard let matrix = gsl_matrix_alloc(n, n), let vector = gsl_vector_alloc(n) else { return nil }
    defer {
      gsl_matrix_free(matrix)
      gsl_vector_free(vector)
    }
    for (row, i) in kept.enumerated() {
      gsl_vector_set(vector, row, difference[i])
      for (column, j) in kept.enumerated() where column <= row {
        let value = lower[i * (i + 1) / 2 + j]
        gsl_matrix_set(matrix, row, column, value)
        gsl_matrix_set(matrix, column, row, value)
      }
    }
    guard gsl_linalg_cholesky_decomp1(matrix) == Int32(GSL_SUCCESS) else { return nil }
    let solved = gsl_blas_dtrsv(CblasLower, CblasNoTrans, CblasNonUnit, matrix, vector)
    guard solved == Int32(GSL_SUCCESS) else { return nil }
    let norm = gsl_blas_dnrm2(vector)
    return norm * norm
  }
}
