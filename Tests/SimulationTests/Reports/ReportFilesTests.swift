// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: the bytes of every report file are what was decided. Method: write the hand-made result and compare
// each file with the one recorded in Golden (UPDATE_GOLDEN=1 records it again; read the difference before
// committing).

import Foundation
import SimKernel
import Simulation
import Testing

@Suite struct ReportFilesTests {
  static let fileNames = ReportTables.all.map(\.file) + ["datapackage.json", "run.json"]

  static func write(_ results: [RunResult], to target: String) throws {
    let writer = try ReportWriter(folder: ResultFolder(target: target))
    for result in results { try writer.append(result) }
    let record = RunRecord(
      scenarioPath: "scenarios/node-churn.json", scenarioHash: 0xC0FFEE,
      arguments: ["run", "scenarios/node-churn.json"])
    try writer.finish(
      record,
      host: HostRecord(wallSeconds: 2, cores: 2, startedAt: "2026-01-01T00:00:00Z", operatingSystem: "Linux"))
  }

  @Test("the file has the recorded bytes", arguments: fileNames)
  func golden(file: String) throws {
    try TemporaryFolder.with { folder in
      try Self.write(
        [ReportFixture.result(), ReportFixture.result(replication: 1)], to: folder + "/node-churn")
      try Golden.compare(try TestFiles.text(folder + "/node-churn/" + file), with: file)
    }
  }

  @Test("nothing but the declared files is in the folder")
  func files() throws {
    try TemporaryFolder.with { folder in
      try Self.write([ReportFixture.result()], to: folder + "/x")
      #expect(try TestFiles.names(folder + "/x") == Self.fileNames.sorted())
      #expect(try TestFiles.names(folder) == ["x"])
    }
  }

  @Test(
    "datapackage.json describes exactly the columns that are written", arguments: ReportTables.all.map(\.file)
  )
  func description(file: String) throws {
    try TemporaryFolder.with { folder in
      try Self.write([ReportFixture.result()], to: folder + "/x")
      let package = try JSONSerialization.jsonObject(with: TestFiles.data(folder + "/x/datapackage.json"))
      let resources = try #require((package as? [String: Any])?["resources"] as? [[String: Any]])
      let resource = try #require(resources.first { $0["path"] as? String == file })
      let fields = try #require((resource["schema"] as? [String: Any])?["fields"] as? [[String: Any]])
      let rows = try ParsedCSV(TestFiles.text(folder + "/x/" + file)).rows
      #expect(rows.first == fields.map { $0["name"] as? String ?? "?" })
      #expect(rows.count > 1, "the fixture has rows for every file")
      for field in fields { #expect((field["description"] as? String)?.isEmpty == false) }
      for row in rows.dropFirst() {
        for (field, cell) in zip(fields, row) { Self.expect(cell, fits: field, in: file) }
      }
    }
  }

  /// A cell has the type of its field, is of its list, and is empty only where the field may be.
  private static func expect(_ cell: String, fits field: [String: Any], in file: String) {
    let name = field["name"] as? String ?? "?"
    let constraints = field["constraints"] as? [String: Any] ?? [:]
    guard !cell.isEmpty else {
      #expect(constraints["required"] as? Bool != true, "\(file): \(name) is required and empty")
      return
    }
    switch field["type"] as? String {
    case "integer": #expect(Int(cell) != nil || UInt64(cell) != nil, "\(file): \(name) = \(cell)")
    case "number": #expect(Double(cell) != nil, "\(file): \(name) = \(cell)")
    default: break
    }
    if let allowed = constraints["enum"] as? [String] {
      #expect(allowed.contains(cell), "\(file): \(name) = \(cell)")
    }
  }

  @Test("names with commas, quotes and line breaks come back as they were")
  func quoting() throws {
    try TemporaryFolder.with { folder in
      try Self.write([ReportFixture.result()], to: folder + "/x")
      let loss = try ParsedCSV(TestFiles.text(folder + "/x/connection_loss.csv"))
      #expect(loss.column("client").contains("outside, \"mobile\""))
      let events = try ParsedCSV(TestFiles.text(folder + "/x/events.csv"))
      #expect(events.column("detail").last == "address 172.18.0.4, then 172.18.0.9\nafter 30 s")
      let text = try TestFiles.text(folder + "/x/connection_loss.csv")
      #expect(text.contains("\"outside, \"\"mobile\"\"\""))
      #expect(!text.contains("\r"))
    }
  }

  @Test("columns end in the suffix of their unit")
  func unitSuffixes() {
    for table in ReportTables.all {
      for column in table.columns where column.unit == "s" || column.unit == "ms" {
        #expect(column.name.hasSuffix("_" + column.unit!), "\(table.file): \(column.name)")
      }
      let identity = ["run_id", "scenario", "variant", "proxy_mode", "replication", "seed"]
      #expect(table.columns.prefix(6).map(\.name) == identity)
    }
  }

  @Test("losses of connection_loss.csv, loss_ledger.csv and the causes of summary.csv add up")
  func sums() throws {
    try TemporaryFolder.with { folder in
      try Self.write([ReportFixture.result()], to: folder + "/x")
      let summary = try ParsedCSV(TestFiles.text(folder + "/x/summary.csv"))
      let metrics = Dictionary(uniqueKeysWithValues: zip(summary.column("metric"), summary.column("value")))
      let causes = metrics.filter { $0.key.hasPrefix("cause.") }.values.compactMap { Int($0) }.reduce(0, +)
      #expect(causes == Int(metrics["lost"]!)! + Int(metrics["outcome.misdelivered"]!)!)
      let outcomes = metrics.filter { $0.key.hasPrefix("outcome.") }.values.compactMap { Int($0) }.reduce(
        0, +)
      #expect(outcomes == Int(metrics["attempted"]!)!)
      let loss = try ParsedCSV(TestFiles.text(folder + "/x/connection_loss.csv"))
      #expect(loss.column("connections").compactMap { Int($0) }.reduce(0, +) == outcomes)
    }
  }

  @Test("docs/results.md lists every file, column and metric as they are declared")
  func documentation() throws {
    let path = TestFiles.package + "/docs/results.md"
    let text = try TestFiles.text(path)
    let parts = text.components(separatedBy: ReportDocumentation.marker)
    try #require(parts.count == 3, "the document has two lines \(ReportDocumentation.marker)")
    let declared = "\n\n" + ReportDocumentation.markdown + "\n"
    if Golden.isRecording {
      let text = [parts[0], declared, parts[2]].joined(separator: ReportDocumentation.marker)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } else {
      #expect(parts[1] == declared, "record it again with UPDATE_GOLDEN=1")
    }
  }
}
