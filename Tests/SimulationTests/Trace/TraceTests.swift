// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: a trace follows a packet as the run would send it. Method: small worlds in which one thing at a
// time is out of order, traced at instants of which the test knows what every table holds.

import Cluster
import Foundation
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

extension SmallWorld {
  /// The walk of one probe at `seconds`.
  func trace(
    _ from: String, _ to: String, at seconds: Double = 0, _ transport: TransportProtocol = .tcp,
    via: String? = nil
  ) throws -> Trace {
    var session = try TraceSession(file, at: .zero + SimDuration(seconds: seconds))
    return try session.trace(TraceRequest(from: from, to: to, transport: transport, via: via))
  }

  /// `client` on node-0, and `web-0`, `web-1`, … on these nodes behind the Service `web`.
  static func traced(
    web nodes: [Int], nodes count: Int = 2, _ change: (inout ServiceSpec) -> Void = { _ in }
  ) -> SmallWorld {
    var w = SmallWorld(nodes: count)
    w.addWeb(on: nodes)
    w.addService(change)
    w.add(Self.pod("client", app: "client", node: 0, port: nil))
    return w
  }
}

extension Trace {
  fileprivate var pods: [String] { candidates.map { $0.backend.pod ?? "-" } }
  /// Of the first table that the packet meets.
  fileprivate var table: TraceTable? { hops.first { $0.table != nil }?.table }
}

struct TraceTests {
  static let client = "pod/default/client"
  static let service = "svc/default/web:80"

  // MARK: Ways that get through

  @Test func everyEndpointIsACandidateWithItsChance() throws {
    let trace = try SmallWorld.traced(web: [0, 1, 1]).trace(Self.client, Self.service)
    #expect(trace.verdict == .delivered && trace.worst.clientSees == .answer && trace.worst.cause == nil)
    #expect(trace.pods == ["default/web-0", "default/web-1", "default/web-2"])
    #expect(trace.candidates.allSatisfy { abs($0.probability - 1.0 / 3) < 1e-12 && !$0.masquerade })
    #expect(Set(trace.candidates.flatMap(\.sourcesSeen)) == [trace.packet!.tuple.source])
    let components = trace.way(of: trace.outcomes[2]).map(\.component)
    #expect(components == [.dns, .client, .tables, .tables, .server])
    #expect(abs(trace.outcomes.map(\.probability).reduce(0, +) - 1) < 1e-12)
  }

  @Test func aPodThatReachesItselfSeesItsNode() throws {
    let trace = try SmallWorld.traced(web: [0, 1]).trace("pod/default/web-0", Self.service)
    let own = try #require(trace.candidates.first { $0.backend.pod == "default/web-0" })
    let other = try #require(trace.candidates.first { $0.backend.pod == "default/web-1" })
    #expect(own.masquerade && own.sourcesSeen == [IPv4Address("10.244.0.1")!])
    #expect(!other.masquerade && other.sourcesSeen == [trace.packet!.tuple.source])
  }

  @Test func aNodePortOfAnotherNodeSeesTheFirstNodeAsClient() throws {
    let w = SmallWorld.traced(web: [1]) {
      $0.type = "NodePort"
      $0.ports[0].nodePort = 30080
      $0.externalTrafficPolicy = "Local"
    }
    let trace = try w.trace(Self.client, "node/node-1:30080")
    #expect(trace.verdict == .delivered)
    #expect(trace.candidates.map(\.masquerade) == [true])
    #expect(trace.candidates[0].sourcesSeen == [IPv4Address("172.18.0.2")!])
    var plain = w
    plain.file.network.masqueradesPodTraffic = false
    let other = try plain.trace(Self.client, "node/node-1:30080")
    #expect(other.candidates.map(\.masquerade) == [false])
  }

  @Test func aHeadlessServiceIsAnsweredByItsPodsOnTheirOwnPort() throws {
    let w = SmallWorld.traced(web: [0, 1]) { $0.clusterIP = "None" }
    let byPort = try w.trace(Self.client, "svc/default/web:80")
    #expect(byPort.verdict == .rejected && byPort.worst.cause == .portClosed)
    var direct = w
    direct.file.objects.removeAll { if case .service = $0 { true } else { false } }
    direct.addService {
      $0.clusterIP = "None"
      $0.ports[0].port = 8080
    }
    let trace = try direct.trace(Self.client, "svc/default/web:8080")
    #expect(trace.verdict == .delivered && trace.pods == ["default/web-0", "default/web-1"])
    #expect(trace.candidates.allSatisfy { $0.probability == 0.5 })
  }

