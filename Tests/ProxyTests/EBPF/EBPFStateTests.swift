// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an agent's node remembers: session affinity by frontend and client, full maps, listings, and how fast
// updates arrive. Texts follow the columns of cilium-dbg; numbers are the model's own.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private func settings(_ change: (inout EBPFSettings) -> Void = { _ in }) -> ProxySettings {
  testSettings { settings in
    settings.mode = .ebpf
    change(&settings.ebpf)
  }
}

private func world(_ change: (inout EBPFSettings) -> Void = { _ in }) -> ProxyWorld {
  ProxyWorld(nodes: [testNode(0, "testnode", [Address.node], settings(change))])
}

private let four = (1...4).map { testEndpoint("10.180.0.\($0)", node: "testnode") }

private func sticky(_ ip: String = "172.30.1.1", timeout: Int = 100) -> Service {
  testService("svc1", clusterIP: ip) { service in
    service.spec.type = "LoadBalancer"
    service.spec.sessionAffinity = "ClientIP"
    service.spec.affinityTimeoutSeconds = timeout
    service.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
  }
}

@Suite struct EBPFAffinityTests {
  private static func target(_ world: inout ProxyWorld, _ probe: Probe, _ random: UInt64) -> String {
    "\(world.verdict(probe, random: random).address)"
  }

  @Test func aClientComesBackUntilItsEntryIsOldAndEachUseRenewsIt() {
    var world = world()
    world.put(0, sticky(), four)
    world.converge()
    let probe = Probe(from: Address.pod, to: "172.30.1.1", port: 80)
    #expect(Self.target(&world, probe, 0) == "10.180.0.1")
    for _ in 0..<4 {
      world.run(for: .seconds(99))
      #expect(Self.target(&world, probe, .max) == "10.180.0.1")
    }
    // Sticky for [last use, last use + timeout).
    world.run(for: .seconds(100))
    #expect(Self.target(&world, probe, .max) == "10.180.0.4")
  }

  @Test func insideAClientIsANamespaceAndOutsideAnAddress() {
    var world = world()
    world.put(0, sticky(), four)
    world.converge()
    func probe(_ from: String, _ origin: FlowOrigin, _ to: String = "172.30.1.1") -> Probe {
      Probe(from: from, to: to, port: 80, origin: origin)
    }
    #expect(Self.target(&world, probe("10.0.0.2", .pod), 0) == "10.180.0.1")
    #expect(Self.target(&world, probe("10.0.0.3", .pod), .max) == "10.180.0.4")
    // All processes in the node's own namespace are one client.
    #expect(Self.target(&world, probe(Address.node, .node), 0) == "10.180.0.1")
    #expect(Self.target(&world, probe("127.0.0.1", .node), .max) == "10.180.0.1")
    #expect(Self.target(&world, probe(Address.outside, .outside, "1.2.3.4"), 0) == "10.180.0.1")
    #expect(Self.target(&world, probe(Address.outside, .outside, "1.2.3.4"), .max) == "10.180.0.1")
  }

  @Test func eachAddressOfAServiceRemembersForItself() {
    var world = world()
    world.put(0, sticky(), four)
    world.converge()
    let clusterIP = Probe(from: Address.pod, to: "172.30.1.1", port: 80)
    #expect(Self.target(&world, clusterIP, 0) == "10.180.0.1")
    let loadBalancer = Probe(from: Address.pod, to: "1.2.3.4", port: 80)
    #expect(Self.target(&world, loadBalancer, .max) == "10.180.0.4")
  }

  @Test func aBackendThatTerminatesIsForgotten() {
    var world = world()
    world.put(0, sticky(), four)
    world.converge()
    let probe = Probe(from: Address.pod, to: "172.30.1.1", port: 80)
    #expect(Self.target(&world, probe, 0) == "10.180.0.1")
    var later = four
    later[0] = testEndpoint("10.180.0.1", node: "testnode", "T")
    world.put(0, slices: [testSlice(later)])
    world.run(for: .seconds(1))
    #expect(Self.target(&world, probe, .max) == "10.180.0.4")
  }

