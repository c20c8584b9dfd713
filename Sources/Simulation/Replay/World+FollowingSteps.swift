// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the steps of a followed connection say.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Traffic

extension World {
  mutating func step(_ node: Int, _ component: String, _ what: String) {
    following!.steps.append(
      ReplayStep(
        time: now, node: node >= 0 ? nodePlanes[node].name : "", component: component, what: what))
  }

  // MARK: Before an event

  mutating func noteArrival(_ event: Event) {
    guard event.kind == .packet else { return }
    let packet = packets[event.index]
    guard packet.connection == following!.slot || followedQueries.contains(packet.connection) else { return }
    let name = Self.words(packet.kind)
    if packet.entersNode {
      let node = Int(packet.destination.id)
      let mode = proxies.programmedMode(of: NodeID(node))?.rawValue ?? "network"
      return step(node, mode, "\(name) \(packet.tuple) arrives")
    }
    let place = nodeIndex(of: packet.destination)
    let component = packet.kind.isForward ? "server" : "client"
    step(place, component, "\(name) reaches \(hostName(packet.destination))")
  }

  static func words(_ kind: PacketKind) -> String {
    switch kind {
    case .syn: "SYN"
    case .synAck: "SYN-ACK"
    case .request: "request"
    case .response: "response"
    case .clientFin: "the client's FIN"
    case .serverFin: "the server's FIN"
    case .reset: "RST"
    case .portUnreachable: "ICMP port unreachable"
    case .hostUnreachable: "ICMP host unreachable"
    case .keepalive: "keepalive probe"
    case .keepaliveAnswer: "answer to the keepalive probe"
    case .datagram: "datagram"
    case .answer: "answer"
    case .lateResponse: "response outside of the window"
    case .query, .streamQuery: "DNS query"
    case .queryAnswer, .streamAnswer: "DNS answer"
    }
  }

  // MARK: After an event

  /// Compares the connection with what it was before the event.
  mutating func noteChanges(since before: Connection?) {
    defer { following!.losses = [] }
    let f = following!
    guard f.slot != .max else { return following!.steps += f.losses }
    let isCurrent = connections.isCurrent(f.slot, f.generation)
    guard isCurrent else { return noteEnd(before) }
    let c = connections[f.slot].pointee
    guard c.ordinal == f.id.operation, c.attempt == f.id.attempt else { return noteEnd(before) }
    let client = instances[Int(c.instance)]
    if before == nil { noteOpening(c, client) }
    if let before, before.retransmissions != c.retransmissions, c.retransmissions > before.retransmissions {
      let what = c.phase == .connecting ? "SYN" : "request"
      step(client.node, "client", "no answer: sends its \(what) again (\(c.retransmissions))")
    }
    noteEntry(before, c)
    noteDecision(before, c, of: f.slot)
    following!.steps += f.losses
    if let before, !before.wasEstablished, c.wasEstablished, c.tuple.transport != .udp {
      step(client.node, "client", "the connection is open; sends its request")
    }
    noteEnd(before)
  }

  private mutating func noteOpening(_ c: Connection, _ client: ClientInstance) {
    let dialled = dialled(following!.slot)
    if c.openedAt < now.nanoseconds {
      let age = now - SimTime(nanoseconds: c.openedAt)
      step(
        client.node, "client",
        "sends its request on a connection that has been open for \(ReadableNumber.span(age))")
    } else {
      step(client.node, "client", "\(hostName(client.host)) opens \(dialled)")
    }
    if story(following!.slot).hasStaleAnswer {
      step(client.node, "dns", "that address is from an old answer: a fresh query would not give it")
    }
  }

  private mutating func noteEntry(_ before: Connection?, _ c: Connection) {
    guard c.entryNode != .max, before?.entryNode != c.entryNode else { return }
    let name = nodePlanes[Int(c.entryNode)].name
    step(-1, "load_balancer", "picks \(name)")
  }

  mutating func noteDecision(_ before: Connection?, _ c: Connection, of slot: UInt32) {
    guard c.decidingNode != .max, c.backend != .max else { return }
    if let before, before.decidedAt == c.decidedAt, before.decidingNode == c.decidingNode,
      before.backend == c.backend
    {
      return
    }
    if before == nil, c.decidedAt != now.nanoseconds { return }
    let node = Int(c.decidingNode)
    let mode = proxies.programmedMode(of: NodeID(node))?.rawValue ?? "network"
    let backend = proxies.backend(.init(c.backend))
    let pod =
      backend.pod.map { " (\(control.pods[$0.index].name) on \(backend.nodeName ?? "no node"))" } ?? ""
    let many = proxies.candidates(.init(c.candidates)).count
    let among = many > 1 ? ", one of \(many) candidates" : many == 1 ? ", the only candidate" : ""
    step(node, mode, "DNAT to \(backend.address):\(backend.port)\(pod)\(among); \(tableWords(c, node, slot))")
  }

