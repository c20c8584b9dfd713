// SPDX-License-Identifier: GPL-3.0-or-later
//
// TCP and UDP as a client feels them: SYN schedules, retries, pools, keepalive, who sees which source
// address.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import SimStatistics
import Testing
import Traffic

@testable import Simulation

extension World {
  /// Runs up to an instant, for a look inside.
  mutating func advance(to time: SimTime) {
    while let next = queue.nextTime(), next <= time, let entry = queue.popMin() {
      now = SimTime(nanoseconds: entry.time)
      handle(entry.event)
    }
  }
}

struct TransportTests {
  // MARK: SYN schedule

  struct Schedule: Sendable {
    var linear: Int
    /// Seconds after the first SYN.
    var times: [Int64]
  }
  static let schedules = [
    Schedule(linear: 4, times: [1, 2, 3, 4, 5, 7, 11, 19, 35, 67]),
    Schedule(linear: 0, times: [1, 3, 7, 15, 31, 63]),
  ]

  @Test(arguments: schedules) func sayingNothingToSynsIsAnsweredBySyns(_ schedule: Schedule) throws {
    for (i, time) in schedule.times.enumerated() {
      // Just before the (i + 2)-th SYN, and just after it.
      for (timeout, syns) in [(time * 1000 - 1, i + 1), (time * 1000 + 1, i + 2)] {
        var w = SmallWorld(nodes: 1, duration: .seconds(2))
        w.addOutsideClient(to: .address(IPv4Address("192.0.2.99")!, port: 80)) {
          $0.arrivals = .trace([.zero + .seconds(1)])
          $0.connectTimeout = .milliseconds(timeout)
          $0.synLinearTimeouts = schedule.linear
        }
        let result = try w.run()
        #expect(result.packets == syns)
        #expect(result.lost.map(\.outcome) == [.connectTimeout])
        #expect(result.lost[0].end - result.lost[0].start == .milliseconds(timeout))
      }
    }
  }

  @Test func aTimerOfTheHandshakeDoesNotDelayTheRequestTimeout() throws {
    // SYNs at 1, 2, 4 and 8 s get lost or through as the partition says; the fourth opens the connection,
    // when a timer for 16 s is pending.
    var w = SmallWorld(duration: .seconds(2))
    w.addWeb(on: [1])
    w.addService()
    w.serve { $0.serviceTime = .constant(100) }
    let link = LinkTarget(from: .node("node-0"), to: .node("node-1"))
    w.at(0.5, .partition(link, duration: .constant(7)))
    w.addClient {
      $0.arrivals = .trace([.zero + .seconds(1)])
      $0.connectTimeout = .seconds(60)
      $0.requestTimeout = .seconds(1)
      $0.synLinearTimeouts = 0
    }
    let result = try w.run()
    #expect(result.lost.map(\.cause) == [.serverTimeout])
    #expect(abs((result.lost[0].end - result.lost[0].start).seconds - 8) < 0.01)
  }

  // MARK: Retries

  @Test func backOffDoublesUpToItsMaximum() throws {
    var w = SmallWorld(nodes: 1, duration: .seconds(2))
    w.addOutsideClient(to: .address(IPv4Address("192.0.2.99")!, port: 80)) {
      $0.arrivals = .trace([.zero + .seconds(1)])
      $0.connectTimeout = .milliseconds(500)
      $0.retry.limit = 5
      $0.retry.backoff = .constant(1)
      $0.retry.max = .seconds(6)
    }
    let result = try w.run()
    // 0.5 s of each attempt, then 1, 2, 4, 6, 6 s.
    #expect(result.lost.map { ($0.start - SimTime.zero).seconds } == [1, 2.5, 5, 9.5, 16, 22.5])
    #expect(result.operations == 1 && result.operationsLost == 1 && result.retries == 5)
  }

  @Test func retriesUntilSuccessAreGeometric() throws {
    var w = SmallWorld(duration: .seconds(5))
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    w.file.network.loss = 0.1
    w.addClient(every: 0.002) {
      // One SYN and one request per attempt: all four packets must get through.
      $0.connectTimeout = .milliseconds(100)
      $0.requestTimeout = .milliseconds(100)
      $0.retry.limit = 100
      $0.retry.backoff = .constant(0.01)
      $0.retry.factor = 1
    }
    let result = try w.run()
    #expect(result.operationsLost == 0)
    let n = Double(result.operations)
    let p = 0.9 * 0.9 * 0.9 * 0.9
    #expect(result.operations == 2499)
    let sd = ((1 - p) / (p * p) * n).squareRoot()
    #expect(abs(Double(result.attempted) - n / p) < 4 * sd)
    #expect(result.attempted == result.operations + result.retries)
  }

  // MARK: Pools