  @Test func anExternalNameLeadsOutOfTheCluster() throws {
    var w = SmallWorld.traced(web: [0])
    w.add(
      SmallWorld.service("db", app: nil) {
        $0.type = "ExternalName"
        $0.externalName = "db.example.com"
        $0.ports = []
      })
    let lost = try w.trace(Self.client, "svc/default/db:5432")
    #expect(lost.worst.cause == .nameNotFound && lost.worst.clientSees == .unreachable)
    w.file.cluster.dns.records = [
      ExternalRecord(name: "db.example.com", addresses: [IPv4Address("198.51.100.7")!], ttl: .seconds(30))
    ]
    var server = ServerSettings(name: "db", place: .outside([IPv4Address("198.51.100.7")!]))
    server.port = 5432
    w.file.servers.append(server)
    let found = try w.trace(Self.client, "svc/default/db:5432")
    #expect(found.verdict == .delivered)
    #expect(found.candidates.map(\.backend.ip) == [IPv4Address("198.51.100.7")!])
    #expect(found.candidates[0].masquerade, "the pod network hides the pod from the outside")
  }

  @Test func datagramsAreTracedToo() throws {
    var w = SmallWorld(nodes: 2)
    w.addWeb(on: [0, 1], port: 53, transport: "UDP")
    w.add(SmallWorld.service("dns", port: 53, targetPort: 53, transport: "UDP"))
    w.add(SmallWorld.pod("client", app: "client", node: 0, port: nil))
    let trace = try w.trace(Self.client, "svc/default/dns:53", .udp)
    #expect(trace.verdict == .delivered && trace.candidates.count == 2)
    #expect(throws: TraceError.self) { try w.trace(Self.client, "svc/default/dns:53", .tcp) }
  }

  // MARK: The load balancer and routers

  private static var balanced: SmallWorld {
    var w = SmallWorld.traced(web: [0], nodes: 3) { $0.type = "LoadBalancer" }
    w.file.duration = .seconds(60)
    return w
  }

  private static func address(_ w: SmallWorld) throws -> String {
    let view = try SimulationRun.apiView(w.file, at: .zero + .seconds(20))
    let service = try #require(view.services.first { $0.metadata.name == "web" })
    return try #require(service.status.loadBalancerIngress.first?.ip)
  }

  @Test func eachTargetOfTheLoadBalancerIsAWay() throws {
    let w = Self.balanced
    let to = try Self.address(w) + ":80"
    let trace = try w.trace("external/203.0.113.10", to, at: 20)
    #expect(trace.verdict == .delivered)
    #expect(Set(trace.outcomes.map(\.entryNode)) == ["node-0", "node-1", "node-2"])
    let sources = try #require(trace.candidates.first).sourcesSeen
    #expect(sources == ["10.244.0.1", "172.18.0.3", "172.18.0.4"].map { IPv4Address($0)! })
  }

  @Test func viaNamesTheNodeAtWhichItArrives() throws {
    let w = Self.balanced
    let to = try Self.address(w) + ":80"
    let trace = try w.trace("external/203.0.113.10", to, at: 20, via: "node/node-1")
    #expect(trace.outcomes.map(\.entryNode) == ["node-1"])
    #expect(trace.candidates[0].sourcesSeen == [IPv4Address("172.18.0.3")!])
    let idle = try w.trace(Self.client, Self.service, at: 20, via: "node/node-1")
    #expect(idle.notes.contains { $0.contains("plays no part") })
  }

  @Test func outcomesThatDifferAreToldApartAndTheWorstSpeaks() throws {
    let w = SmallWorld.traced(web: [0], nodes: 4) {
      $0.externalIPs = ["198.51.100.20"]
      $0.externalTrafficPolicy = "Local"
    }
    let trace = try w.trace("external/203.0.113.10", "198.51.100.20:80")
    #expect(trace.verdict == .dropped && trace.worst.cause == .localPolicy)
    #expect(trace.worst.clientSees == .silence)
    #expect(abs(trace.verdictShare - 0.75) < 1e-12)
    #expect(trace.candidates.map(\.probability) == [0.25])
    let dropped = trace.droppedOnly
    #expect(dropped.outcomes.count == 3 && dropped.outcomes.allSatisfy { $0.verdict == .dropped })
    #expect(dropped.hops.indices.allSatisfy { dropped.hops[$0].id == $0 })
    #expect(dropped.hops.allSatisfy { $0.component != .server })
    #expect(dropped.outcomes.allSatisfy { dropped.way(of: $0).first?.component == .client })
  }

  // MARK: Tables that lag

