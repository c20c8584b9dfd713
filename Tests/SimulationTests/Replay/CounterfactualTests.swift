// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whole runs with one thing changed, joined by connection.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct CounterfactualTests {
  @Test func theStandardSetLeavesOutThePresentMode() {
    var file = ReplayTests.slowWatch().file
    #expect(
      Counterfactual.standard(for: file).map(\.name) == [
        "fresh-tables", "ipvs", "nftables", "ebpf", "preStop+5s", "preStop+10s", "preStop+30s", "drain",
      ])
    file.setMode(of: .nftables)
    #expect(
      Counterfactual.standard(for: file).map(\.name).prefix(4) == [
        "fresh-tables", "iptables", "ipvs", "ebpf",
      ])
    file.servers = []
    #expect(Counterfactual.standard(for: file).count == 4)
  }

  @Test func everyLostConnectionSaysWhatSavesIt() throws {
    var file = ReplayTests.slowWatch().file
    let plain = try SimulationRun.run(file)
    #expect(plain.lost.allSatisfy { $0.savedBy == "a fresh table on node-0" })
    file.report.counterfactuals = true
    let judged = try SimulationRun.run(file)
    #expect(judged.digest == plain.digest)
    #expect(judged.lost.map(\.id) == plain.lost.map(\.id))
    for row in judged.lost {
      let names = Set(row.savedBy.components(separatedBy: "; "))
      // The watch takes 3 s: a hook of 5 s outlasts it; an exit after a drain comes no later for a new
      // connection.
      #expect(names.isSuperset(of: ["fresh-tables", "preStop+5s", "preStop+10s", "preStop+30s"]))
      #expect(!names.contains("drain") && !names.contains("nftables"))
    }
  }

  @Test func theTableOfRunsAgreesWithReplays() throws {
    let file = ReplayTests.slowWatch().file
    let result = try SimulationRun.run(file)
    let runs = try CounterfactualRuns(file, replication: 0, result: result)
    for row in result.lost.prefix(3) {
      let changes = Counterfactual.standard(for: file).map { ($0, $0.changed(file)) }
      let replay = try Replay.run(ConnectionID(row.id)!, of: file, with: changes)
      let saved = replay.changed.filter { $0.isSaved == true }.map(\.change.name)
      #expect(saved == runs.savers[row.id])
    }
    for row in runs.rows {
      #expect(row.hasSameArrivals)
      #expect(row.lost == result.lostCount - row.saved + row.alsoLost)
    }
  }

  @Test func operationsOfClosedLoopClientsAreNotJoined() throws {
    var w = ReplayTests.slowWatch()
    w.file.clients[0].arrivals = .closed(users: 2, think: .constant(0.1))
    let result = try w.run()
    let runs = try CounterfactualRuns(
      w.file, replication: 0, result: result, changes: [Counterfactual(.freshTables)])
    #expect(result.lostCount > 0 && runs.savers.isEmpty)
  }

  /// Where the scenario says nothing the manifest's hook is in force, and that is what becomes longer.
  @Test func aLongerHookAddsToTheManifests() throws {
    var w = ReplayTests.slowWatch()
    for index in w.file.objects.indices {
      guard case .pod(var pod) = w.file.objects[index], pod.metadata.name == "web-0" else { continue }
      pod.spec.containers[0].preStop = .command(.seconds(1))
      w.file.objects[index] = .pod(pod)
    }
    func signal() throws -> SimTime? {
      try w.run().events.first { $0.object == "pod/default/web-0" && $0.action == "SIGTERM" }?.time
    }
    let before = try #require(try signal())
    w.file = Counterfactual(.longerPreStop(.seconds(2))).changed(w.file)
    let after = try #require(try signal())
    #expect(after - before == .seconds(2) && w.file.servers[0].preStop == nil)
  }

  /// A hook that is longer than the grace period would be cut short by it.
  @Test func theGracePeriodGrowsWithTheHook() throws {
    var w = ReplayTests.slowWatch()
    w.file.servers[0].preStop = .seconds(2)
    let changed = Counterfactual(.longerPreStop(.seconds(30))).changed(w.file)
    #expect(changed.servers[0].preStop == .seconds(32))
    for case .pod(let pod) in changed.objects { #expect(pod.spec.terminationGracePeriod == .seconds(60)) }
    #expect(changed.contentHash != w.file.contentHash)
  }
}
