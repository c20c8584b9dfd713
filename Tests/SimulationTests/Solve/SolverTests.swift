// SPDX-License-Identifier: GPL-3.0-or-later
//
// The search for a value on responses whose answer is known: steps, slopes with noise, hills.

import Scenario
import SimKernel
import SimRandom
import Testing

@testable import Simulation

@Suite struct SolverTests {
  /// Values 0 ..< 61; the answer to "below 1" is known.
  private static func solve(
    _ condition: String = "lost < 1", isMaximum: Bool = false, count: Int = 61, most: Int = 200,
    method: SolveMethod = .auto, seed: UInt64 = 1, noise: Double = 0, _ response: @escaping (Int) -> Double
  ) throws -> SolveResult {
    let question = SolveQuestion(
      condition: try #require(MetricCondition(condition)), isMaximum: isMaximum, most: most, method: method)
    var solver = Solver(question, count: count) { index, replications in
      replications.map { replication in
        // The same draw for every value: common random numbers, and a part of each value's own.
        let shared = Noise.normal(seed, UInt64(replication), 0)
        let own = Noise.normal(seed, UInt64(replication), UInt64(index + 1))
        return .value(response(index) + noise * (0.8 * shared + 0.6 * own))
      }
    }
    let result = try solver.solve()
    #expect(result.points.count <= min(count, solver.mostTests + Solver.searched))
    #expect(result.points.map(\.index) == result.points.map(\.index).sorted())
    return result
  }

  @Test("a step is found exactly, wherever it is", arguments: [1, 2, 7, 8, 30, 59, 60], [false, true])
  func step(at edge: Int, isMaximum: Bool) throws {
    // Smallest: fails below the edge. Largest: holds below it.
    let result = try Self.solve(isMaximum: isMaximum) { ($0 < edge) == isMaximum ? 0 : 2 }
    #expect(result.status == .found && result.method == .bisection)
    #expect(result.answer == (isMaximum ? edge - 1 : edge))
    #expect(result.bound == (isMaximum ? edge : edge - 1))
    #expect(result.points.count < 20, "bisection looks at few values")
  }

  @Test("ends that decide everything are told")
  func ends() throws {
    let nowhere = try Self.solve { _ in 2 }
    #expect(nowhere.status == .nowhere && nowhere.answer == nil)
    let everywhere = try Self.solve { _ in 0 }
    #expect(everywhere.answer == 0 && everywhere.isEverywhere && !everywhere.isWrongWay)
    let wrongWay = try Self.solve { $0 < 20 ? 0 : 2 }
    #expect(wrongWay.answer == 0 && wrongWay.isWrongWay)
    let unclear = try Self.solve(most: 20, noise: 1) { _ in 1 }
    #expect(unclear.status == .undecided && unclear.answer == nil)
  }

  @Test(
    "at the limit it matters whether equality is enough",
    arguments: [("lost < 1", nil), ("lost <= 1", 0), ("lost >= 1", 0), ("lost > 1", nil)] as [(String, Int?)])
  func equality(condition: String, answer: Int?) throws {
    #expect(try Self.solve(condition) { _ in 1 }.answer == answer)
  }

  @Test("a valley between the ends is found by a search, which says so")
  func valley() throws {
    let result = try Self.solve { (20...40).contains($0) ? 0 : 2 }
    #expect(result.method == .search && result.contradiction != nil)
    #expect(result.answer == 20 && result.bound == 19)
    let largest = try Self.solve(isMaximum: true) { (20...40).contains($0) ? 0 : 2 }
    #expect(largest.answer == 40 && largest.bound == 41)
  }

  @Test("a hill of the metric itself is a contradiction, although no verdict is")
  func hill() throws {
    let result = try Self.solve { $0 == 60 ? 0 : 2 + Double(min($0, 60 - $0)) }
    #expect(result.method == .search && result.answer == 60)
    let bisected = try Self.solve(method: .bisection) { $0 == 60 ? 0 : 2 + Double(min($0, 60 - $0)) }
    #expect(bisected.method == .bisection && bisected.answer == 60)
  }

  @Test("of 200 noisy questions, at most one in twenty is answered wrongly; undecided values stay outside")
  func coverage() throws {
    var (covered, found) = (0, 0)
    for seed in 1...200 {
      // Falls through 1 between 30 and 31.
      let result = try Self.solve(seed: UInt64(seed), noise: 1) { 1 + (30.5 - Double($0)) / 20 }
      guard let answer = result.answer else { continue }
      found += 1
      if answer >= 31, (result.bound ?? -1) <= 30 { covered += 1 }
      #expect(result.bound.map { answer - $0 < 25 } ?? false, "an interval that says something")
    }
    #expect(found == 200)
    #expect(covered >= 190, "covered \(covered) of \(found)")
  }
}

/// Draws that are a function of their numbers.
private enum Noise {
  static func normal(_ seed: UInt64, _ replication: UInt64, _ index: UInt64) -> Double {
    var state =
      seed &* 0x9E37_79B9_7F4A_7C15 ^ replication &* 0xBF58_476D_1CE4_E5B9 ^ index &* 0x94D0_49BB_1331_11EB
    // Irwin and Hall: twelve uniforms are close enough to a normal here.
    return (0..<12).reduce(-6.0) { sum, _ in
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return sum + Double((z ^ (z >> 31)) >> 11) / 9_007_199_254_740_992
    }
  }
}