  @Test func aStaleTableIsToldWithItsAgeAndWhatAFreshOneWouldDo() throws {
    var w = SmallWorld.traced(web: [1, 1])
    w.file.cluster.timing.proxyWatch = .constant(3)
    w.at(2, .podDelete(.web(0)))
    let before = try w.trace(Self.client, Self.service, at: 1.9)
    #expect(before.verdict == .delivered && before.table?.age == .zero)
    #expect(before.table?.differsFromFresh == false)
    let during = try w.trace(Self.client, Self.service, at: 4)
    let table = try #require(during.table)
    #expect(table.age > .seconds(1) && table.age < .seconds(2) && table.servicesBehind == 1)
    #expect(table.differsFromFresh && table.fresh.count == 1)
    #expect(during.worst.cause == .staleTable && abs(during.verdictShare - 0.5) < 1e-12)
    #expect(during.worst.savedBy == "a fresh table on node-0")
    #expect(during.candidates.map(\.verdict) == [.rejected, .delivered])
    let after = try w.trace(Self.client, Self.service, at: 9)
    #expect(after.verdict == .delivered && after.pods == ["default/web-1"] && after.table?.age == .zero)
  }

  @Test func betweenTwoCommitsThereIsNeitherRejectNorTranslation() throws {
    var w = SmallWorld.traced(web: [])
    // The sync that brings the pod begins at 1.3 s; filter is committed at 2.3 s, nat at 3.3 s.
    w.file.cluster.timing.proxySync = .constant(2)
    w.at(1.05, .apply([SmallWorld.pod("web-0", app: "web", node: 1)]))
    let old = try w.trace(Self.client, Self.service, at: 2)
    #expect(old.verdict == .rejected && old.worst.cause == .staleTable)
    let gap = try w.trace(Self.client, Self.service, at: 2.7)
    #expect(gap.verdict == .notProxied && gap.worst.clientSees == .silence)
    #expect(gap.worst.cause == .tableSwap && gap.table?.isBetweenCommits == true)
    let new = try w.trace(Self.client, Self.service, at: 4)
    #expect(new.verdict == .delivered && new.table?.isBetweenCommits == false)
  }

  // MARK: Ways that end

  @Test func noEndpointsIsRefusedAndToldBack() throws {
    let trace = try SmallWorld.traced(web: []).trace(Self.client, Self.service)
    #expect(trace.verdict == .rejected && trace.worst.clientSees == .refused)
    #expect(trace.worst.cause == .noEndpoints && trace.candidates.isEmpty)
  }

  @Test func aHostWithoutAListenerRefuses() throws {
    let w = SmallWorld.traced(web: [1])
    let node = try w.trace(Self.client, "node/node-1:9999")
    #expect(node.verdict == .notProxied && node.worst.clientSees == .refused)
    #expect(node.worst.cause == .portClosed)
    let pod = try w.trace(Self.client, "pod/default/web-0:9999")
    #expect(pod.verdict == .rejected && pod.worst.clientSees == .refused && pod.worst.cause == .portClosed)
    let wrong = try w.trace(Self.client, "pod/default/web-0")
    #expect(wrong.verdict == .delivered && wrong.pods == ["default/web-0"])
  }

  @Test func aPortThatTheServiceDoesNotHaveIsTracedByItsAddress() throws {
    let w = SmallWorld.traced(web: [1]) { $0.clusterIP = "10.96.0.50" }
    let trace = try w.trace(Self.client, "10.96.0.50:81")
    #expect(trace.verdict == .notProxied && trace.worst.clientSees == .silence)
    #expect(trace.worst.cause == .notProxied)
    let error = #expect(throws: TraceError.self) { try w.trace(Self.client, "svc/default/web:81") }
    #expect(error?.description.contains("it has 80/TCP") == true)
  }

  @Test(arguments: [
    (DeadAddressAnswer.hostUnreachable, ClientView.unreachable), (.reset, .refused), (.blackhole, .silence),
  ])
  func anAddressThatNoPodHasIsAnsweredAsThePodNetworkDoes(_ answer: DeadAddressAnswer, _ view: ClientView)
    throws
  {
    var w = SmallWorld.traced(web: [1])
    w.file.network.deadPodIP = answer
    let trace = try w.trace(Self.client, "10.244.1.200:8080")
    #expect(trace.worst.clientSees == view)
    #expect(trace.verdict == (view == .silence ? .dropped : .rejected))
    #expect(trace.worst.cause == .podTerminated)
  }

  @Test func anAnswerThatDoesNotGetBackIsSilence() throws {
    var w = SmallWorld.traced(web: [1])
    w.file.cluster.timing.routePropagation = .constant(4)
    w.at(1, .nodeAddressChange(.named("node-0"), newAddress: IPv4Address("172.18.0.99")!))
    // The client's node knows its own address; the server's node still sends to the old one.
    let trace = try w.trace(Self.client, Self.service, at: 5)
    #expect(trace.verdict == .dropped && trace.worst.clientSees == .silence)
    #expect(trace.worst.cause == .staleRoute)
    #expect(trace.hops.last?.component == .reply)
    #expect(trace.pods == ["default/web-0"])
  }

