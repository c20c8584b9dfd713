// SPDX-License-Identifier: GPL-3.0-or-later

import CGSL
import Testing

@testable import SimStatistics

@Suite struct RunningMomentsTests {
  @Test("count, mean, variance, error and extremes are those of gsl_rstat")
  func asInGSL() throws {
    let workspace = try #require(gsl_rstat_alloc())
    defer { gsl_rstat_free(workspace) }
    var random = SplitMix(state: 1)
    var moments = RunningMoments()
    for _ in 0..<1000 {
      let value = random.uniform() * 100 - 30
      moments.add(value)
      gsl_rstat_add(value, workspace)
    }
    #expect(moments.count == 1000)
    #expect(abs(try #require(moments.mean) - gsl_rstat_mean(workspace)) < 1e-11)
    #expect(abs(try #require(moments.variance) - gsl_rstat_variance(workspace)) < 1e-9)
    #expect(abs(try #require(moments.standardDeviation) - gsl_rstat_sd(workspace)) < 1e-10)
    #expect(abs(try #require(moments.standardError) - gsl_rstat_sd_mean(workspace)) < 1e-11)
    #expect(moments.min == gsl_rstat_min(workspace))
    #expect(moments.max == gsl_rstat_max(workspace))
  }

  @Test("a small variance far from zero keeps its digits") func stability() {
    #expect(RunningMoments([1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16]).variance == 30)
  }

  @Test("merging is the same as seeing everything at once", arguments: [0, 1, 2, 7, 100])
  func merging(_ cut: Int) throws {
    var random = SplitMix(state: 2)
    let values = (0..<100).map { _ in random.uniform() }
    var merged = RunningMoments(values[..<cut])
    merged.merge(RunningMoments(values[cut...]))
    let whole = RunningMoments(values)
    #expect(merged.count == whole.count)
    #expect(abs(try #require(merged.mean) - #require(whole.mean)) < 1e-14)
    #expect(abs(try #require(merged.variance) - #require(whole.variance)) < 1e-14)
    #expect(merged.min == whole.min && merged.max == whole.max)
  }

  @Test("what needs more values than there are is nil") func tooFew() {
    var moments = RunningMoments()
    #expect(moments.mean == nil && moments.min == nil && moments.max == nil && moments.variance == nil)
    moments.add(4)
    #expect(moments.mean == 4 && moments.min == 4 && moments.max == 4)
    #expect(moments.variance == nil && moments.standardError == nil)
    #expect(moments.interval(confidence: 0.95) == nil)
  }

  @Test("the interval of a mean is Student's") func interval() throws {
    // n = 4, mean 10, s = sqrt(30), t(3, 0.975) = 3.182446.
    let interval = try #require(RunningMoments([4, 7, 13, 16]).interval(confidence: 0.95))
    #expect(interval.estimate == 10)
    #expect(abs(interval.halfWidth - 3.182446 * 30.0.squareRoot() / 2) < 1e-5)
  }
}
