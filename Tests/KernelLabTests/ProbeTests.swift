// SPDX-License-Identifier: GPL-3.0-or-later

import KernelLab
import Testing

@Suite struct ProbeTests {
  @Test func anAnswerSurvivesTheWayOverTheWire() throws {
    let answer = LabAnswer(server: try #require(LabEnd("10.244.1.2:8080")), seen: try #require(LabEnd("10.0.0.1:1")))
    #expect(LabAnswer(line: answer.line) == answer)
  }
}
