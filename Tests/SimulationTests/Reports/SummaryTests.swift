// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: the summary says what the result says, in the recorded layout, within 100 columns.

import Foundation
import NetworkTypes
import SimKernel
import Simulation
import Testing

@Suite struct SummaryTests {
  @Test("the summary has the recorded layout", arguments: SummaryFormat.allCases)
  func golden(format: SummaryFormat) throws {
    let suffix = ["text": "txt", "json": "json", "markdown": "md"][format.rawValue]!
    let text = RunSummary(ReportFixture.result()).text(format, files: "results/node-churn")
    try Golden.compare(text, with: "summary-of-run." + suffix)
  }

  @Test("plain text has no control sequences and no line above 100 columns, whatever the names")
  func width() {
    var result = ReportFixture.result()
    let name = String(repeating: "a", count: 63)
    result.targets[0] = TargetName(service: "\(name)/\(name)", port: name)
    result.question = String(repeating: "why ", count: 80)
    result.notes = [String(repeating: "note ", count: 60)]
    for isVerbose in [false, true] {
      let text = RunSummary(result).text(.text, files: "results/x", isVerbose: isVerbose)
      for line in text.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
      #expect(!text.contains("\u{1B}"))
    }
  }

  @Test("colour changes nothing but the control sequences")
  func colour() {
    let summary = RunSummary(ReportFixture.result())
    let coloured = summary.text(.text, files: nil, isColoured: true)
    #expect(coloured.contains("\u{1B}["))
    let plain = coloured.replacing(/\u{1B}\[[0-9]*m/, with: "")
    #expect(plain == summary.text(.text, files: nil))
  }

  @Test("the worst offender of a cause is the most frequent combination of node, client and target")
  func offender() {
    let text = RunSummary(ReportFixture.result()).text(.text, files: nil)
    let line = text.split(separator: "\n").first { $0.contains("stale_table") }
    #expect(line?.contains("worker-2, frontend -> shop/web:http") == true)
    #expect(line?.contains("34.1..34.4 s") == true)
  }

  @Test("misdelivered connections stand apart from lost ones")
  func misdelivered() throws {
    let text = RunSummary(ReportFixture.result()).text(.text, files: nil)
    let parts = text.split(separator: "Misdelivered by cause")
    try #require(parts.count == 2)
    #expect(!parts[0].contains("ip_reused"))
    #expect(parts[1].contains("ip_reused"))
  }

  @Test("a loss ratio next to none is not rounded to none", arguments: [(1, "99.9999 %"), (2700, "99.73 %")])
  func nearlyAll(lost: Int, completed: String) {
    var result = ReportFixture.result()
    result.groups = [
      AttemptGroup(target: 0, client: 0, outcome: .completed, cause: nil, count: 1_000_000 - lost),
      AttemptGroup(target: 0, client: 0, outcome: .refused, cause: .staleTable, count: lost),
    ]
    #expect(RunSummary(result).text(.text, files: nil).contains("(\(completed))"))
  }

  @Test("targets of the namespace default are named without it, as kubectl does")
  func defaultNamespace() {
    var result = ReportFixture.result()
    result.targets[0] = TargetName(service: "default/web", port: "http")
    let text = RunSummary(result).text(.text, files: nil)
    #expect(text.contains("frontend -> web:http"))
    #expect(!text.contains("default/"))
  }

  @Test("causes stand with the largest first")
  func order() throws {
    let text = RunSummary(ReportFixture.result()).text(.text, files: nil)
    let positions = ["stale_table", "dns_lost", "node_down"].map { text.range(of: $0)?.lowerBound }
    let found = positions.compactMap { $0 }
    try #require(found.count == 3)
    #expect(found == found.sorted())
  }

  @Test("counts of two replications add up")
  func replications() {
    var summary = RunSummary(ReportFixture.result())
    let (attempted, lost) = (summary.attempted, summary.lost)
    summary.add(ReportFixture.result(replication: 1))
    #expect(summary.attempted == 2 * attempted)
    #expect(summary.lost == 2 * lost)
    #expect(summary.text(.text, files: nil).contains("2 replications"))
  }

  @Test("the loss ratio has an interval over replications, and none from one")
  func interval() throws {
    var summary = RunSummary(ReportFixture.result())
    #expect(summary.lossInterval == nil)
    #expect(!summary.text(.text, files: nil).contains("95 % interval"))
    var lossless = ReportFixture.result(replication: 1)
    lossless.groups.removeAll { $0.outcome.isLost }
    summary.add(lossless)
    let interval = try #require(summary.lossInterval)
    let ratio = try #require(summary.lossRatio)
    #expect(abs(interval.estimate - ratio) < 1e-12)
    // Two replications, one degree of freedom: t = 12.7, so the interval reaches far beyond both of them.
    #expect(interval.low < 0 && interval.high > 2 * ratio)
    #expect(summary.text(.text, files: nil).contains("95 % interval"))
  }

  @Test("a run without attempts has a summary without ratios")
  func empty() {
    let identity = RunIdentity(
      runID: "0", scenario: "idle", variant: "base", proxyMode: "iptables", replication: 0, seed: 1)
    let summary = RunSummary(RunResult(identity: identity))
    #expect(summary.lossRatio == nil)
    #expect(!summary.text(.text, files: nil).contains("nan"))
    #expect(!summary.text(.json, files: nil).contains("nan"))
  }

  @Test("the JSON summary is JSON and agrees with the result")
  func json() throws {
    let text = RunSummary(ReportFixture.result()).text(.json, files: "results/x")
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    #expect(object["lost"] as? Int == ReportFixture.result().lostCount)
    #expect(object["attempted"] as? Int == ReportFixture.result().attempted)
    #expect((object["causes"] as? [[String: Any]])?.first?["cause"] as? String == Cause.staleTable.rawValue)
  }
}
