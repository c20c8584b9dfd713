// SPDX-License-Identifier: GPL-3.0-or-later
//
// Expectations over decisions with changing candidates.

import CGSL
import Testing

@testable import SimStatistics

/// Phases of a service whose endpoints come and go: candidates, weights (empty: equal), decisions.
private typealias Phase = (candidates: [Int], weights: [Double], decisions: Int)

private func accumulator(_ endpoints: Int, _ phases: [Phase]) -> MultinomialAccumulator {
  var result = MultinomialAccumulator(endpoints: endpoints)
  for phase in phases {
    result.add(candidates: phase.candidates, weights: phase.weights, decisions: phase.decisions)
  }
  return result
}

private func draw(_ endpoints: Int, _ phases: [Phase], _ random: inout SplitMix) -> [Int] {
  var counts = [Int](repeating: 0, count: endpoints)
  for phase in phases {
    for _ in 0..<phase.decisions {
      guard !phase.weights.isEmpty else {
        counts[phase.candidates[random.below(phase.candidates.count)]] += 1
        continue
      }
      var u = random.uniform() * phase.weights.reduce(0, +)
      var i = 0
      while i < phase.weights.count - 1, u >= phase.weights[i] {
        u -= phase.weights[i]
        i += 1
      }
      counts[phase.candidates[i]] += 1
    }
  }
  return counts
}

/// d' C+ d and the rank of C by eigenvalues: the definition.
private func byEigenvalues(_ covariance: [[Double]], _ difference: [Double]) throws -> (Double, Int) {
  let n = difference.count
  let matrix = try #require(gsl_matrix_alloc(n, n))
  let vectors = try #require(gsl_matrix_alloc(n, n))
  let values = try #require(gsl_vector_alloc(n))
  let workspace = try #require(gsl_eigen_symmv_alloc(n))
  defer {
    gsl_matrix_free(matrix)
    gsl_matrix_free(vectors)
    gsl_vector_free(values)
    gsl_eigen_symmv_free(workspace)
  }
  for i in 0..<n { for j in 0..<n { gsl_matrix_set(matrix, i, j, covariance[i][j]) } }
  #expect(gsl_eigen_symmv(matrix, values, vectors, workspace) == 0)
  var (sum, rank) = (0.0, 0)
  for k in 0..<n where gsl_vector_get(values, k) > 1e-9 {
    let projection = (0..<n).reduce(0.0) { $0 + gsl_matrix_get(vectors, $1, k) * difference[$1] }
    sum += projection * projection / gsl_vector_get(values, k)
    rank += 1
  }
  return (sum, rank)
}

@Suite struct MultinomialAccumulatorTests {
  private static let churn: [Phase] = [
    ([0, 1, 2], [], 300), ([1, 2, 3], [], 200), ([1, 2, 3, 4, 5], [], 400), ([4, 5], [], 100),
  ]
  private static let worlds: [(endpoints: Int, phases: [Phase], degrees: Int)] = [
    (4, [([0, 1, 2, 3], [], 1000)], 3),
    (6, churn, 5),
    // Two services that share nothing, an endpoint alone, and one that was never a candidate.
    (7, [([0, 1], [], 300), ([2, 3, 4], [], 300), ([5], [], 50), ([3, 2], [], 100)], 3),
    (3, [([0, 1, 2], [5, 3, 2], 500), ([2, 0], [1, 3], 300)], 2),
    // Weight zero joins nothing.
    (4, [([0, 1, 2], [1, 1, 0], 400), ([2, 3], [], 100)], 2),
  ]

  @Test("expected counts and covariance of one decision are the multinomial's") func oneDecision() {
    let single = accumulator(3, [([2, 0], [], 1)])
    #expect(single.expected == [0.5, 0, 0.5])
    #expect(single.covariance == [[0.25, 0, -0.25], [0, 0, 0], [-0.25, 0, 0.25]])
    let weighted = accumulator(2, [([0, 1], [3, 1], 16)])
    #expect(weighted.expected == [12, 4])
    #expect(weighted.covariance == [[3, -3], [-3, 3]])
  }

  @Test("expectations add up over phases", arguments: worlds.indices)
  func additive(_ index: Int) {
    let world = Self.worlds[index]
    let whole = accumulator(world.endpoints, world.phases)
    var expected = [Double](repeating: 0, count: world.endpoints)
    for phase in world.phases {
      let part = accumulator(world.endpoints, [phase]).expected
      for i in expected.indices { expected[i] += part[i] }
    }
    #expect(zip(whole.expected, expected).allSatisfy { abs($0 - $1) < 1e-9 })
    #expect(whole.decisions == world.phases.reduce(0) { $0 + $1.decisions })
  }

