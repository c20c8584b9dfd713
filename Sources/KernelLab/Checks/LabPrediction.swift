// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a client should meet, and whether it did: each attempt must be one of the predicted kinds, and their
// numbers must go with the predicted probabilities.

import NetworkTypes
import SimStatistics

/// What a client learns, whatever the reason.
public enum LabView: String, Sendable, Hashable, CaseIterable, Codable {
  case answer
  case refused
  case unreachable
  case silence
}

/// One way that a connection may go.
public struct LabWay: Sendable, Hashable {
  public var probability: Double
  public var view: LabView
  /// The socket that answers; nil unless one does.
  public var server: LabEnd?
  /// The source address that it sees; nil unless one answers.
  public var seen: IPv4Address?
  public init(probability: Double, view: LabView, server: LabEnd? = nil, seen: IPv4Address? = nil) {
    self.probability = probability
    self.view = view
    self.server = server
    self.seen = seen
  }
}

/// All ways of a connection from one place to one address.
public struct LabPrediction: Sendable, Equatable {
  public var ways: [LabWay]
  /// Session affinity: after its first connection a client keeps the way that this one took.
  public var isSticky: Bool
  public init(ways: [LabWay], isSticky: Bool = false) {
    self.ways = ways
    self.isSticky = isSticky
  }

  /// Whether some connection is answered: worth more than a few attempts.
  public var mayAnswer: Bool { ways.contains { $0.view == .answer } }

  /// `3 pods`, `refused`, `silence`; with all kinds if there are several.
  public var summary: String {
    let servers = Set(ways.compactMap(\.server)).count
    var words = servers == 0 ? [] : [servers == 1 ? "1 pod" : "\(servers) pods"]
    for view in LabView.allCases where view != .answer && ways.contains(where: { $0.view == view }) {
      words.append(view.rawValue)
    }
    return words.joined(separator: " or ") + (isSticky ? ", sticky" : "")
  }
}

/// A prediction beside what was met.
public struct LabCheck: Sendable, Equatable {
  /// What was asked, in words: Service, kind of address, address.
  public var target: String
  /// From where.
  public var vantage: String
  public var prediction: LabPrediction
  public var attempts: [LabAttempt]
  /// What disagrees; empty: nothing does. The test below is judged with all the others.
  public var problems: [String]
  /// Of the numbers against the probabilities; nil where there is nothing to test.
  public var test: ChiSquareTest?
  /// A check that is more than connections to one address: what should happen and what did, in words.
  public var story: Story?

  public struct Story: Sendable, Equatable {
    public var predicted: String
    public var met: String
    public init(predicted: String, met: String) {
      self.predicted = predicted
      self.met = met
    }
  }

  /// A check with a story of its own.
  /// - Parameter counts: how often which way was gone, beside how often it should be; empty: nothing is
  ///   random.
  public init(
    story: Story, name: String, vantage: String, attempts: [LabAttempt], problems: [String],
    counts: [(observed: Int, expected: Double)] = []
  ) {
    self.story = story
    target = name
    self.vantage = vantage
    prediction = LabPrediction(ways: [])
    self.attempts = attempts
    self.problems = problems
    if problems.isEmpty, !counts.isEmpty {
      test = ChiSquareTest.pearson(observed: counts.map(\.observed), expected: counts.map(\.expected))
      if test == nil { self.problems = ["something happened that cannot"] }
    }
  }

  /// Connections to one address.
  public init(
    target: String, vantage: String, prediction: LabPrediction, attempts: [LabAttempt]
  ) {
    self.target = target
    self.vantage = vantage
    self.prediction = prediction
    self.attempts = attempts
    (problems, test) = Self.judge(prediction, attempts)
  }

  /// What the client learned, by the attempt's meeting; nil for what no packet explains.
  static func view(_ meeting: LabMeeting) -> LabView? {
    switch meeting {
    case .answered: .answer
    // A SYN to a closed port and a RST in mid-connection look alike to whoever asked once.
    case .refused, .reset: .refused
    case .unreachable: .unreachable
    case .silence: .silence
    case .failed: nil
    }
  }

  /// What a way and an attempt have in common: the view, and who answers.
  private struct Cell: Hashable {
    var view: LabView
    var server: LabEnd?
  }

  private static func judge(
    _ prediction: LabPrediction, _ attempts: [LabAttempt]
  ) -> ([String], ChiSquareTest?) {
    var cells: [Cell] = []
    var chances: [Cell: Double] = [:]
    var sources: [Cell: Set<IPv4Address>] = [:]
    for way in prediction.ways where way.probability > 0 {
      let cell = Cell(view: way.view, server: way.server)
      if chances[cell] == nil { cells.append(cell) }
      chances[cell, default: 0] += way.probability
      if let seen = way.seen { sources[cell, default: []].insert(seen) }
    }
    var counts: [Cell: Int] = [:]
    var problems: [String] = []
    func note(_ problem: String) { if !problems.contains(problem) { problems.append(problem) } }
    for attempt in attempts {
      guard let view = view(attempt.meeting) else {
        note("an attempt failed: \(attempt.meeting)")
        continue
      }
      var cell = Cell(view: view, server: nil)
      if case .answered(let answer) = attempt.meeting {
        cell.server = answer.server
        if let expected = sources[cell], !expected.contains(answer.seen.address) {
          note("\(answer.server) saw \(answer.seen.address), not \(list(expected))")
        }
      }
      if chances[cell] == nil { note("met \(words(cell)), predicted \(prediction.summary)") }
      counts[cell, default: 0] += 1
    }
    if attempts.isEmpty { note("no attempt was made") }
    if prediction.isSticky, counts.count > 1 { note("a sticky client met \(counts.count) different ends") }
    guard problems.isEmpty, !prediction.isSticky else { return (problems, nil) }
    let test = ChiSquareTest.pearson(
      observed: cells.map { counts[$0] ?? 0 },
      expected: cells.map { (chances[$0] ?? 0) * Double(attempts.count) })
    return (problems, test)
  }

  private static func words(_ cell: Cell) -> String {
    cell.server.map { "an answer of \($0)" } ?? cell.view.rawValue
  }

  private static func list(_ addresses: Set<IPv4Address>) -> String {
    addresses.sorted().map(\.description).joined(separator: " or ")
  }
}