  @Test func aFullMapForgetsTheClientThatWasAwayLongest() {
    var world = world { $0.maps.affinity = 2 }
    world.put(0, sticky(), four)
    world.converge()
    func probe(_ n: Int) -> Probe { Probe(from: "10.0.0.\(n)", to: "172.30.1.1", port: 80) }
    _ = world.verdict(probe(1), random: 0)
    _ = world.verdict(probe(2), random: 0)
    _ = world.verdict(probe(1), random: .max)
    _ = world.verdict(probe(3), random: 0)
    #expect(Self.target(&world, probe(1), .max) == "10.180.0.1")
    #expect(Self.target(&world, probe(2), .max) == "10.180.0.4")
  }
}

@Suite struct EBPFMapTests {
  @Test func whatFindsNoRoomIsNotProgrammedAndSaysSo() {
    // Each Service takes one entry and one slot per backend: the second does not fit into nine.
    var world = world { $0.maps.services = 9 }
    for id in 0..<2 {
      world.put(id, testService("s\(id)", clusterIP: "172.30.1.\(id + 1)"), four)
    }
    world.converge()
    #expect(world.verdict(Probe(from: Address.pod, to: "172.30.1.1", port: 80)).kind == .forward)
    let second = world.verdict(Probe(from: Address.pod, to: "172.30.1.2", port: 80))
    #expect(second.kind == .notProxied && second.reason == .mapFull)
    world.put(0, nil)
    world.run(for: .seconds(1))
    #expect(world.verdict(Probe(from: Address.pod, to: "172.30.1.2", port: 80)).kind == .forward)
  }

  @Test func servicesShareBackendsInTheBackendMap() {
    var world = world { $0.maps.backends = 4 }
    for id in 0..<2 {
      world.put(id, testService("s\(id)", clusterIP: "172.30.1.\(id + 1)"), four)
    }
    world.put(2, testService("s2", clusterIP: "172.30.1.3"), [testEndpoint("10.180.0.5", node: "testnode")])
    world.converge()
    #expect(world.verdict(Probe(from: Address.pod, to: "172.30.1.2", port: 80)).kind == .forward)
    #expect(world.verdict(Probe(from: Address.pod, to: "172.30.1.3", port: 80)).reason == .mapFull)
  }

  /// As in cilium's bpf_reconciler_test.go: surrogate first, then the node's address; two-scopes where the
  /// policies differ.
  @Test func listingsHaveTheColumnsOfCiliumDbg() {
    var world = world { $0.algorithm = .maglev }
    let service = testService("svc1", clusterIP: "172.30.1.1") { service in
      service.spec.type = "NodePort"
      service.spec.ports[0].nodePort = 30001
      service.spec.externalTrafficPolicy = "Local"
    }
    world.put(
      0, service,
      [testEndpoint("10.180.0.1", node: "testnode"), testEndpoint("10.180.2.1", node: "other", "T")])
    world.converge()
    let texts = world.fleet.ruleTexts(of: NodeID(0))
    #expect(
      texts.map(\.command) == [
        "cilium-dbg service list", "cilium-dbg bpf lb list", "cilium-dbg bpf lb maglev list",
      ])
    func lines(_ text: String) -> [String] {
      text.split(separator: "\n").map { line in
        line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
      }
    }
    #expect(
      lines(texts[0].text) == [
        "ID Frontend Service Type Backend",
        "1 172.30.1.1:80/TCP ClusterIP 1 => 10.180.0.1:80/TCP (active)",
        "2 => 10.180.2.1:80/TCP (terminating)",
        "2 0.0.0.0:30001/TCP NodePort 1 => 10.180.0.1:80/TCP (active)",
        "3 0.0.0.0:30001/TCP/i NodePort 1 => 10.180.0.1:80/TCP (active)",
        "2 => 10.180.2.1:80/TCP (terminating)",
        "4 192.168.0.2:30001/TCP NodePort 1 => 10.180.0.1:80/TCP (active)",
        "5 192.168.0.2:30001/TCP/i NodePort 1 => 10.180.0.1:80/TCP (active)",
        "2 => 10.180.2.1:80/TCP (terminating)",
      ])
    #expect(texts[0].text.hasPrefix("ID   Frontend                  Service Type   Backend"))
    let list = lines(texts[1].text)
    #expect(list.first == "SERVICE ADDRESS BACKEND ADDRESS (REVNAT_ID) (SLOT)")
    #expect(list.contains("172.30.1.1:80/TCP (0) 0.0.0.0:0 (1) (0) [ClusterIP, Local, non-routable]"))
    #expect(list.contains("172.30.1.1:80/TCP (2) 10.180.2.1:80/TCP (1) (2)"))
    #expect(list.contains("192.168.0.2:30001/TCP (0) 0.0.0.0:0 (4) (0) [NodePort, Local, two-scopes]"))
    #expect(
      list.contains("0.0.0.0:30001/TCP (0) 0.0.0.0:0 (2) (0) [NodePort, Local, two-scopes, non-routable]"))
    let maglev = lines(texts[2].text)
    #expect(maglev.count == 3 && maglev[0] == "SVC ID LOOKUP TABLE")
    #expect(maglev[1].hasPrefix("[4]/v4 [1 1 1 "))
  }

  @Test func anExplanationNamesTheMapsThatItMet() {
    var world = world()
    world.put(0, testService("svc1", clusterIP: "172.30.1.1"), four)
    world.converge()
    let probe = Probe(from: Address.pod, to: "172.30.1.1", port: 80)
    let explanation = world.fleet.explain(node: NodeID(0), flow: probe.flow, origin: .pod, at: .zero)
    #expect(explanation.branches.map(\.probability) == [0.25, 0.25, 0.25, 0.25])
    let tables = explanation.branches[2].steps.map(\.table)
    #expect(
      tables == [
        "cilium_lb4_services_v2", "cilium_lb4_services_v2", "cilium_lb4_backends_v3", "cilium_lb4_reverse_sk",
      ])
    #expect(explanation.branches[2].steps[1].rule == "172.30.1.1:80/TCP (3) -> 10.180.0.3:80/TCP")
  }

  @Test func underMaglevAFlowHasOneWay() {
    var world = world { $0.algorithm = .maglev }
    world.put(0, sticky(timeout: 1), four)
    world.converge()
    var flow = Probe(from: Address.outside, to: "1.2.3.4", port: 80).flow
    var seen: Set<String> = []
    for port in 0..<64 {
      flow.sourcePort = UInt16(40000 + port)
      let explanation = world.fleet.explain(node: NodeID(0), flow: flow, origin: .outside, at: .zero)
      #expect(explanation.branches.count == 1 && explanation.branches[0].probability == 1)
      seen.insert("\(explanation.branches[0].verdict.address)")
    }
    // Affinity takes the source port out of the hash.
    #expect(seen.count == 1)
  }
}

