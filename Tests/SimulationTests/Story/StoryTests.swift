// SPDX-License-Identifier: GPL-3.0-or-later
//
// The story's sums are the ledger's, every loss has its place, and the chain of news of a small world is the
// one that its constant delays make.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

struct StoryTests {
  private static func story(_ file: ScenarioFile) throws -> (story: Story, result: RunResult) {
    try SimulationRun.story(file)
  }

  /// Sentences about sums that do not agree.
  static func faults(_ story: Story, _ result: RunResult) -> [String] {
    var faults: [String] = []
    func expect(_ a: Int, _ b: Int, _ what: String) { if a != b { faults.append("\(what): \(a), \(b)") } }
    func check(_ losses: Story.Losses, _ what: String) {
      for list in [losses.byCause, losses.byService, losses.byClient] {
        expect(list.reduce(0) { $0 + $1.count }, losses.count, what)
      }
    }
    let ledger = result.ledger.reduce(0) { $0 + $1.count }
    expect(story.lost.count, ledger, "lost and the ledger")
    let placed = story.incidents.reduce(0) { $0 + $1.losses.count } + story.unattributed.count
    expect(placed, ledger, "incidents and the ledger")
    for (name, count) in story.lost.byCause {
      expect(result.ledger.reduce(0) { $0 + ($1.cause.rawValue == name ? $1.count : 0) }, count, name)
      let told = (story.incidents.map(\.losses) + [story.unattributed]).reduce(0) { sum, losses in
        sum + losses.byCause.reduce(0) { $0 + ($1.name == name ? $1.count : 0) }
      }
      expect(told, count, "\(name) in incidents")
    }
    for incident in story.incidents {
      check(incident.losses, incident.title)
      expect(incident.strands.reduce(0) { $0 + $1.losses.count }, incident.losses.count, incident.title)
      for strand in incident.strands {
        check(strand.losses, strand.title)
        expect(strand.steps.reduce(0) { $0 + $1.lostUntilNext.count }, strand.losses.count, strand.title)
        let times = strand.steps.map(\.time)
        if times != times.sorted() { faults.append("\(strand.title): steps out of order") }
        if times.contains(where: { $0 < incident.time }) { faults.append("\(strand.title): before it began") }
      }
    }
    let costs = story.incidents.map(\.losses.count)
    if costs != costs.sorted(by: >) { faults.append("incidents are not in order of cost") }
    return faults
  }

  @Test(arguments: UInt64(1)...40) func theSumsAreTheLedgers(_ seed: UInt64) throws {
    var file = RandomWorldTests.world(seed).file
    file.report.lostConnectionsMax = 3
    let (story, result) = try Self.story(file)
    #expect(story.lost.count > 0)
    #expect(Self.faults(story, result) == [])
    for text in [story.text(width: 110), story.text(strandsMax: .max), story.markdown()] {
      #expect(!text.isEmpty)
    }
    #expect(story.text().split(separator: "\n").allSatisfy { $0.count <= 110 })
  }

  /// Deletion at 3.05 s, SIGTERM and end 10 ms later, slice after 10 ms, watch 3 s, sync 50 ms on both nodes.
  @Test func theChainOfADeletionIsThatOfItsDelays() throws {
    let (story, result) = try Self.story(ReplayTests.slowWatch().file)
    #expect(Self.faults(story, result) == [])
    #expect(story.incidents.count == 1 && story.unattributed.count == 0)
    let incident = story.incidents[0]
    #expect(incident.title == "pod default/web-0 deleted")
    #expect(incident.time == .zero + .milliseconds(3050))
    #expect(incident.strands.map(\.title) == ["pod default/web-0 on node-1"])
    let steps = incident.strands[0].steps
    func at(_ words: String) -> Int64? {
      steps.first { $0.what.contains(words) }.map { ($0.time - incident.time).nanoseconds / 1_000_000 }
    }
    #expect(at("deletion asked for") == 0)
    #expect(at("SIGTERM") == 10)
    #expect(at("its process has ended") == 10)
    #expect(at("EndpointSlice of default/web written, 10ms after the API knew") == 10)
    #expect(at("the first of 2 tables has it for default/web") == 3060)
    #expect(at("(watch 3s, wait 0, sync 50ms)") == 3060)
    #expect(at("the last of 2 tables has it") == 3060)
    // All of them between the slice and the tables.
    let inGap = steps.filter { $0.time < incident.time + .milliseconds(3060) }
    #expect(inGap.reduce(0) { $0 + $1.lostUntilNext.count } == result.lostCount)
    #expect(result.lostCount > 5)
  }

