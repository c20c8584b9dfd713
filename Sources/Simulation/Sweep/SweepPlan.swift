// SPDX-License-Identifier: GPL-3.0-or-later
//
// A sweep as a file of JSON lines: a header with all that the jobs have in common, the scenario's texts among
// it, then one job per line. A plan and the program are all that a machine needs to run a job.

import Foundation
import Scenario

/// Why a plan, or what its jobs have left, cannot be used.
public struct SweepError: Error, Equatable, CustomStringConvertible {
  public enum Kind: Sendable, Equatable {
    /// Exit code 64.
    case usage
    /// Exit code 65.
    case wrong
    /// Exit code 66.
    case unreadable
  }
  public var kind: Kind
  public var description: String

  public init(_ kind: Kind, _ description: String) { (self.kind, self.description) = (kind, description) }
}

/// One job: a combination of values and some of its replications.
public struct SweepJob: Codable, Sendable, Equatable {
  /// 16 hex digits, a hash of everything that decides the job's bytes.
  public var id: String
  public var point: Int
  /// `path=value` by the paths of the sweep, in their order.
  public var set: [String]
  public var firstReplication: Int
  public var replications: Int
  /// Of the scenario with `set` in force.
  public var scenarioHash: String

  enum CodingKeys: String, CodingKey {
    case id, point, set, replications
    case firstReplication = "first_replication"
    case scenarioHash = "scenario_hash"
  }
}

/// What all jobs of a plan have in common.
public struct SweepHeader: Codable, Sendable, Equatable {
  /// A precision that ends a combination's replications.
  public struct Target: Codable, Sendable, Equatable {
    public var metric: String
    public var halfWidth: Double
    public var isRelative: Bool
    public var confidence: Double
    public var least: Int

    enum CodingKeys: String, CodingKey {
      case metric, confidence
      case halfWidth = "half_width"
      case isRelative = "relative"
      case least = "min"
    }
  }

  /// 16 hex digits, a hash of the header's other members and all jobs.
  public var plan: String
  public var format: Int
  public var version: String
  public var scenario: String
  public var question: String
  public var seed: UInt64
  public var jobs: Int
  public var points: Int
  /// Of the sweep's axes.
  public var paths: [String]
  /// With labels, beside those of summary.csv.
  public var metrics: [String]
  public var target: Target?
  /// `path=value` for all jobs, before each job's own.
  public var set: [String]
  /// The scenario's path, under which `files` has its text.
  public var path: String
  public var files: [String: String]
  public var folders: [String: [String]]

  public static let format = 1
}

/// A header and its jobs.
public struct SweepPlan: Sendable, Equatable {
  public var header: SweepHeader
  public var jobs: [SweepJob]

  public init(header: SweepHeader, jobs: [SweepJob]) {
    (self.header, self.jobs) = (header, jobs)
  }

  /// Jobs of each combination, by the number of its point, in the order of replications.
  public var jobsByPoint: [[SweepJob]] {
    var byPoint = [[SweepJob]](repeating: [], count: header.points)
    for job in jobs { byPoint[job.point].append(job) }
    return byPoint
  }

  // MARK: Text

  /// JSON lines, the same bytes each time.
  public func text() throws -> String {
    let encoder = Self.encoder
    var lines = [String(decoding: try encoder.encode(header), as: UTF8.self)]
    for job in jobs { lines.append(String(decoding: try encoder.encode(job), as: UTF8.self)) }
    return lines.joined(separator: "\n") + "\n"
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  /// The hash that belongs into the header.
  static func hash(_ header: SweepHeader, _ jobs: [SweepJob]) throws -> String {
    var header = header
    header.plan = ""
    return digest(try SweepPlan(header: header, jobs: jobs).text())
  }

  /// The first 16 hex digits of a text's SHA-256.
  static func digest(_ text: String) -> String {
    String(FileDigest(text: text).sha256.prefix(16))
  }

  /// - Parameter name: of the file, for messages.
  /// - Throws: `SweepError` with the line and what was expected there.
  public init(text: String, name: String) throws {
    func wrong(_ line: Int, _ what: String) -> SweepError {
      SweepError(.wrong, "\(name):\(line): \(what)")
    }
    guard text.hasSuffix("\n") else {
      throw wrong(1, "expected a plan of sim sweep plan; its end is missing")
    }
    let lines = text.dropLast().split(separator: "\n", omittingEmptySubsequences: false)
    let decoder = JSONDecoder()
    guard let header = try? decoder.decode(SweepHeader.self, from: Data(lines[0].utf8)) else {
      throw wrong(1, "expected the header of a plan, as sim sweep plan writes it")
    }
    guard header.format == SweepHeader.format else {
      throw wrong(1, "the plan has format \(header.format), expected \(SweepHeader.format)")
    }
    var jobs: [SweepJob] = []
    for (index, line) in lines.enumerated().dropFirst() {
      guard let job = try? decoder.decode(SweepJob.self, from: Data(line.utf8)),
        job.point >= 0, job.point < header.points, job.set.count == header.paths.count, job.replications > 0
      else { throw wrong(index + 1, "expected a job, as sim sweep plan writes it") }
      jobs.append(job)
    }
    guard jobs.count == header.jobs else {
      throw wrong(
        1, "\(jobs.count) jobs, expected the \(header.jobs) of the header: the file is cut or edited")
    }
    guard try Self.hash(header, jobs) == header.plan else {
      throw wrong(1, "the plan's hash is not that of its content: the file was edited")
    }
    self.init(header: header, jobs: jobs)
  }
}