@Suite struct EBPFSyncTests {
  @Test func changesAreCollectedForAWhileAndThenWritten() {
    var world = world()
    world.put(0, testService("svc1", clusterIP: "172.30.1.1"), four)
    world.converge()
    world.put(0, slices: [testSlice([four[3]])])
    world.run(for: .milliseconds(60))
    // Arrives after 10 ms, is collected until 110 ms, is in the maps 10 ms later.
    world.put(0, slices: [testSlice([four[2]])])
    world.run(for: .milliseconds(59))
    #expect(world.syncs.isEmpty)
    world.run(for: .milliseconds(1))
    #expect(world.syncs.count == 1)
    #expect(world.syncs.first?.programmingLatency == .milliseconds(120))
    #expect(world.fate(Probe(from: Address.pod, to: "172.30.1.1", port: 80)) == "10.180.0.3:80")
    #expect(world.cleanups.isEmpty)
  }

  @Test func backendsThatGoAreNamedOnceForFlowsAndOnceForSockets() {
    var world = world()
    let service = testService("svc1", clusterIP: "172.30.1.1", transport: "UDP")
    world.put(0, service, four)
    world.converge()
    let states: [Character] = ["R", "T", "X"]
    let later = states.indices.map { testEndpoint("10.180.0.\($0 + 1)", node: "testnode", states[$0]) }
    world.put(0, slices: [testSlice(later, ports: [EndpointPort(port: 80, protocol: "UDP")])])
    var removals: [BackendRemoval] = []
    while let (at, event) = world.pending.popLast() {
      guard at < .zero + .seconds(60) else { continue }
      world.fleet.handle(event, at: at, into: &world.output)
      removals += world.output.removals
      world.take()
    }
    #expect(removals.count == 1)
    #expect(removals.first?.deleted.map { "\($0.address)" } == ["10.180.0.4"])
    #expect(removals.first?.dead.map { "\($0.address)" } == ["10.180.0.3", "10.180.0.4"])
  }

  @Test func withoutItsListenerTheNodeFailsHealthChecks() {
    for isOn in [true, false] {
      var world = world { $0.healthz = isOn }
      world.converge()
      #expect(world.fleet.isHealthy(NodeID(0), at: .zero) == isOn)
    }
  }
}

