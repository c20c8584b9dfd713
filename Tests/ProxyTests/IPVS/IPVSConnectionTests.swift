// SPDX-License-Identifier: GPL-3.0-or-later
//
// Connections in ipvs' own table: how long they live, what becomes of them when their real server goes, and
// of a client port that is used again.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private func world(
  _ transport: String = "TCP", kernel: KernelVersion = KernelVersion(6, 1), endpoints: Int = 2,
  _ change: (inout ProxySettings) -> Void = { _ in }, service edit: (inout Service) -> Void = { _ in }
) -> ProxyWorld {
  var world = ProxyWorld(nodes: [
    testNode(
      0, "testnode", [Address.node],
      testSettings {
        $0.mode = .ipvs
        $0.ipvs.kernelVersion = kernel
        change(&$0)
      })
  ])
  let service = testService("svc", clusterIP: "172.30.0.41", transport: transport, edit)
  world.put(0, service, endpointList(1...endpoints))
  world.converge()
  return world
}

private func endpointList(_ numbers: ClosedRange<Int>) -> [Endpoint] {
  numbers.map { testEndpoint("10.180.0.\($0)", node: "testnode") }
}

extension ProxyWorld {
  fileprivate func flow(_ port: UInt16, _ transport: TransportProtocol = .tcp, from: String = Address.pod)
    -> FlowTuple
  {
    FlowTuple(
      source: address(from), sourcePort: port, destination: address("172.30.0.41"), destinationPort: 80,
      transport: transport)
  }
  fileprivate mutating func open(_ flow: FlowTuple) -> Verdict {
    fleet.decide(node: NodeID(0), flow: flow, origin: .pod, at: now, random: 0)
  }
  fileprivate mutating func send(
    _ flow: FlowTuple, _ segment: SegmentKind, isReply: Bool = false, reopens: Bool = false
  ) -> ScheduledPacket {
    fleet.scheduledPacket(
      node: NodeID(0), flow: flow, segment, isReply: isReply, isError: false, conntrackReopens: reopens,
      at: now)
  }
  /// `ipvsadm -Sn`, real servers alone: "1:1 2:0" is server 1 with weight 1 and 2 with weight 0.
  fileprivate mutating func weights() -> String {
    let text = fleet.ruleTexts(of: NodeID(0))[0].text
    return text.split(separator: "\n").filter { $0.hasPrefix("-a") }.map { line in
      let words = line.split(separator: " ")
      let server = words[4].split(separator: ":")[0].split(separator: ".")[3]
      return "\(server):\(words[7])"
    }.joined(separator: " ")
  }
  fileprivate mutating func put(_ numbers: ClosedRange<Int>?, port: Int = 80, _ transport: String = "TCP") {
    let list = numbers.map { endpointList($0) } ?? []
    put(0, slices: [testSlice(list, ports: [EndpointPort(port: port, protocol: transport)])])
  }
}

