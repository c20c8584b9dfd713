// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a probe's way ends: at a process that answers, at somebody who says no, or in silence. An answer and
// a refusal count only if they get back to the client.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Traffic

extension World {
  /// Up a host's stack.
  mutating func deliver(
    _ way: TraceWay, to host: HostReference, node: Int?, _ record: inout TraceRecord
  ) {
    let place = node.map { nodePlanes[$0].name }
    let port = way.tuple.destinationPort
    if let node, !nodePlanes[node].isUp { return end(way, .nodeDown(node), at: node, &record) }
    var last = way
    let index = server(on: host, port, way.tuple.transport)
    let answer = index.map { synAnswer($0, way.tuple.transport) } ?? .closed
    let name = hostName(host)
    switch answer {
    case .accepted, .queued:
      last.lastHop = add(.server, place, "\(name) answers on port \(port)", way, out: nil, &record)
      answerReturns(last, from: host, node, &record)
    case .backlogFull:
      last.lastHop = add(.server, place, "\(name): the accept queue is full", way, out: nil, &record)
      end(last, .backlogFull(node: node ?? -1), at: node, host: host, &record)
    case .closed:
      last.lastHop = add(
        .server, place, "\(name): nothing listens on \(way.tuple.transport.name) port \(port)", way, out: nil,
        &record)
      let loss = Loss.portClosed(node: node ?? -1, way.tuple.destination, port: port)
      refusalReturns(last, loss, .refused, host: host, node, &record)
    }
  }

  private func synAnswer(_ index: Int, _ transport: TransportProtocol) -> ServerProcess.SynAnswer {
    guard servers[index].isListening else { return .closed }
    if transport == .udp { return .accepted }
    var copy = servers[index]
    return copy.receiveSyn(slot: 0, generation: 0)
  }

  func hostName(_ host: HostReference) -> String {
    switch host.kind {
    case .pod: "pod \(control.pods[Int(host.id)].name)"
    case .node: "node \(nodePlanes[Int(host.id)].name)"
    case .outside: "host \(outsideHosts[Int(host.id)])"
    case .none, .loadBalancer, .routedToNodes: "nobody"
    }
  }

  /// The pod network of the node owns the address, but no pod has it.
  mutating func deadAddress(_ way: TraceWay, _ node: Int, _ record: inout TraceRecord) {
    let loss = Loss.podGone(node: node, way.tuple.destination)
    var last = way
    last.lastHop = add(
      .network, nodePlanes[node].name, "no pod has \(way.tuple.destination) now", way, out: nil, &record)
    switch scenario.network.deadPodIP {
    case .blackhole: end(last, loss, at: node, &record)
    case .reset: refusalReturns(last, loss, .refused, host: nil, node, &record)
    case .hostUnreachable: refusalReturns(last, loss, .unreachable, host: nil, node, &record)
    }
  }

  // MARK: Ends

  private mutating func answerReturns(
    _ way: TraceWay, from host: HostReference, _ node: Int?, _ record: inout TraceRecord
  ) {
    if let loss = lossOfReply(way, from: node, record.probe) {
      var last = way
      last.lastHop = add(.reply, nil, "the answer does not get back: \(words(loss))", way, out: nil, &record)
      return end(last, loss, at: node, host: host, &record)
    }
    var outcome = outcome(of: way, .delivered, .answer, host: host, node)
    outcome.isMisdelivered = isMisdelivered(way, host)
    record.outcomes.append(outcome)
  }

  /// Somebody said no to the packet, as it was at `node`.
  private mutating func refusalReturns(
    _ way: TraceWay, _ loss: Loss, _ view: ClientView, host: HostReference?, _ node: Int?,
    _ record: inout TraceRecord
  ) {
    guard let lost = lossOfReply(way, from: node, record.probe) else {
      return end(way, loss, at: node, seen: view, host: host, &record)
    }
    var last = way
    last.lastHop = add(.reply, nil, "the refusal does not get back: \(words(lost))", way, out: nil, &record)
    end(last, loss, at: node, host: host, &record)
  }

