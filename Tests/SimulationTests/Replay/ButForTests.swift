// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: the cause is the part that would have saved the connection. Method: random small clusters in churn;
// lost connections are replayed with exactly the part that is blamed made fresh, and whole runs with that
// part fresh must not find its cause at all.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

/// Twelve seconds of a small Service whose pods and nodes come and go.
private struct Churn {
  var stream: RandomStream
  var world: SmallWorld

  init(_ seed: UInt64, mode: ProxyMode? = nil) {
    stream = RandomStream(
      key: RandomKey(seed: seed, replication: 0, purpose: RandomPurpose("churn"), entity: 0))
    world = SmallWorld(nodes: 3, duration: .seconds(12))
    world.file.seed = seed
    world.file.network.deadPodIP = pick(DeadAddressAnswer.allCases)
    world.file.cluster.timing.proxyWatch = pick([.constant(0.01), .uniform(low: 0, high: 1), .constant(1.5)])
    world.file.cluster.timing.proxySync = pick([.constant(0.05), .uniform(low: 0, high: 1)])
    world.file.cluster.timing.podStart = .constant(0.2)
    world.addWeb(on: [0, 1, 2, 1])
    world.addService()
    world.serve()
    for node in 0..<3 {
      world.addClient(on: node, every: 0.07 + 0.01 * Double(node)) {
        $0.connectTimeout = .milliseconds(1500)
        $0.requestTimeout = .milliseconds(700)
      }
    }
    world.file.setMode(of: mode ?? pick([.iptables, .nftables, .ebpf]))
  }

  mutating func below(_ n: Int) -> Int { Int(stream.below(UInt64(n))) }
  mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }
  mutating func time() -> Double { 1 + 0.001 * Double(below(9000)) }

  /// The API knows of all of it at once.
  mutating func addDeletions() {
    let order = pick([[0, 1, 2], [2, 0, 3], [3, 1, 0]])
    for (i, pod) in order.enumerated() {
      world.at(1.5 + 2.5 * Double(i) + 0.001 * Double(below(1000)), .podDelete(.web(pod)))
    }
  }

  mutating func addAnything() {
    for _ in 0..<8 {
      let node = NodeTarget.named("node-\(below(3))")
      let link = LinkTarget(from: .node("node-\(below(3))"), to: pick([.anyNode, .controlPlane]))
      switch below(8) {
      case 0, 1: world.at(time(), .podDelete(.web(below(4))))
      case 2: world.at(time(), .podCrash(.web(below(4))))
      case 3: world.at(time(), .podUnready(.web(below(4)), duration: .constant(1)))
      case 4: world.at(time(), .nodeCrash(node, returnAfter: .constant(1), newAddress: nil))
      case 5: world.at(time(), .proxyRestart(node))
      case 6: world.at(time(), .partition(link, duration: .constant(1)))
      default:
        world.at(time(), .linkDegrade(link, delay: nil, loss: 0.5, duration: .constant(1)))
      }
    }
  }
}

struct ButForTests {
  private static func fresh(_ file: ScenarioFile, _ id: String) throws -> ReplayedConnection {
    let change = Counterfactual(.freshTable)
    return try Replay.run(ConnectionID(id)!, of: file, with: [(change, file)]).changed[0].connection
  }

  @Test(arguments: UInt64(1)...60) func aStaleTableIsToBlameAndNothingElse(_ seed: UInt64) throws {
    var churn = Churn(seed)
    churn.addDeletions()
    let lost = try churn.world.run().lost.filter { $0.cause == .staleTable || $0.cause == .tableSwap }
    for row in [lost.first, lost.last].compactMap({ $0 }) {
      let again = try Self.fresh(churn.world.file, row.id)
      #expect(again.outcome == .completed, "\(row.id): \(again.sentence)")
    }
  }

  @Test(arguments: UInt64(1)...100) func withFreshTablesNoTableIsStale(_ seed: UInt64) throws {
    var churn = Churn(seed, mode: ProxyMode.allCases[Int(seed % 4)])
    churn.addAnything()
    let before = try churn.world.run()
    churn.world.file.proxiesProgramAtOnce = true
    let after = try churn.world.run()
    #expect(after.count(.staleTable) == 0 && after.count(.tableSwap) == 0, "\(after.failures)")
    #expect(after.arrivalDigest == before.arrivalDigest)
    #expect(after.staleness.allSatisfy { $0.servicesWrong == 0 || $0.age == .zero })
  }

