// SPDX-License-Identifier: GPL-3.0-or-later
//
// The line that pods of the lab answer with.

import KernelLab
import NetworkTypes
import Testing

@Suite struct ProbeTests {
  @Test func anAnswerSurvivesTheWayOverTheWire() throws {
    let answer = LabAnswer(
      server: try #require(LabEnd("10.244.1.2:8080")), seen: try #require(LabEnd("10.0.0.1:1")))
    #expect(answer.line == "10.244.1.2:8080 10.0.0.1:1\n")
    #expect(LabAnswer(line: answer.line) == answer)
  }

  @Test(arguments: [
    "", "\n", "10.244.1.2:8080 10.0.0.1:1", "10.244.1.2:8080\n", "10.244.1.2:8080 10.0.0.1:1 x\n",
    "10.244.1.2 10.0.0.1:1\n", "10.244.1.2:65536 10.0.0.1:1\n", "10.244.1.256:80 10.0.0.1:1\n",
    "10.244.1.2:8080  10.0.0.1:1\n",
  ])
  func nothingElseIsTakenForAnAnswer(_ line: String) { #expect(LabAnswer(line: line) == nil) }
}