  /// The packet ends here; unless `view` says otherwise, in silence.
  mutating func end(
    _ way: TraceWay, _ loss: Loss, at node: Int?, seen view: ClientView? = nil, host: HostReference? = nil,
    _ record: inout TraceRecord
  ) {
    var way = way
    var view = view
    if case .refusedByTable(let deciding, let verdict, let flow, let origin) = loss {
      view = viewOfRefusal(&way, deciding, verdict, flow, origin, &record)
    } else if view == nil, host == nil {
      way.lastHop = add(
        .network, node.map { nodePlanes[$0].name }, "the packet ends here: \(words(loss))", way, out: nil,
        &record)
    }
    let seen = view ?? .silence
    let isProxied = way.backend != nil
    var outcome = outcome(of: way, verdict(loss, seen, isProxied: isProxied), seen, host: host, node)
    if case .podGone(let at, let address) = loss, !isProxied {
      outcome.backend = TraceBackend(
        ip: address, port: way.tuple.destinationPort, pod: nil, node: nodePlanes[at].name)
      outcome.sourceSeen = way.tuple.source
    }
    if outcome.verdict == .notProxied { outcome.backend = nil }
    let (cause, blamed) = cause(of: loss, in: story(way, record.probe))
    outcome.cause = cause
    outcome.savedBy = savedBy(cause, node: blamed)
    record.outcomes.append(outcome)
  }

  /// A REJECT is answered if the kernel's limit on ICMP errors allows it and the error finds its way back.
  private mutating func viewOfRefusal(
    _ way: inout TraceWay, _ node: Int, _ verdict: Verdict, _ flow: FlowTuple, _ origin: FlowOrigin,
    _ record: inout TraceRecord
  ) -> ClientView {
    guard verdict.kind == .reject else { return .silence }
    // EHOSTUNREACH (World+Sockets): nothing travels.
    if verdict.isAtSocket { return .unreachable }
    if origin != .node, !icmp.wouldAllow(node: node, peer: flow.source, nodePlanes[node].kernel, now: now) {
      way.lastHop = add(
        .reply, nodePlanes[node].name, "no ICMP error: the kernel's limit is used up for now", way, out: nil,
        &record)
      return .silence
    }
    guard let lost = lossOfReply(way, from: node, record.probe) else { return .refused }
    way.lastHop = add(.reply, nil, "the ICMP error does not get back: \(words(lost))", way, out: nil, &record)
    return .silence
  }

  private func verdict(_ loss: Loss, _ seen: ClientView, isProxied: Bool) -> TraceVerdict {
    switch loss {
    case .refusedByTable(_, let verdict, _, _): return verdict.kind == .reject ? .rejected : .dropped
    case .unrouted, .unknownAddress: if !isProxied { return .notProxied }
    case .portClosed(_, let address, _):
      let isNodes = address.isLoopback || addresses.owner(of: address).kind == .node
      if !isProxied, isNodes { return .notProxied }
    default: break
    }
    return seen == .silence ? .dropped : .rejected
  }

  private func outcome(
    of way: TraceWay, _ verdict: TraceVerdict, _ view: ClientView, host: HostReference?, _ node: Int?
  ) -> TraceOutcome {
    var outcome = TraceOutcome(
      probability: way.probability, verdict: verdict, clientSees: view, clientSource: way.socket.source,
      lastHop: way.lastHop ?? 0)
    outcome.entryNode = way.entryNode.map { nodePlanes[$0].name }
    outcome.backend = backend(way, host, node)
    if outcome.backend != nil { outcome.sourceSeen = way.tuple.source }
    return outcome
  }

  /// What the table chose, or what was addressed directly.
  private func backend(_ way: TraceWay, _ host: HostReference?, _ node: Int?) -> TraceBackend? {
    var found = TraceBackend(
      ip: way.tuple.destination, port: way.tuple.destinationPort, pod: nil,
      node: node.map { nodePlanes[$0].name })
    if let host, host.kind == .pod {
      found.pod = control.pods[Int(host.id)].name.description
      return found
    }
    if let id = way.backend {
      let chosen = proxies.backend(id)
      found.ip = chosen.address
      found.port = chosen.port
      found.pod = chosen.pod.map { control.pods[$0.index].name.description }
      found.node = chosen.nodeName ?? found.node
      return found
    }
    guard let host else { return nil }
    if host.kind == .node { found.pod = hostNetworkPod(Int(host.id), found.port, way.tuple.transport) }
    return found
  }

  private func hostNetworkPod(_ node: Int, _ port: UInt16, _ transport: TransportProtocol) -> String? {
    let owner = control.nodes[node].pods.first { pod in
      guard control.pods[pod.index].isHostNetwork else { return false }
      return podSockets[pod.index].contains {
        servers[Int($0)].port == port && servers[Int($0)].transport == transport
      }
    }
    return owner.map { control.pods[$0.index].name.description }
  }

