// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: variants of a real scenario see the same arrivals, and the number of threads changes no byte of
// what is written.

import Cluster
import Foundation
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Synchronization
import Testing
import Traffic

@testable import Simulation

@Suite struct ComparisonRunTests {
  /// Pods come and go, so that the modes have something to differ in.
  private static func scenario() -> ScenarioFile {
    var w = SmallWorld(nodes: 3, duration: .seconds(4))
    w.file.cluster.timing = TimingSettings()
    w.addWeb(on: [0, 1, 2])
    w.addService()
    w.serve { $0.serviceTime = .exponential(mean: 0.002) }
    w.addClient(on: 0) { $0.arrivals = .renewal(.exponential(mean: 0.01)) }
    w.at(1.05, .podDelete(.web(1)))
    return w.file
  }

  private static func scenarios() -> [(name: String, file: ScenarioFile)] {
    ProxyMode.allCases.map { mode in
      var file = scenario()
      file.setMode(of: mode)
      return (mode.rawValue, file)
    }
  }

  private static func compare(jobs: Int, into folder: String) throws -> Comparison {
    let scenarios = scenarios()
    let writer = try ReportWriter(folder: ResultFolder(target: folder), isComparison: true)
    var comparison = Comparison(scenarios)
    var order: [String] = []
    try ReplicationPool(jobs: jobs).run(scenarios, replications: 3) { task, result in
      order.append("\(task.replication)/\(result.identity.variant)")
      try writer.append(result)
      comparison.add(result, variant: task.scenario)
      return .goOn
    }
    #expect(order == (0..<3).flatMap { r in ProxyMode.allCases.map { "\(r)/\($0.rawValue)" } })
    let record = RunRecord(scenarioPath: "x.json", scenarioHash: 1, arguments: [])
    let host = HostRecord(wallSeconds: 1, cores: 1, startedAt: "", operatingSystem: "")
    try writer.finish(record, host: host, comparison: comparison)
    return comparison
  }

  @Test("every mode sees the same arrivals, and one job writes the bytes of three")
  func jobs() throws {
    try TemporaryFolder.with { folder in
      let one = try Self.compare(jobs: 1, into: folder + "/one")
      let three = try Self.compare(jobs: 3, into: folder + "/three")
      #expect(one.desynchronised.isEmpty)
      #expect(Set(one.sides[0].arrivalDigests).count == 3, "replications differ")
      #expect(one.text(.json, files: nil) == three.text(.json, files: nil))
      let files = try TestFiles.names(folder + "/one")
      #expect(files.contains("comparison.csv"))
      for file in files {
        let (a, b) = (
          try TestFiles.text(folder + "/one/" + file), try TestFiles.text(folder + "/three/" + file)
        )
        #expect(a == b, "\(file)")
      }
      let summary = try ParsedCSV(TestFiles.text(folder + "/one/summary.csv"))
      #expect(Set(summary.column("variant")) == Set(ProxyMode.allCases.map(\.rawValue)))
      #expect(summary.column("variant") == summary.column("proxy_mode"))
      #expect(Set(summary.column("run_id")).count == 4, "a run id per mode")
    }
  }

  @Test("comparison.csv has every metric for every pair, as datapackage.json describes it")
  func rows() throws {
    try TemporaryFolder.with { folder in
      let comparison = try Self.compare(jobs: 2, into: folder + "/x")
      let csv = try ParsedCSV(TestFiles.text(folder + "/x/comparison.csv"))
      let package = try JSONSerialization.jsonObject(with: TestFiles.data(folder + "/x/datapackage.json"))
      let resources = try #require((package as? [String: Any])?["resources"] as? [[String: Any]])
      let resource = try #require(resources.first { $0["path"] as? String == "comparison.csv" })
      let fields = try #require((resource["schema"] as? [String: Any])?["fields"] as? [[String: Any]])
      #expect(csv.rows.first == fields.map { $0["name"] as? String ?? "?" })
      let expected = comparison.metrics.reduce(0) { $0 + $1.pairs.count { $0.replications > 0 } }
      #expect(csv.rows.count - 1 == expected)
      #expect(csv.column("metric").count { $0 == "lost" } == 6)
      let lost = try #require(
        csv.rows.first { $0[7] == "lost" && $0[2] == "nftables" && $0[6] == "iptables" })
      let pair = try #require(comparison.metric("lost").pair(0, 2))
      #expect(abs(Double(lost[11])! - pair.difference!.mean) < 1e-6)
    }
  }

  @Test(
    "--variant is read as a name and edits",
    arguments: [
      ("a:x=1", ["x=1"]), ("a:x=1,y.z[0]=2", ["x=1", "y.z[0]=2"]),
      ("a:x={low: 1, high: 2},y=[1, 2]", ["x={low: 1, high: 2}", "y=[1, 2]"]),
      ("a:x=\"1,2\",y=:", ["x=\"1,2\"", "y=:"]), ("a:", nil), ("a", nil), (":x=1", nil), ("a:x=1,", nil),
      ("a:=1", nil), ("ä:x=1", nil),
    ] as [(String, [String]?)])
  func variantText(text: String, edits: [String]?) {
    #expect(ComparisonVariant(text) == edits.map { ComparisonVariant(name: "a", change: .edits($0)) })
  }

  @Test("the first replication of a comparison is the run that sim run makes")
  func sameRun() throws {
    var scenario = Self.scenario()
    scenario.setMode(of: .iptables)
    let alone = try SimulationRun.run(scenario)
    var digest: UInt64?
    try ReplicationPool(jobs: 2).run(Self.scenarios(), replications: 1) { task, result in
      if task.scenario == 0 { digest = result.digest }
      return .goOn
    }
    #expect(digest == alone.digest)
  }

  @Test("an error of a run ends the comparison with that error, and no thread is left")
  func failure() throws {
    var broken = Self.scenario()
    broken.objects.append(
      .service(Service(metadata: ObjectMeta(name: "bad"), spec: Self.refusedSpec)))
    let scenarios = [("good", Self.scenario()), ("bad", broken)]
    var taken = 0
    #expect(throws: APIRefusal.self) {
      try ReplicationPool(jobs: 2).run(scenarios.map { (name: $0.0, file: $0.1) }, replications: 2) { _, _ in
        taken += 1
        return .goOn
      }
    }
    #expect(taken == 1, "what comes before the error in the order of results is taken")
  }

  private static var refusedSpec: ServiceSpec {
    var spec = ServiceSpec()
    var port = ServicePort()
    port.port = 0
    spec.ports = [port]
    return spec
  }

  @Test("a comparison that is not to go on throws and takes nothing more")
  func interruption() {
    let asked = Atomic<Int>(0)
    let pool = ReplicationPool(jobs: 2) { asked.wrappingAdd(1, ordering: .relaxed).oldValue < 3 }
    var taken = 0
    #expect(throws: RunInterrupted.self) {
      try pool.run(Self.scenarios(), replications: 5) { _, _ in
        taken += 1
        return .goOn
      }
    }
    #expect(taken < 20)
  }

  @Test("a pool that has enough hands over nothing more", arguments: [1, 3])
  func enough(jobs: Int) throws {
    var taken: [Int] = []
    try ReplicationPool(jobs: jobs).run([("base", Self.scenario())], replications: 50) { task, _ in
      taken.append(task.replication)
      return taken.count == 3 ? .enough : .goOn
    }
    #expect(taken == [0, 1, 2])
  }
}