  /// In any churn a fresh table at least passes the blame on.
  @Test(arguments: UInt64(1)...60) func aFreshTableIsNeverToBlame(_ seed: UInt64) throws {
    var churn = Churn(seed)
    churn.addAnything()
    let lost = try churn.world.run().lost.filter { $0.cause == .staleTable || $0.cause == .tableSwap }
    for row in [lost.first, lost.last].compactMap({ $0 }) {
      let again = try Self.fresh(churn.world.file, row.id)
      #expect(again.exists && again.cause != .staleTable && again.cause != .tableSwap, "\(row.id)")
    }
  }

  /// An answer by another Service's pod is blamed on the reuse of the address by convention (World+Causes).
  static let notTheTables = CauseCase.all.filter {
    $0.cause != .staleTable && $0.cause != .tableSwap && $0.cause != .ipReused
  }

  /// If a fresh table saved it, the table would have been the first part that does.
  @Test(arguments: notTheTables) func aFreshTableSavesNothingThatIsBlamedOnOthers(_ world: CauseCase) throws {
    let small = world.build()
    let rows = try small.run().lost
    for row in [rows.first, rows.last].compactMap({ $0 }) {
      let again = try Self.fresh(small.file, row.id)
      #expect(again.exists && again.isLost && again.cause == row.cause, "\(row.id): \(again.sentence)")
    }
  }

  /// A part that can be taken away, and the causes that must go with it.
  struct Remedy: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var causes: Set<Cause>
    var apply: @Sendable (inout ScenarioFile) -> Void
    static let all: [Remedy] = [
      Remedy(testDescription: "no path is cut", causes: [.partition]) { file in
        file.events.removeAll { if case .partition = $0.action { true } else { false } }
      },
      Remedy(testDescription: "no path loses packets", causes: [.networkLoss]) { file in
        file.events.removeAll { if case .linkDegrade = $0.action { true } else { false } }
      },
      Remedy(testDescription: "no node goes down", causes: [.nodeDown]) { file in
        file.events.removeAll { if case .nodeCrash = $0.action { true } else { false } }
      },
      Remedy(testDescription: "no process crashes", causes: [.serverCrashed]) { file in
        file.events.removeAll {
          switch $0.action {
          case .podCrash, .nodeCrash: true
          default: false
          }
        }
      },
    ]
  }

  @Test(arguments: Remedy.all, UInt64(1)...15)
  func withoutWhatIsBlamedNobodyIsBlamedForIt(_ remedy: Remedy, _ seed: UInt64) throws {
    var churn = Churn(seed)
    churn.addAnything()
    let before = try churn.world.run()
    var changed = churn.world.file
    remedy.apply(&changed)
    let rows = before.lost.filter { remedy.causes.contains($0.cause) }
    guard let row = rows.first else { return }
    let replay = try Replay.run(
      ConnectionID(row.id)!, of: churn.world.file, with: [(Counterfactual(.edits(["test"])), changed)])
    let again = replay.changed[0].connection
    #expect(again.cause.map { !remedy.causes.contains($0) } ?? true, "\(row.id): \(again.sentence)")
  }

  /// With an API that knows at once and tables that follow at once, no pod is chosen that does not serve.
  @Test(arguments: UInt64(1)...30) func withAnInstantAPINothingIsStale(_ seed: UInt64) throws {
    var churn = Churn(seed)
    for i in 0..<4 { churn.world.at(1 + 2 * Double(i) + 0.3, .podCrash(.web(i))) }
    churn.world.file.cluster.timing.kubeletStatus = .constant(0)
    churn.world.file.cluster.timing.endpointController = .constant(0)
    churn.world.file.proxiesProgramAtOnce = true
    let after = try churn.world.run()
    #expect(after.count(.staleAPI) == 0 && after.count(.staleTable) == 0, "\(after.failures)")
  }
}