  /// The address has passed to a pod that the Service does not select.
  private func isMisdelivered(_ way: TraceWay, _ host: HostReference) -> Bool {
    guard let id = way.backend else { return false }
    return isForeign(chosen: id, host)
  }

  private func story(_ way: TraceWay, _ probe: TraceProbe) -> LossStory {
    var story = LossStory(tuple: probe.tuple, clientHost: probe.client.host, clientNode: probe.client.node)
    story.decidingNode = way.decidingNode
    story.backend = way.backend
    if let pod = way.backend.flatMap({ proxies.backend($0).pod }), !control.pods[pod.index].node.isNone {
      story.backendNode = control.pods[pod.index].node.index
    }
    story.entryNode = way.entryNode
    story.isDecidedByConntrack = way.isDecidedByConntrack
    story.openedAt = now
    story.asksDNS = probe.asksDNS
    story.isForService = probe.isForService
    return story
  }

  // MARK: The way back

  /// What happens to an answer to the packet as it is at `node` (nil: outside); nil: it gets to the client.
  func lossOfReply(_ way: TraceWay, from node: Int?, _ probe: TraceProbe) -> Loss? {
    // From loopback to loopback nothing left the host, which for a pod is its own network namespace.
    if way.tuple.source.isLoopback, way.tuple.destination.isLoopback { return nil }
    var tuple = way.tuple.reversed
    var place = node
    let wanted = way.socket.reversed
    for _ in 0..<Int(Packet.timeToLive) {
      let step: NextStep
      if let node = place {
        if !nodePlanes[node].isUp { return .nodeDown(node) }
        if let flow = way.flows.last(where: { $0.node == node && $0.reply == tuple }) {
          tuple = flow.original.reversed
        }
        let isHome = probe.client.host == HostReference(.node, UInt32(node))
        step = nextStep(tuple, from: node, isHome ? .node : .outside)
      } else {
        step = stepFromOutside(tuple.destination)
      }
      switch step {
      case .localStack(let host), .outsideHost(let host):
        let isClients = host == probe.client.host || tuple.destination.isLoopback
        if isClients, tuple == wanted { return nil }
        return isClients && host.kind == .outside
          ? .foreignReply(node: place ?? -1) : .conntrackMissing(node: place ?? -1)
      case .node(let next):
        if let loss = lossOnPath(from: place, to: next) { return loss }
        place = next
      case .deadAddress: return .podGone(node: place ?? -1, tuple.destination)
      case .staleRoute(let home): return .staleRoute(on: place ?? -1, to: home)
      case .lost(let loss): return loss
      case .loadBalancer, .upstreamRouters: return .conntrackMissing(node: place ?? -1)
      }
    }
    return .conntrackMissing(node: place ?? -1)
  }

  private func lossOnPath(from: Int?, to: Int?) -> Loss? {
    let path = paths.condition(
      hopClass(from, to), from: HopEnd(from ?? HopEnd.outsideIndex), to: HopEnd(to ?? HopEnd.outsideIndex),
      nodeName: { nodePlanes[$0].name })
    return path.isPartitioned ? .partition : path.loss >= 1 ? .lossOnPath : nil
  }

  func words(_ loss: Loss) -> String {
    switch loss {
    case .refusedByTable: "the table refuses it"
    case .unrouted(_, let tuple, _): "nobody takes \(tuple.destination)"
    case .unknownAddress(let address): "outside the cluster nobody has \(address)"
    case .nodeDown(let node): "node \(nodePlanes[node].name) is down"
    case .staleRoute(let on, let to):
      "\(nodePlanes[on].name) routes to where \(nodePlanes[to].name) no longer is"
    case .lossOnPath: "every packet gets lost there"
    case .partition: "the network is partitioned"
    case .conntrackFull(let node): "the conntrack table of \(nodePlanes[node].name) is full"
    case .conntrackMissing: "its receiver does not know the flow"
    case .podGone(_, let address): "no pod has \(address) now"
    case .loadBalancerHasNoTarget: "the load balancer has no healthy target"
    case .loadBalancerCut: "the load balancer has ended the connection"
    case .loadBalancerIdle: "the load balancer has forgotten the connection"
    case .foreignReply: "it comes from an address that its receiver did not speak to"
    case .conntrackInvalid, .insertRace, .expiredByPacket, .snatPortsExhausted, .portClosed, .backlogFull,
      .queueOverflow, .serverEnded, .serverClosedIdle, .foreignConnection, .slowServer:
      "nobody takes it"
    }
  }
}