  /// What an action must be told as, and that its losses are led back to it.
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var title: String
    var causes: Set<Cause>
    var build: @Sendable () -> SmallWorld
  }

  private static func plain(_ action: ClusterAction, _ change: (inout SmallWorld) -> Void = { _ in })
    -> SmallWorld
  {
    var w = CauseCase.base(web: [1, 1])
    w.serve()
    w.file.network.deadPodIP = .reset
    w.file.cluster.timing.proxyWatch = .constant(1)
    w.at(3.05, action)
    w.addClient(every: 0.05) { $0.connectTimeout = .seconds(1) }
    change(&w)
    return w
  }

  private static func deployment() -> Workload {
    var template = PodSpec()
    var container = Container(name: "c")
    container.ports = [ContainerPort(containerPort: 8080)]
    template.containers = [container]
    template.nodeName = nil
    var deployment = Workload(
      kind: .deployment, metadata: ObjectMeta(name: "web"), selector: LabelSelector(["app": "web"]),
      templateLabels: ["app": "web"], template: template)
    deployment.replicas = 3
    return deployment
  }

  private static func deployed(_ action: ClusterAction) -> SmallWorld {
    var w = SmallWorld(nodes: 3, duration: .seconds(15))
    w.add(.workload(deployment()))
    w.addService()
    w.serve()
    w.file.network.deadPodIP = .reset
    w.file.cluster.timing.proxyWatch = .constant(1)
    w.at(3.05, action)
    w.addClient(every: 0.02) { $0.connectTimeout = .seconds(1) }
    return w
  }

  static let cases: [Case] = [
    Case(testDescription: "crash of a pod", title: "pod default/web-0 crashed", causes: [.staleAPI]) {
      plain(.podCrash(.web(0)))
    },
    Case(testDescription: "power loss", title: "node node-1 lost power", causes: [.staleAPI]) {
      plain(.nodeCrash(.named("node-1"), returnAfter: nil, newAddress: nil))
    },
    Case(
      testDescription: "new address", title: "node node-1 changed its address, 172.18.0.3 -> 172.18.0.99",
      causes: [.staleRoute]
    ) { plain(.nodeAddressChange(.named("node-1"), newAddress: IPv4Address("172.18.0.99")!)) },
    Case(testDescription: "cut", title: "node/node-0 - node/node-1 partitioned", causes: [.partition]) {
      plain(.partition(LinkTarget(from: .node("node-0"), to: .node("node-1")), duration: .constant(3)))
    },
    Case(testDescription: "rollout", title: "rollout of default/web", causes: [.staleTable]) {
      deployed(.rollout(SmallWorld.web))
    },
    Case(testDescription: "scaling", title: "default/web scaled 3 -> 1", causes: [.staleTable]) {
      deployed(.scale(SmallWorld.web, replicas: 1))
    },
    Case(testDescription: "drain", title: "node node-1 drained", causes: [.staleTable]) {
      deployed(.nodeDrain(.named("node-1")))
    },
    Case(
      testDescription: "another proxy mode", title: "kube-proxy of node-0 told to run nftables",
      causes: [.staleTable]
    ) {
      var w = MigrationRunTests.world(from: .iptables, to: .nftables)
      w.addClient { $0.connectTimeout = .seconds(2) }
      return w
    },
  ]

  @Test(arguments: cases) func lossesAreLedBackToWhatTheScenarioDid(_ world: Case) throws {
    let (story, result) = try Self.story(world.build().file)
    #expect(Self.faults(story, result) == [])
    #expect(story.unattributed.count == 0)
    let costly = story.incidents.filter { $0.losses.count > 0 }
    #expect(costly.map(\.title) == [world.title])
    let causes = Set(result.lost.map(\.cause))
    #expect(causes.isSuperset(of: world.causes), "\(result.failures)")
  }

  @Test func whatNothingCausedIsAttributedToNothing() throws {
    var w = CauseCase.base()
    w.serve { $0.serviceTime = .constant(2) }
    w.addClient { $0.requestTimeout = .seconds(1) }
    let (story, result) = try Self.story(w.file)
    #expect(result.lostCount > 0 && story.unattributed.count == result.lostCount)
    #expect(story.text().contains("nothing in particular"))
  }

  @Test func aRunWithoutLossSaysSo() throws {
    var w = CauseCase.base()
    w.serve()
    w.addClient()
    let (story, _) = try Self.story(w.file)
    #expect(story.answer.hasPrefix("None of 9"))
    #expect(story.json.document.contains("\"incidents\": []"))
  }
}