  @Test func aPartitionIsSeenInBothDirections() throws {
    var w = SmallWorld.traced(web: [1])
    w.at(1, .partition(LinkTarget(from: .node("node-0"), to: .node("node-1")), duration: nil))
    let trace = try w.trace(Self.client, Self.service, at: 2)
    #expect(trace.verdict == .dropped && trace.worst.cause == .partition)
    let back = try w.trace("pod/default/web-0", "pod/default/client:80", at: 2)
    #expect(back.worst.cause == .partition)
  }

  @Test func aNodeThatIsOffSendsNothing() throws {
    var w = SmallWorld.traced(web: [1])
    w.at(1, .nodeCrash(.named("node-0"), returnAfter: nil, newAddress: nil))
    let trace = try w.trace(Self.client, Self.service, at: 2)
    #expect(trace.verdict == .dropped && trace.worst.cause == .nodeDown)
  }

  // MARK: The run's own state

  @Test func affinityIsTheRunsOwn() throws {
    var w = SmallWorld.traced(web: [0, 1, 1, 1]) { $0.sessionAffinity = "ClientIP" }
    w.serve()
    w.addClient(on: 0)
    let fresh = try w.trace(Self.client, Self.service, at: 5)
    #expect(fresh.candidates.count == 4)
    let known = try w.trace("pod/default/client-0", Self.service, at: 5)
    #expect(known.candidates.count == 1)
    let before = try w.trace("pod/default/client-0", Self.service, at: 0)
    #expect(before.candidates.count == 4)
  }

  @Test func aFlowThatConntrackKnowsAsksNoRule() throws {
    var w = SmallWorld(nodes: 2)
    w.addWeb(on: [1, 1], port: 53, transport: "UDP")
    w.add(SmallWorld.service("web", port: 53, targetPort: 53, transport: "UDP"))
    w.addClient(on: 0, every: 0.5) { $0.transport = .udp }
    var session = try TraceSession(w.file, at: .zero + .seconds(5))
    var known = 0
    for port in 1024...65535 where known < 3 {
      guard session.hasFlow(from: "client-0", port: UInt16(port)) else { continue }
      known += 1
      let trace = try session.trace(
        TraceRequest(from: "pod/default/client-0:\(port)", to: "svc/default/web:53", transport: .udp))
      #expect(trace.outcomes.count == 1 && trace.verdict == .delivered)
      let hop = try #require(trace.hops.first { $0.component == .tables })
      guard case .existing(_, let reply, _) = hop.conntrack else {
        Issue.record("\(hop.conntrack)")
        continue
      }
      #expect(reply.tuple.source == trace.candidates[0].backend.ip && hop.steps.isEmpty)
    }
    #expect(known == 3)
  }

  @Test func askingChangesNothing() throws {
    var w = SmallWorld.traced(web: [0, 1, 1]) { $0.sessionAffinity = "ClientIP" }
    w.serve()
    w.addClient(on: 1)
    var session = try TraceSession(w.file, at: .zero + .seconds(3))
    let request = try TraceRequest(from: Self.client, to: Self.service)
    let first = try session.trace(request).json.document
    _ = try session.trace(TraceRequest(from: "pod/default/web-0", to: Self.service))
    _ = try session.trace(TraceRequest(from: "external/203.0.113.7", to: Self.service, via: "node/node-1"))
    #expect(try session.trace(request).json.document == first)
  }

  // MARK: Side by side

  @Test func modesStandSideBySide() throws {
    let w = SmallWorld.traced(web: [0, 1])
    let comparison = try TraceComparison(
      w.file, at: .zero, TraceRequest(from: Self.client, to: Self.service))
    #expect(comparison.traces.map(\.mode) == [.iptables, .ipvs, .nftables, .ebpf])
    for (mode, trace) in comparison.traces { #expect(trace.mode == mode && trace.at == .zero) }
    let text = comparison.text()
    #expect(text.contains("iptables") && text.contains("client sees"))
  }
}

extension TraceSession {
  /// A flow of the pod that begins at this port is in the conntrack table of its node.
  fileprivate mutating func hasFlow(from pod: String, port: UInt16) -> Bool {
    let record = world.control.pods.first { $0.name.name == pod }!
    return world.conntrack[record.node.index].pointee.hasFlow(
      from: record.address!, port, .udp, now: world.now)
  }
}