  @Test("the statistic and its rank are those of the pseudo-inverse", arguments: worlds.indices)
  func pseudoInverse(_ index: Int) throws {
    let world = Self.worlds[index]
    let accumulated = accumulator(world.endpoints, world.phases)
    var random = SplitMix(state: 11)
    for _ in 0..<5 {
      let observed = draw(world.endpoints, world.phases, &random)
      let difference = zip(observed, accumulated.expected).map { Double($0) - $1 }
      let (sum, rank) = try byEigenvalues(accumulated.covariance, difference)
      let test = try #require(accumulated.test(observed: observed))
      #expect(test.degreesOfFreedom == rank && rank == world.degrees)
      #expect(abs(test.statistic - sum) < 1e-8 * max(1, sum))
    }
  }

  @Test("if the decisions are as assumed, p-values are uniform", arguments: worlds.indices)
  func nullIsUniform(_ index: Int) throws {
    let world = Self.worlds[index]
    let accumulated = accumulator(world.endpoints, world.phases)
    var random = SplitMix(state: 12)
    let pValues = try (0..<800).map { _ in
      try #require(accumulated.test(observed: draw(world.endpoints, world.phases, &random))).pValue
    }
    // Counts are whole numbers, so p-values come in steps; a small sample does not see them.
    let test = try #require(KolmogorovSmirnovTest(pValues) { $0 })
    #expect(test.pValue > 1e-3)
  }

  @Test("a balancer that favours one endpoint is found out") func power() throws {
    var random = SplitMix(state: 13)
    let accumulated = accumulator(6, Self.churn)
    let skewed = Self.churn.map { phase in
      (phase.candidates, phase.candidates.map { $0 == 2 ? 2.0 : 1.0 }, phase.decisions)
    }
    let test = try #require(accumulated.test(observed: draw(6, skewed, &random)))
    #expect(test.pValue < 1e-6)
  }

  @Test("changing candidates are not mistaken for imbalance") func churnIsNotImbalance() throws {
    var random = SplitMix(state: 14)
    let observed = draw(6, Self.churn, &random)
    let naive = try #require(
      ChiSquareTest.pearson(observed: observed, expected: Array(repeating: 1000.0 / 6, count: 6)))
    #expect(naive.pValue < 1e-6)
    #expect(try #require(accumulator(6, Self.churn).test(observed: observed)).pValue > 1e-3)
  }

  @Test("order of candidates and splitting of decisions do not matter") func splitting() throws {
    let (plain, observed) = (accumulator(3, [([0, 1, 2], [], 30)]), [14, 9, 7])
    let split = accumulator(3, [([0, 1, 2], [], 10), ([2, 1, 0], [], 15), ([0, 1, 2], [], 5)])
    #expect(zip(plain.expected, split.expected).allSatisfy { abs($0 - $1) < 1e-12 })
    let (a, b) = try (#require(plain.test(observed: observed)), #require(split.test(observed: observed)))
    #expect(abs(a.statistic - b.statistic) < 1e-9 && a.degreesOfFreedom == b.degreesOfFreedom)
    let (v, w) = try (
      #require(plain.expectedCoefficientOfVariation), #require(split.expectedCoefficientOfVariation)
    )
    #expect(abs(v - w) < 1e-12)
  }

  @Test("nothing to vary or impossible counts give no test") func noTest() {
    #expect(MultinomialAccumulator(endpoints: 0).test(observed: []) == nil)
    #expect(MultinomialAccumulator(endpoints: 2).test(observed: [0, 0]) == nil)
    #expect(accumulator(2, [([0], [], 5), ([1], [], 7)]).test(observed: [5, 7]) == nil)
    #expect(accumulator(2, [([0, 1], [], 5)]).test(observed: [5, 1]) == nil)
    #expect(accumulator(3, [([0, 1], [], 5)]).test(observed: [2, 2, 1]) == nil)
    #expect(accumulator(4, [([0, 1], [], 5), ([2, 3], [], 5)]).test(observed: [3, 3, 2, 2]) == nil)
    #expect(accumulator(4, [([0, 1], [], 5), ([2, 3], [], 5)]).test(observed: [3, 2, 2, 3]) != nil)
  }

  @Test("the expected coefficient of variation with churn is the mean of many experiments")
  func expectedVariation() throws {
    var random = SplitMix(state: 15)
    var observed = RunningMoments()
    let accumulated = accumulator(6, Self.churn)
    for _ in 0..<1500 {
      let spread = LoadSpread(counts: draw(6, Self.churn, &random), decisions: accumulated)
      observed.add(try #require(spread.coefficientOfVariation))
    }
    let expected = try #require(accumulated.expectedCoefficientOfVariation)
    let (mean, error) = try (#require(observed.mean), #require(observed.standardError))
    #expect(abs(mean - expected) < 4 * error + 0.005 * mean)
  }
}
