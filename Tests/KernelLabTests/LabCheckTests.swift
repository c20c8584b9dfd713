// SPDX-License-Identifier: GPL-3.0-or-later
//
// When what was met agrees with what was predicted.

import NetworkTypes
import SimStatistics
import Testing

@testable import KernelLab

@Suite struct LabCheckTests {
  static let first = LabEnd(IPv4Address("10.244.0.2")!, 8080)
  static let second = LabEnd(IPv4Address("10.244.1.2")!, 8080)
  static let client = IPv4Address("10.244.0.9")!
  static let gateway = IPv4Address("10.244.0.1")!

  static let even = LabPrediction(ways: [
    LabWay(probability: 0.5, view: .answer, server: first, seen: client),
    LabWay(probability: 0.5, view: .answer, server: second, seen: client),
  ])
  static let sticky = LabPrediction(ways: even.ways, isSticky: true)
  static let refused = LabPrediction(ways: [LabWay(probability: 1, view: .refused)])
  static let silence = LabPrediction(ways: [LabWay(probability: 1, view: .silence)])

  static func answers(_ server: LabEnd, _ count: Int, seen: IPv4Address = client) -> [LabAttempt] {
    let answer = LabAnswer(server: server, seen: LabEnd(seen, 40_000))
    return [LabAttempt](repeating: LabAttempt(meeting: .answered(answer), milliseconds: 0.1), count: count)
  }
  static func attempts(_ meeting: LabMeeting, _ count: Int = 3) -> [LabAttempt] {
    [LabAttempt](repeating: LabAttempt(meeting: meeting, milliseconds: 0.1), count: count)
  }
  static func check(_ prediction: LabPrediction, _ attempts: [LabAttempt]) -> LabCheck {
    LabCheck(target: "web", vantage: "client", prediction: prediction, attempts: attempts)
  }

  @Test func countsAsPredictedAgreeAndHaveATest() throws {
    let check = Self.check(Self.even, Self.answers(Self.first, 45) + Self.answers(Self.second, 55))
    #expect(check.problems == [])
    let test = try #require(check.test)
    // (45-50)^2/50 + (55-50)^2/50
    #expect(test.statistic == 1 && test.degreesOfFreedom == 1)
  }

  @Test(arguments: [
    // Somebody else answers.
    (refused, answers(first, 3)), (silence, attempts(.refused)), (refused, attempts(.silence)),
    (even, answers(LabEnd(first.address, 8081), 3)),
    // The right pod, but it saw another source.
    (even, answers(first, 50) + answers(second, 50, seen: gateway)),
    // Not one and the same.
    (sticky, answers(first, 19) + answers(second, 1)),
    // No packet explains it.
    (silence, attempts(.failed(22))), (silence, []),
  ])
  func anythingElseIsNamed(_ prediction: LabPrediction, _ attempts: [LabAttempt]) {
    let check = Self.check(prediction, attempts)
    #expect(check.problems.count == 1)
    #expect(check.test == nil)
  }

  @Test(arguments: [
    (refused, attempts(.refused)), (silence, attempts(.silence)), (sticky, answers(second, 20)),
    // A way that was never gone is left to the test.
    (even, answers(first, 4)),
  ])
  func agreementIsQuiet(_ prediction: LabPrediction, _ attempts: [LabAttempt]) {
    #expect(Self.check(prediction, attempts).problems == [])
  }

  @Test func aHairpinMayBeSeenWithEitherAddress() {
    var prediction = Self.even
    prediction.ways[0].seen = Self.gateway
    let good = Self.answers(Self.first, 50, seen: Self.gateway) + Self.answers(Self.second, 50)
    #expect(Self.check(prediction, good).problems == [])
    let bad = Self.answers(Self.first, 50) + Self.answers(Self.second, 50)
    #expect(Self.check(prediction, bad).problems.count == 1)
  }

  @Test func unfairSharesRaiseAnAlarm() {
    let fair = Self.check(Self.even, Self.answers(Self.first, 52) + Self.answers(Self.second, 48))
    let unfair = Self.check(Self.even, Self.answers(Self.first, 85) + Self.answers(Self.second, 15))
    let judgement = LabJudgement([fair, unfair, fair], level: 0.001)
    #expect(judgement.disagreements == [1])
    #expect(unfair.problems == [])
    #expect(judgement.connections == 300)
  }

  @Test func manyTestsDoNotMakeAnAlarmOfChance() {
    // p = 0.003 alone; among 100 tests that is nothing.
    let odd = Self.check(Self.even, Self.answers(Self.first, 65) + Self.answers(Self.second, 35))
    let fair = Self.check(Self.even, Self.answers(Self.first, 50) + Self.answers(Self.second, 50))
    #expect(LabJudgement([odd], level: 0.01).disagreements == [0])
    let many = [odd] + [LabCheck](repeating: fair, count: 99)
    #expect(LabJudgement(many, level: 0.01).disagreements == [])
  }

  @Test func manySmallDeviationsAreOneAlarm() {
    // p = 0.03 each.
    let odd = Self.check(Self.even, Self.answers(Self.first, 61) + Self.answers(Self.second, 39))
    let judgement = LabJudgement([LabCheck](repeating: odd, count: 20), level: 0.001)
    #expect(judgement.disagreements == [] && judgement.isSumSuspicious)
    #expect(!LabJudgement([odd], level: 0.001).isSumSuspicious)
    #expect(!LabJudgement([], level: 0.001).isSumSuspicious)
  }

  @Test func theTableShowsEveryCheck() {
    let judgement = LabJudgement(
      [
        Self.check(Self.even, Self.answers(Self.first, 52) + Self.answers(Self.second, 48)),
        LabCheck(
          target: "nobody", vantage: "pod, on node-a", prediction: Self.refused,
          attempts: Self.attempts(.silence)),
        LabCheck(
          story: .init(predicted: "6 refused", met: "6 refused"), name: "burst", vantage: "pod", attempts: [],
          problems: []),
      ], level: 0.001)
    #expect(
      LabTable(judgement).text == """
                         pod
                client   on node-a
        web     2 p=.69
        nobody           !refused

               predicted  met        p
        burst  6 refused  6 refused

        """)
    #expect(LabTable(judgement).disagreements.contains("met silence, predicted refused"))
  }
}

@Suite struct AffinityMemoryTests {
  @Test func theLastOnesOfEachEndpointAreRemembered() {
    let (a, b) = (LabCheckTests.first, LabCheckTests.second)
    let ends: [LabEnd?] = [a, b, a, nil, a, b]
    let memory = AffinityMemory(ends, limit: 2)
    #expect(memory.remembered == [1, 2, 4, 5])
    #expect(memory.forgotten == [0])
    #expect(AffinityMemory(ends, limit: nil).remembered == [0, 1, 2, 4, 5])
  }
}