@Suite struct IPVSConnectionTests {
  @Test(
    "an idle TCP connection lives 900 s, or as tcpTimeout says",
    arguments: [(SimDuration.zero, 900), (.seconds(7200), 7200), (.seconds(60), 60)] as [(SimDuration, Int64)]
  )
  func established(_ setting: SimDuration, _ seconds: Int64) {
    var w = world("TCP") { $0.ipvs.tcpTimeout = setting }
    let flow = w.flow(40000)
    #expect(w.open(flow).isScheduled)
    #expect(w.send(flow, .ack) == .passes)
    w.run(for: .seconds(seconds) - .milliseconds(1))
    #expect(w.send(flow, .ack, isReply: true) == .passes)
    w.run(for: .seconds(seconds))
    #expect(w.send(flow, .ack) == .forgotten)
    // Nothing schedules a packet that is no SYN.
    let resumed = w.fleet.resumedPacket(node: NodeID(0), flow: flow, origin: .pod, at: w.now)
    guard case .unscheduled = resumed else { return #expect(Bool(false), "\(resumed)") }
  }

  @Test(
    "states live as long as the kernel says",
    arguments: [
      ([], 60), ([(.ack, false)], 900), ([(.ack, false), (.fin, false)], 60),
      ([(.ack, false), (.fin, true)], 120), ([(.ack, false), (.closed, false)], 120),
      ([(.ack, false), (.rst, true)], 10), ([(.rst, true)], 10),
    ] as [([(SegmentKind, Bool)], Int64)])
  func lifetimes(_ packets: [(SegmentKind, Bool)], _ seconds: Int64) {
    var w = world()
    let flow = w.flow(40000)
    _ = w.open(flow)
    for (segment, isReply) in packets { #expect(w.send(flow, segment, isReply: isReply) == .passes) }
    w.fleet.ipvs[0]!.advance(to: w.now + .seconds(seconds) - .milliseconds(1))
    #expect(w.fleet.ipvs[0]!.connectionCount == 1)
    w.fleet.ipvs[0]!.advance(to: w.now + .seconds(seconds))
    #expect(w.fleet.ipvs[0]!.connectionCount == 0)
    #expect(w.fleet.brokenConnectionTables() == [])
  }

  @Test func anEndpointThatGoesDrainsAndIsRemovedAtAWholeMinuteAfterItsLastConnection() {
    var w = world()
    let flows = [w.flow(40000), w.flow(40001)]
    let servers = flows.map { w.open($0).address.bits & 255 }
    for flow in flows { #expect(w.send(flow, .ack) == .passes) }
    w.put(2...2)
    w.run(for: .seconds(2))
    #expect(w.weights() == "1:0 2:1")
    // Connections go on; new ones go elsewhere.
    for flow in flows { #expect(w.send(flow, .ack) == .passes) }
    for port in UInt16(41000)..<41004 { #expect(w.open(w.flow(port)).address == address("10.180.0.2")) }
    #expect(w.send(flows[servers[0] == 1 ? 0 : 1], .closed) == .passes)
    w.run(for: .seconds(119))
    #expect(w.weights() == "1:0 2:1")
    // TIME_WAIT is over after 120 s, and kube-proxy looks within the next minute.
    w.run(for: .seconds(62))
    w.fleet.ipvs[0]!.advance(to: w.now)
    #expect(w.weights() == "2:1")
    #expect(w.fleet.brokenConnectionTables() == [])
  }

  @Test func anEndpointThatReturnsWhileItDrainsIsAddedAgain() {
    var w = world()
    let flow = w.flow(40000)
    let first = w.open(flow).address.bits & 255
    #expect(w.send(flow, .ack) == .passes)
    w.put(first == 1 ? 2...2 : 1...1)
    w.run(for: .seconds(2))
    #expect(w.weights() == (first == 1 ? "1:0 2:1" : "1:1 2:0"))
    w.put(1...2)
    w.run(for: .seconds(2))
    #expect(w.weights() == "1:1 2:1")
    #expect(w.send(flow, .ack) == .passes)
    let place = w.fleet.ipvs[0]!.virtualServers[0].list[0]
    #expect(w.fleet.ipvs[0]!.virtualServers[0].servers[Int(place)].address.bits & 255 == first)
  }

  @Test(
    "UDP servers go at once; up to Linux 5.8 the next datagram pays for it",
    arguments: [(KernelVersion(6, 1), ScheduledPacket.forgotten), (KernelVersion(5, 4), .dropped)])
  func udp(_ kernel: KernelVersion, _ expected: ScheduledPacket) {
    var w = world("UDP", kernel: kernel)
    let flow = w.flow(40000, .udp)
    let first = w.open(flow).address
    #expect(w.send(flow, .datagram) == .passes)
    w.put(first.bits & 255 == 1 ? 2...2 : 1...1, port: 80, "UDP")
    w.run(for: .seconds(2))
    #expect(w.send(flow, .datagram) == expected)
    let second = w.open(flow)
    #expect(second.kind == .forward)
    #expect(second.address != first)
  }

  /// Mode 0 follows the old connection, to a server of weight 0 too (k/k 81775); mode 1 asks the
  /// scheduler, and up
  /// to Linux 5.8 drops the SYN first (k/k 70747).
  @Test(
    "a SYN on a port whose connection is over",
    arguments: [
      (KernelVersion(5, 4), nil, ScheduledPacket.reopens, true), (KernelVersion(5, 4), 1, .dropped, false),
      (KernelVersion(6, 1), nil, .forgotten, false), (KernelVersion(5, 10), 0, .reopens, true),
      // From 5.16 a quiescent server loses new connections in mode 0 too.
      (KernelVersion(6, 1), 0, .forgotten, false),
    ] as [(KernelVersion, Int?, ScheduledPacket, Bool)])
  func portReuse(_ kernel: KernelVersion, _ mode: Int?, _ expected: ScheduledPacket, _ staysThere: Bool) {
    var w = world("TCP", kernel: kernel) { $0.ipvs.connReuseMode = mode }
    let flow = w.flow(40000)
    let first = w.open(flow).address
    #expect(w.send(flow, .ack) == .passes)
    #expect(w.send(flow, .closed) == .passes)
    w.put(first.bits & 255 == 1 ? 2...2 : 1...1)
    w.run(for: .seconds(2))
    #expect(w.send(flow, .syn, reopens: true) == expected)
    #expect((w.open(flow).address == first) == staysThere)
  }

  @Test func aSynToAQuiescentServerThatConntrackStillKnowsIsDroppedOnce() {
    var w = world()
    let flow = w.flow(40000)
    let first = w.open(flow).address
    w.put(first.bits & 255 == 1 ? 2...2 : 1...1)
    w.run(for: .seconds(2))
    #expect(w.send(flow, .syn) == .dropped)
    #expect(w.open(flow).address != first)
  }

  @Test func persistenceKeepsAClientUntilItsTimeIsOverAndItsConnectionsAre() {
    var w = world("TCP", endpoints: 3) { _ in
    } service: {
      $0.spec.sessionAffinity = "ClientIP"
      $0.spec.affinityTimeoutSeconds = 100
    }
    let first = w.open(w.flow(40000))
    #expect(!first.viaAffinity)
    for port in UInt16(40001)..<40010 {
      let next = w.open(w.flow(port))
      #expect(next.viaAffinity)
      #expect(next.backend == first.backend)
    }
    // Another client begins with the next server.
    #expect(w.open(w.flow(40000, from: "10.0.0.3")).backend != first.backend)
    // The template outlives its 100 s, because connections in SYN_RECV are over, and no other is open,
    // at 60 s.
    w.run(for: .seconds(99))
    #expect(w.open(w.flow(41000)).viaAffinity)
    #expect(w.send(w.flow(41000), .ack) == .passes)
    // An open connection holds the template beyond its time.
    w.run(for: .seconds(150))
    #expect(w.open(w.flow(42000)).backend == first.backend)
    w.run(for: .seconds(1200))
    #expect(!w.open(w.flow(43000)).viaAffinity)
    #expect(w.fleet.brokenConnectionTables() == [])
  }

  @Test func aTemplateOfAQuiescentServerIsNotFollowed() {
    var w = world("TCP", service: { $0.spec.sessionAffinity = "ClientIP" })
    let first = w.open(w.flow(40000))
    #expect(w.send(w.flow(40000), .ack) == .passes)
    w.put(first.address.bits & 255 == 1 ? 2...2 : 1...1)
    w.run(for: .seconds(2))
    let next = w.open(w.flow(40001))
    #expect(!next.viaAffinity)
    #expect(next.address != first.address)
    #expect(w.open(w.flow(40002)).backend == next.backend)
  }

  @Test func aNewProcessGivesADrainingServerThatReturnedItsWeightBack() {
    var w = world()
    let flow = w.flow(40000)
    let first = w.open(flow).address.bits & 255
    #expect(w.send(flow, .ack) == .passes)
    w.put(first == 1 ? 2...2 : 1...1)
    w.run(for: .seconds(2))
    w.fleet.restart(NodeID(0), settings: nil, at: w.now, into: &w.output)
    w.take()
    w.put(1...2)
    w.run(for: .seconds(10))
    #expect(w.weights() == "1:1 2:1")
    #expect(w.send(flow, .ack) == .passes)
  }

  @Test func everySyncIsFullAndComesEverySyncPeriod() {
    var w = world()
    w.run(for: .seconds(100))
    #expect((3...4).contains(w.syncs.count))
    #expect(w.syncs.allSatisfy { $0.kind == .full })
    // Virtual server, 2 real servers, its address in two sets, 2 endpoints in KUBE-LOOP-BACK.
    #expect(w.syncs.allSatisfy { $0.rulesWritten == IPVSRuleWriter.ruleCount + 7 })
  }

  /// Mode nftables flushes the virtual servers, and their connections go; mode iptables leaves them.
  @Test(arguments: [(ProxyMode.nftables, ScheduledPacket.forgotten), (.iptables, .passes)])
  func anotherModeTakesTheConnectionsWithItIfItCleansUp(_ mode: ProxyMode, _ packet: ScheduledPacket) {
    var w = world()
    let flow = w.flow(40000)
    _ = w.open(flow)
    w.fleet.restart(NodeID(0), settings: testSettings { $0.mode = mode }, at: w.now, into: &w.output)
    w.take()
    w.run(for: .seconds(10))
    #expect(w.send(flow, .ack) == packet)
    if mode == .iptables { return }
    #expect(!w.open(flow).isScheduled)
  }
}
