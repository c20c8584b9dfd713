// SPDX-License-Identifier: GPL-3.0-or-later
//
// One connection again: the run is the same run, and a change changes what it should.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

struct ReplayTests {
  /// A pod leaves, and the client's node hears of it three seconds later.
  static func slowWatch(_ mode: ProxyMode = .iptables) -> SmallWorld {
    var w = CauseCase.base(web: [1, 1])
    w.serve()
    w.file.cluster.timing.proxyWatch = .constant(3)
    w.file.network.deadPodIP = .reset
    w.at(3.05, .podDelete(.web(0)))
    w.addClient()
    if mode != .iptables { w.file.setMode(of: mode) }
    return w
  }

  private static func replay(
    _ file: ScenarioFile, _ id: String, _ changes: [Counterfactual.Change] = []
  ) throws -> Replay {
    let list = changes.map { change in
      let counterfactual = Counterfactual(change)
      return (counterfactual, counterfactual.changed(file))
    }
    return try Replay.run(ConnectionID(id)!, of: file, with: list)
  }

  @Test(arguments: UInt64(1)...8) func followingAConnectionChangesNothing(_ seed: UInt64) throws {
    let world = RandomWorldTests.world(seed)
    let plain = try world.run()
    for row in [plain.lost.first, plain.lost.last].compactMap({ $0 }) {
      var followed = try World.make(world.file, replication: 0)
      try followed.run(
        following: ConnectionID(row.id)!, hasFreshTables: false, toTheEnd: true, observer: nil)
      #expect(followed.digest.value == plain.digest)
      #expect(followed.brokenInvariants() == [])
      let seen = followed.following!.end
      #expect(seen?.outcome == row.outcome)
      #expect(seen?.row?.cause == row.cause)
      #expect(seen?.at == row.end)
    }
  }

  @Test(arguments: ProxyMode.allCases) func aFreshTableSavesWhatAStaleOneLost(_ mode: ProxyMode) throws {
    let file = Self.slowWatch(mode).file
    let lost = try Self.slowWatch(mode).run().lost.filter { $0.cause == .staleTable }
    #expect(lost.count > 5)
    for row in lost.prefix(4) {
      let all = try Self.replay(file, row.id, [.freshTable, .freshTables, .longerPreStop(.seconds(5))])
      #expect(all.asItWas.cause == .staleTable && all.asItWas.backend == "default/web-0")
      // What a packet meets in ipvs mode is more than a table; see `lendFreshTables`.
      let expected: [Bool] = [mode != .ipvs, true, true]
      #expect(all.changed.map(\.isSaved) == expected)
      for item in all.changed where item.isSaved == true {
        #expect(item.connection.outcome == .completed)
        let isHook = item.change.name == "preStop+5s"
        #expect(item.connection.backend == "default/web-1" || isHook)
      }
    }
  }

  /// A look-up has a connection of its own, which is neither the attempt's nor its end.
  @Test func theStepsTellTheLookUp() throws {
    let notTold = CauseCase.all.first { $0.testDescription.contains("CoreDNS has not been told of") }
    let world = try #require(notTold).build()
    let lost = try world.run().lost
    let replay = try Self.replay(world.file, try #require(lost.first).id, [.freshTable])
    let seen = replay.asItWas
    #expect(seen.outcome == .dnsFailed && seen.cause == .staleDNS)
    let words = seen.steps.map(\.what)
    #expect(words.contains { $0.contains("asks udp") && $0.contains("web.default.svc.cluster.local") })
    #expect(words.contains { $0.contains("DNAT") && $0.contains("kube-system/coredns-0") })
    #expect(words.contains { $0.hasPrefix("DNS answer") })
    #expect(!words.contains { $0.contains("opens") || $0.contains("connection is open") })
  }

  @Test func theStepsTellTheWay() throws {
    let file = Self.slowWatch().file
    let lost = try Self.slowWatch().run().lost.filter { $0.cause == .staleTable }
    let replay = try Self.replay(file, lost[0].id, [.freshTable])
    let words = replay.asItWas.steps.map(\.what)
    #expect(words.first?.contains("pod default/client-0 opens tcp") ?? false)
    #expect(
      words.contains {
        $0.contains("DNAT") && $0.contains("(default/web-0 on node-1), one of 2 candidates")
          && $0.contains("in 1 Service; a fresh one would not offer this endpoint")
      })
    #expect(words.contains { $0.contains("no pod has") })
    #expect(words.last?.contains("RST") ?? false)
    #expect(replay.asItWas.lags?.watch == .seconds(3))
    let text = replay.text(showsSteps: true)
    #expect(text.contains("because of stale_table: a fresh table on node-0 would have saved it"))
    #expect(text.contains("with fresh-table: completed on default/web-1 in "))
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 110 })
    #expect(replay.json.document.contains("\"saved\": true"))
  }

  @Test func aConnectionThatWasNotLostIsReplayedAsWell() throws {
    let replay = try Self.replay(Self.slowWatch().file, "client-0-0/0/0", [.mode(.nftables)])
    #expect(replay.asItWas.outcome == .completed)
    #expect(replay.changed[0].connection.outcome == .completed)
    #expect(replay.changed[0].isSaved == nil)
    #expect(replay.asItWas.steps.last?.what.hasPrefix("response") ?? false)
  }

  @Test func aSilentLossShowsEachRetransmission() throws {
    var w = Self.slowWatch()
    w.file.network.deadPodIP = .blackhole
    let lost = try w.run().lost.filter { $0.outcome == .connectTimeout }
    let replay = try Self.replay(w.file, lost[0].id)
    let again = replay.asItWas.steps.filter { $0.what.contains("sends its SYN again") }
    #expect(again.count >= 2)
    #expect(again[0].time - replay.asItWas.start == .seconds(1))
  }

  @Test(arguments: [
    ("client-7/0/0", "there is no client-7"), ("client-0/100000/0", "made operations 0 to"),
    ("client-0/0/3", "had no attempt 3"), ("clint-0/0/0", "no client is named clint"),
  ]) func anUnknownConnectionIsRefusedWithWhatIsKnown(_ id: String, _ words: String) throws {
    var w = Self.slowWatch()
    w.file.clients[0].name = "client"
    let error = #expect(throws: ReplayError.self) { try Self.replay(w.file, id) }
    #expect(error?.description.contains(words) ?? false, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("fresh table", "fresh-table"), ("fresh tables", "fresh-tables"), ("mode=nftables", "nftables"),
    ("preStop=+5s", "preStop+5s"), ("drain", "drain"), ("drain=10s", "drain=10s"),
    ("cluster.proxy.minSyncPeriod=0s", "cluster.proxy.minSyncPeriod=0s"),
  ]) func everyFormOfAChangeIsUnderstood(_ text: String, _ name: String) {
    #expect(Counterfactual(text)?.name == name)
  }

  @Test(arguments: ["", "=", "faster", "mode=ipchains", "preStop=5", "preStop=+soon", "drain=x"])
  func whatIsNoChangeIsNoChange(_ text: String) { #expect(Counterfactual(text) == nil) }

  @Test func idsAreReadAsTheyAreWritten() {
    for text in ["frontend-0/17/0", "a-b-3/4/2", "x/y-12/0/0"] {
      #expect(ConnectionID(text)?.description == text)
    }
    for text in ["", "frontend", "frontend/1/0", "frontend-0/1", "-0/1/0", "frontend-x/1/0"] {
      #expect(ConnectionID(text) == nil)
    }
  }
}