  private func pooled(
    _ change: (inout SmallWorld) -> Void = { _ in }, _ client: (inout ClientSettings) -> Void
  )
    throws -> (opened: Int, RunResult)
  {
    var w = SmallWorld()
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    change(&w)
    w.addClient(every: 0.5, client)
    let result = try w.run()
    return (result.latency.first { $0.phase == .connect }.map { Int($0.histogram.count) } ?? 0, result)
  }

  @Test func aPoolOpensOneConnectionForOperationsInTurn() throws {
    let (opened, result) = try pooled { $0.connections = .pool(size: 4, idleTimeout: nil, maxAge: nil) }
    #expect(opened == 1)
    #expect(result.count(.completed) == 19 && result.lostCount == 0)
  }

  @Test func withoutAPoolEveryOperationOpensOne() throws {
    let (opened, result) = try pooled { _ in }
    #expect(opened == 19 && result.count(.completed) == 19)
  }

  @Test func idleTimeoutClosesWhatIsIdleForLonger() throws {
    #expect(
      try pooled { $0.connections = .pool(size: 4, idleTimeout: .milliseconds(400), maxAge: nil) }.opened
        == 19)
    #expect(
      try pooled { $0.connections = .pool(size: 4, idleTimeout: .milliseconds(600), maxAge: nil) }.opened == 1
    )
  }

  @Test func maxAgeReplacesOldConnections() throws {
    // Operations at 0.5, 1.0, …, 9.5 s; a connection is closed after the first one that ends after 2 s of
    // age.
    let (opened, result) = try pooled {
      $0.connections = .pool(size: 4, idleTimeout: nil, maxAge: .seconds(2))
    }
    #expect(opened == 4 && result.lostCount == 0)
  }

  @Test func aPoolIsNeverLargerThanItsSize() throws {
    let (opened, result) = try pooled({ $0.file.servers[0].serviceTime = .constant(2) }) {
      $0.connections = .pool(size: 2, idleTimeout: nil, maxAge: nil)
    }
    #expect(opened == 2 && result.count(.completed) == 19 && result.lostCount == 0)
  }

  @Test(arguments: [true, false]) func keepaliveFindsADeadConnectionBeforeTheNextOperation(_ isOn: Bool)
    throws
  {
    // The server closes at 4.5 s, behind a partition.
    let (_, result) = try pooled({
      $0.file.servers[0].idleTimeout = .milliseconds(2500)
      let link = LinkTarget(from: .node("node-0"), to: .node("node-1"))
      $0.at(3.05, .partition(link, duration: .constant(3)))
    }) {
      $0.arrivals = .trace([2, 8].map { .zero + .seconds($0) })
      $0.connections = .pool(size: 1, idleTimeout: nil, maxAge: nil)
      if isOn { $0.keepalive = .seconds(2) }
    }
    #expect(result.failures == (isOn ? [] : ["reset/idle_timeout: 1"]))
  }

  // MARK: The client's own end

  @Test(arguments: [true, false]) func attemptsOfAClientThatGoesAreNeitherLostNorCompleted(_ isPooled: Bool)
    throws
  {
    var w = SmallWorld()
    w.addWeb(on: [1])
    w.addService()
    w.serve { $0.serviceTime = .constant(1) }
    w.at(3.05, .nodeCrash(.named("node-0"), returnAfter: .constant(0), newAddress: nil))
    w.addClient {
      $0.stop = .zero + .seconds(4)
      if isPooled { $0.connections = .pool(size: 20, idleTimeout: nil, maxAge: nil) }
    }
    let result = try w.run()
    #expect(result.count(.clientGone) == 10)
    #expect(result.lostCount == 0)
  }

  @Test func aNodesOwnConnectionsEndWithItsAddress() throws {
    var w = SmallWorld()
    w.addWeb(on: [1])
    w.addService()
    w.serve { $0.serviceTime = .constant(1) }
    w.at(3.05, .nodeAddressChange(.named("node-0"), newAddress: IPv4Address("172.18.0.99")!))
    w.addClient { $0.place = .nodes(["node-0"]) }
    let result = try w.run()
    #expect(result.failures == ["broken/node_address_changed: 10"])
  }

  // MARK: What the server sees

  struct Vantage: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// The source address at the server.
    var sees: String
    /// The source port is the client's own.
    var keepsPort: Bool
    var build: @Sendable (inout SmallWorld) -> Void
    init(
      _ name: String, sees: String, keepsPort: Bool, _ build: @escaping @Sendable (inout SmallWorld) -> Void
    ) {
      testDescription = name
      self.sees = sees
      self.keepsPort = keepsPort
      self.build = build
    }
  }

  /// node-0: 172.18.0.2, pods 10.244.0.0/24; node-1: 172.18.0.3, pods 10.244.1.0/24, where web-0 is.
  static let vantages: [Vantage] = [
    Vantage("a pod, by cluster IP", sees: "10.244.0.2", keepsPort: true) {
      $0.addService()
      $0.addClient()
    },
    Vantage("a node, by cluster IP: masqueraded", sees: "172.18.0.2", keepsPort: false) {
      $0.addService()
      $0.addClient { $0.place = .nodes(["node-0"]) }
    },
    Vantage("the pod itself, by cluster IP: sees its gateway", sees: "10.244.1.1", keepsPort: false) {
      $0.addService()
      $0.addClient { $0.place = .pods(namespace: "default", labels: ["app": "web"]) }
    },
    Vantage("an outside host, by another node's NodePort", sees: "172.18.0.2", keepsPort: false) {
      $0.addService { $0.type = "NodePort" }
      $0.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"))
    },
    Vantage("an outside host, by the pod's node's NodePort", sees: "10.244.1.1", keepsPort: false) {
      $0.addService { $0.type = "NodePort" }
      $0.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-1"))
    },
    Vantage("an outside host, with externalTrafficPolicy Local", sees: "203.0.113.10", keepsPort: true) {
      $0.addService {
        $0.type = "NodePort"
        $0.externalTrafficPolicy = "Local"
      }
      $0.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-1"))
    },
    Vantage("a pod, by another node's NodePort: leaves the pod network", sees: "10.244.1.1", keepsPort: false)
    {
      $0.addService { $0.type = "NodePort" }
      $0.addClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-1"))
    },
  ]

  @Test(arguments: vantages) func theServerSeesTheRightSource(_ vantage: Vantage) throws {
    var w = SmallWorld()
    w.addWeb(on: [1])
    w.serve { $0.serviceTime = .constant(1) }
    vantage.build(&w)
    w.file.clients[0].arrivals = .trace([.zero + .seconds(1)])
    var world = try World.make(w.file, replication: 0)
    world.advance(to: .zero + .milliseconds(1500))
    let served = (0..<UInt32(world.connections.used)).map { world.connections[$0].pointee }
    try #require(served.count == 1 && served[0].isBeingServed)
    #expect(served[0].serverTuple.source.description == vantage.sees)
    #expect((served[0].serverTuple.sourcePort == served[0].tuple.sourcePort) == vantage.keepsPort)
    #expect(served[0].serverTuple.sourcePort >= 1024)
    #expect(served[0].serverTuple.destination.description == "10.244.1.2")
    // The answer finds its way back through all translations.
    try world.run(observer: nil)
    #expect(world.result(variant: "base").count(.completed) == 1)
    #expect(world.brokenInvariants() == [])
  }

  // MARK: Load spread

  @Test func uniformSpreadIsNotRejectedMoreOftenThanItShould() throws {
    var w = SmallWorld()
    w.addWeb(on: [0, 1, 1, 0])
    w.addService()
    w.serve()
    w.addClient(every: 0.02)
    let pValues = try (0..<40).map { try #require(try w.run(replication: UInt32($0)).spread.first?.pValue) }
    // Under the hypothesis uniform on (0, 1): the mean of 40 has the standard deviation 0.046.
    let mean = pValues.reduce(0, +) / 40
    #expect(abs(mean - 0.5) < 4 * 0.0456)
    // Binomial(40, 0.05): more than 8 has a probability below 10⁻⁴.
    #expect(pValues.count { $0 < 0.05 } <= 8)
    #expect(pValues.allSatisfy { $0 > 1e-5 })
  }

  @Test func affinitySticksToOneEndpoint() throws {
    var w = SmallWorld()
    w.addWeb(on: [0, 1, 1, 0])
    w.addService { $0.sessionAffinity = "ClientIP" }
    w.serve()
    w.addClient(every: 0.02)
    let result = try w.run()
    #expect(result.shares.map(\.connections).filter { $0 > 0 } == [499])
    #expect(result.spread.first?.pValue == nil)
  }

  @Test func headlessServicesSpreadByDNS() throws {
    var w = SmallWorld()
    w.addWeb(on: [0, 1, 1, 0])
    w.addService { $0.clusterIP = "None" }
    w.serve()
    w.addClient(every: 0.02)
    let result = try w.run()
    #expect(result.shares.map(\.pod).sorted() == (0..<4).map { "default/web-\($0)" })
    #expect(result.shares.reduce(0) { $0 + $1.connections } == 499)
    #expect(result.shares.reduce(0) { $0 + $1.requests } == 499)
    #expect(result.shares.allSatisfy { $0.expectedConnections == 499.0 / 4 })
    #expect(try #require(result.spread.first?.pValue) > 1e-5)
  }
}