  /// How the table that decided compares with a fresh one.
  private mutating func tableWords(_ c: Connection, _ node: Int, _ slot: UInt32) -> String {
    if following!.hasFreshTables { return "by a table made from the API's present state" }
    let behind = proxies.staleness(of: NodeID(node), at: now)
    guard behind.servicesWrong > 0 else { return "its table is up to date" }
    let story = story(slot)
    let fresh = proxies.decideFresh(
      node: NodeID(node), flow: story.tuple, origin: story.originOfDecision, at: now, random: 0)
    let offers = fresh.kind == .forward && proxies.candidates(fresh.candidates).contains(.init(c.backend))
    let services = behind.servicesWrong == 1 ? "1 Service" : "\(behind.servicesWrong) Services"
    return "its table is \(ReadableNumber.span(behind.age)) behind in \(services); a fresh one would"
      + (offers ? " offer this endpoint too" : " not offer this endpoint")
  }

  /// The attempt was completed, if it has ended and nobody says that it was lost.
  private mutating func noteEnd(_ before: Connection?) {
    guard following!.end == nil, let before else { return }
    let f = following!
    let c = connections[f.slot].pointee
    let isOver =
      !connections.isCurrent(f.slot, f.generation) || c.ordinal != before.ordinal
      || c.attempt != before.attempt
      || c.phase == .closing || c.phase == .abandoned || (c.phase == .idle && c.requestsLeft == 0)
    guard isOver else { return }
    following!.backend = before.backend
    following!.decidingNode = before.decidingNode
    following!.end = (now, .completed, nil)
  }

  // MARK: Losses

  /// The part of the path where a packet got lost, its node, and what happened there.
  func replayWords(_ loss: Loss, _ slot: UInt32) -> (component: String, node: String, words: String) {
    func name(_ node: Int) -> String { node >= 0 ? nodePlanes[node].name : "" }
    switch loss {
    case .refusedByTable(let node, let verdict, _, _):
      let mode = proxies.programmedMode(of: NodeID(node))?.rawValue ?? "network"
      let act = verdict.kind == .reject ? "REJECT" : "DROP"
      return (mode, name(node), "\(act): \(reason(verdict))")
    case .unrouted(let node, _, _): return ("network", name(node), "no rule takes it: \(words(loss))")
    case .staleRoute(let on, _): return ("network", name(on), words(loss))
    case .conntrackInvalid(let node):
      return ("conntrack", name(node), "the packet does not fit the flow's state")
    case .conntrackFull(let node), .conntrackMissing(let node), .foreignReply(let node):
      return ("conntrack", name(node), words(loss))
    case .expiredByPacket(let node):
      return ("conntrack", name(node), "ipvs drops it: the real server takes no more connections")
    case .insertRace(let node):
      return ("conntrack", name(node), "another packet's entry is inserted at the same instant")
    case .loadBalancerCut, .loadBalancerIdle: return ("load balancer", "", words(loss))
    case .snatPortsExhausted(let node):
      return ("conntrack", name(node), "no source port is free for masquerading")
    case .portClosed(let node, let address, let port):
      return ("server", name(node), "nothing listens on \(address):\(port)")
    case .backlogFull(let node): return ("server", name(node), "the accept queue is full")
    case .queueOverflow(let node): return ("server", name(node), "the server's queue is full")
    case .serverEnded(let node, let crashed):
      return (
        "server", name(node), crashed ? "the server's process has crashed" : "the server's process has ended"
      )
    case .serverClosedIdle(let node): return ("server", name(node), "the server closes the idle connection")
    case .foreignConnection(let node, let isSamePod):
      return (
        "server", name(node),
        isSamePod
          ? "the pod was restarted and does not know the connection"
          : "its receiver does not know the connection"
      )
    case .slowServer(let node): return ("server", name(node), "the client's patience ends before the answer")
    case .nodeDown(let node), .podGone(let node, _): return ("network", name(node), words(loss))
    case .lossOnPath: return ("network", "", "the packet gets lost")
    case .unknownAddress, .partition, .loadBalancerHasNoTarget: return ("network", "", words(loss))
    }
  }
}