@Suite struct CiliumConntrackTests {
  private static func flow(_ n: Int, _ transport: TransportProtocol = .tcp) -> FlowTuple {
    FlowTuple(
      source: IPv4Address("203.0.113.2")!, sourcePort: UInt16(1000 + n),
      destination: IPv4Address("10.0.0.1")!, destinationPort: 80, transport: transport)
  }

  private static func isKnown(_ table: inout ConntrackTable, _ n: Int, _ at: Double) -> Bool {
    table.find(flow(n), now: .zero + SimDuration(seconds: at)) != nil
  }

  /// FACTS D4: SYN 60 s, established 8000 s, closed 10 s, others 60 s.
  @Test(arguments: [
    (TransportProtocol.tcp, [] as [SegmentKind], 60.0), (.tcp, [.synAck], 60), (.tcp, [.synAck, .ack], 8000),
    (.tcp, [.synAck, .ack, .fin], 8000), (.tcp, [.synAck, .ack, .closed], 10), (.tcp, [.synAck, .rst], 10),
    (.udp, [], 60), (.udp, [.datagram], 60),
  ]) func entriesLiveAsLongAsCiliumSays(
    _ transport: TransportProtocol, _ segments: [SegmentKind], _ seconds: Double
  ) {
    var table = ConntrackTable(sizes: EBPFMapSizes(), timeouts: EBPFConntrackTimeouts())
    let flow = Self.flow(0, transport)
    _ = table.insert(
      original: flow, reply: flow.reversed, state: transport == .tcp ? .synSent : .unreplied, tag: .max,
      now: .zero)
    for segment in segments {
      let isReply = segment == .synAck
      let hit = table.find(isReply ? flow.reversed : flow, now: .zero)
      #expect(hit.map { table.update($0, segment, now: .zero) } == true)
    }
    #expect(table.find(flow, now: .zero + SimDuration(seconds: seconds - 0.001)) != nil)
    #expect(table.find(flow, now: .zero + SimDuration(seconds: seconds)) == nil)
  }

  @Test func nothingIsInvalid() {
    for state in ConntrackState.allCases {
      for segment in SegmentKind.allCases {
        for isReply in [false, true] {
          let index = ConntrackState.successorIndex(state, segment, isReply: isReply)
          #expect(ConntrackState.ciliumSuccessors[index] != nil)
        }
      }
    }
  }

  @Test func aNewFlowTakesThePlaceOfTheOneUsedLongestAgo() {
    var sizes = EBPFMapSizes()
    sizes.conntrackTCP = 3
    var table = ConntrackTable(sizes: sizes, timeouts: EBPFConntrackTimeouts())
    func insert(_ n: Int, _ at: Double, _ transport: TransportProtocol = .tcp) {
      let flow = Self.flow(n, transport)
      let result = table.insert(
        original: flow, reply: flow.reversed, state: .established, tag: .max,
        now: .zero + SimDuration(seconds: at))
      guard case .inserted = result else { return #expect(Bool(false), "\(result)") }
    }
    for n in 0..<3 { insert(n, Double(n)) }
    if let hit = table.find(Self.flow(0), now: .zero + .seconds(3)) {
      _ = table.update(hit, .ack, now: .zero + .seconds(3))
    }
    // Other protocols have a map of their own.
    insert(9, 4, .udp)
    #expect(table.latestEviction < .zero)
    insert(3, 5)
    #expect([0, 1, 2, 3].map { Self.isKnown(&table, $0, 6) } == [true, false, true, true])
    #expect(table.latestEviction == .zero + .seconds(5))
    #expect(table.brokenInvariants().isEmpty)
  }

  @Test func masqueradedFlowsNeedTwoEntriesOfTheNatMap() {
    var sizes = EBPFMapSizes()
    sizes.nat = 4
    var table = ConntrackTable(sizes: sizes, timeouts: EBPFConntrackTimeouts())
    for n in 0..<3 {
      var reply = Self.flow(n).reversed
      reply.destination = IPv4Address("192.168.0.2")!
      _ = table.insert(
        original: Self.flow(n), reply: reply, state: .established, tag: .max, now: .zero + .seconds(Int64(n)))
    }
    #expect([0, 1, 2].map { Self.isKnown(&table, $0, 4) } == [false, true, true])
  }
}
