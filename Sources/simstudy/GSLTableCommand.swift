// SPDX-License-Identifier: GPL-3.0-or-later
//
// `simstudy gsl-table`: values of the functions that SimStatistics takes from GSL, and of those that it has
// itself because GSL lacks them, for somebody who computes them with another library.

import ArgumentParser
import CGSL
import SimStatistics

struct GSLTableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "gsl-table", abstract: "Print function,arguments,value for every function used.",
    discussion: """
      Arguments are separated by spaces, in the order of GSL's declaration; those of gsl_stats functions are \
      the sample. Names without gsl_ are SimStatistics' own: kolmogorov_Q(x) is the upper tail \
      of the limit distribution, ks_2samp_exact the p-value of n and m values, those of the first sample \
      first.
      """)

  func run() {
    var text = "function,arguments,value\n"
    for entry in GSLTable.entries {
      let arguments = entry.arguments.map(\.description).joined(separator: " ")
      text += "\(entry.function),\(arguments),\(entry.value)\n"
    }
    print(text, terminator: "")
  }
}

struct GSLTableEntry {
  var function: String
  var arguments: [Double]
  var value: Double
}

enum GSLTable {
  static var entries: [GSLTableEntry] { distributions + discrete + samples + own }

  private static let tails = [1e-6, 0.001, 0.025, 0.05, 0.1, 0.5, 0.9, 0.95, 0.975, 0.999, 0.999999]
  private static let degrees = [1, 2, 3, 4, 4.5, 9, 13.5, 29, 43.5, 199, 1e4]

  private static var distributions: [GSLTableEntry] {
    var found: [GSLTableEntry] = []
    func note(_ function: String, _ arguments: [Double], _ value: Double) {
      found.append(GSLTableEntry(function: function, arguments: arguments, value: value))
    }
    for p in tails {
      note("gsl_cdf_ugaussian_Pinv", [p], gsl_cdf_ugaussian_Pinv(p))
      for nu in degrees { note("gsl_cdf_tdist_Pinv", [p, nu], gsl_cdf_tdist_Pinv(p, nu)) }
      for (a, b) in [(1.0, 10.0), (3, 8), (10, 1), (81, 183), (0.5, 0.5), (1, 368)] {
        note("gsl_cdf_beta_Pinv", [p, a, b], gsl_cdf_beta_Pinv(p, a, b))
        note("gsl_cdf_beta_Qinv", [p, a, b], gsl_cdf_beta_Qinv(p, a, b))
      }
    }
    for x in [0.0, 0.1, 0.5, 1, 1.96, 2.5, 5, 12, 40] {
      note("gsl_cdf_ugaussian_Q", [x], gsl_cdf_ugaussian_Q(x))
      for nu in degrees {
        note("gsl_cdf_tdist_Q", [x, nu], gsl_cdf_tdist_Q(x, nu))
        note("gsl_cdf_chisq_Q", [x, nu], gsl_cdf_chisq_Q(x, nu))
      }
    }
    for x in [0.5, 1, 1.5, 2, 4.5, 10, 99.5, 1e4] { note("gsl_sf_lngamma", [x], gsl_sf_lngamma(x)) }
    return found
  }

  private static var discrete: [GSLTableEntry] {
    var found: [GSLTableEntry] = []
    for (n, p) in [(10, 0.5), (30, 0.9), (368, 0.99), (1000, 0.99), (5000, 0.5)] {
      for share in [0.0, 0.1, 0.45, 0.5, 0.9, 0.99, 1] {
        let k = Int(share * Double(n))
        found.append(
          GSLTableEntry(
            function: "gsl_cdf_binomial_P", arguments: [Double(k), p, Double(n)],
            value: gsl_cdf_binomial_P(UInt32(k), p, UInt32(n))))
      }
    }
    return found
  }

  private static let lists: [[Double]] = [
    [1, 2, 3, 4, 5], [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8], [0, 0, 0, 0, 7.5, 0, 0.25, 0],
    [-2.5, 1e6, 3.75, 12, 12, -8], [1e9 + 1, 1e9 + 2, 1e9 + 4, 1e9 + 7],
  ]

  private static var samples: [GSLTableEntry] {
    var found: [GSLTableEntry] = []
    for list in lists {
      let (n, mean) = (list.count, list.reduce(0, +) / Double(list.count))
      let values: [(String, Double)] = [
        ("gsl_stats_skew", gsl_stats_skew(list, 1, n)),
        ("gsl_stats_lag1_autocorrelation", gsl_stats_lag1_autocorrelation(list, 1, n)),
        ("gsl_stats_variance_with_fixed_mean", gsl_stats_variance_with_fixed_mean(list, 1, n, mean)),
        ("gsl_stats_max", gsl_stats_max(list, 1, n)),
      ]
      found += values.map { GSLTableEntry(function: $0.0, arguments: list, value: $0.1) }
    }
    return found
  }

  private static var own: [GSLTableEntry] {
    var found: [GSLTableEntry] = []
    for x in [0.2, 0.5, 0.8, 1, 1.2, 1.36, 1.63, 2, 3] {
      found.append(
        GSLTableEntry(
          function: "kolmogorov_Q", arguments: [x], value: KolmogorovSmirnovTest.exceeding(x)))
    }
    for (n, m) in [(5, 5), (7, 11), (20, 30), (100, 100)] {
      for shift in [0.1, 0.35, 0.6] {
        // Without ties.
        let a = (0..<n).map { (Double($0) + 0.25) / Double(n) }
        let b = (0..<m).map { (Double($0) + 0.125) / Double(m) + shift }
        guard let test = TwoSampleKolmogorovSmirnov(a, b) else { continue }
        found.append(
          GSLTableEntry(
            function: "ks_2samp_exact", arguments: [Double(n), Double(m)] + a + b, value: test.pValue))
      }
    }
    return found
  }
}
