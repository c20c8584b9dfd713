// SPDX-License-Identifier: GPL-3.0-or-later
//
// All checks with their numbers, as JSON.

import Foundation
import KernelLab

struct LabRecord: Codable {
  struct Way: Codable {
    var probability: Double
    var clientSees: String
    var server: String?
    var sourceSeen: String?
  }
  struct Test: Codable {
    var chiSquare: Double
    var degreesOfFreedom: Int
    var p: Double
    var adjusted: Double
  }
  var mode: String
  var check: String
  var from: String
  var predicted: String
  var ways: [Way]
  var met: String
  var connections: Int
  var agrees: Bool
  var problems: [String]
  var test: Test?

  static func records(mode: String, _ judgement: LabJudgement) -> [LabRecord] {
    judgement.checks.indices.map { index in
      let check = judgement.checks[index]
      let problems = judgement.problems(index)
      let test = check.test.map {
        Test(
          chiSquare: $0.statistic, degreesOfFreedom: $0.degreesOfFreedom, p: $0.pValue,
          adjusted: judgement.adjusted[index] ?? 1)
      }
      let ways = check.prediction.ways.map {
        Way(
          probability: $0.probability, clientSees: $0.view.rawValue, server: $0.server?.description,
          sourceSeen: $0.seen?.description)
      }
      return LabRecord(
        mode: mode, check: check.target, from: check.vantage,
        predicted: check.story?.predicted ?? check.prediction.summary, ways: ways,
        met: check.story?.met ?? LabTable.tally(check), connections: check.attempts.count,
        agrees: problems.isEmpty, problems: problems, test: test)
    }
  }

  static func write(_ records: [LabRecord], to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try encoder.encode(records).write(to: URL(fileURLWithPath: path))
    } catch {
      throw LabError.unusable("cannot write \(path): \(error.localizedDescription)")
    }
  }
}
