// SPDX-License-Identifier: GPL-3.0-or-later
//
// A client's look-up where DNS is made of pods: what Lookup says is done here, with sockets of the client's
// host, packets through its node's tables, and timers.
//
//     lookUp -> Lookup.start -> socket, query packets -> ... World+DNSServers ... -> answer packets
//                                  '-- timer                    -> Lookup.received -> open / failEarly

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimRandom
import Traffic

extension World {
  /// Whether the client's names are looked up by packets. Clients outside and on nodes do not have the
  /// cluster's resolv.conf: how they know a Service's address is not modelled.
  func resolvesByService(_ i: Int) -> Bool {
    scenario.cluster.dns.service != nil && !instances[i].pod.isNone
  }

  mutating func beginLookup(_ operation: WaitingOperation) {
    let i = Int(operation.instance)
    if now < instances[i].denialExpires {
      return failEarly(operation, .dnsFailed, deniedCause(instances[i].group))
    }
    let plan = instances[i].resolver ?? makeResolver(i)
    instances[i].resolver = plan
    let run = LookupRun(
      operation: operation, lookup: Lookup(plan.settings, candidates: plan.candidates),
      nameserver: plan.nameserver)
    let l = dns.lookups.add(run)
    perform(dns.lookups[l].lookup.start(), l)
  }

  /// What the kubelet writes into the pod's resolv.conf (k/k pkg/kubelet/network/dns/dns.go).
  private func makeResolver(_ i: Int) -> ResolverPlan {
    let settings = scenario.cluster.dns
    let domain = settings.clusterDomain
    let pod = control.pods[instances[i].pod.index]
    let spec = control.store.pod(pod.id)?.spec ?? PodSpec()
    let namespace = pod.name.namespace
    var policy = spec.dns.policy
    if policy == .clusterFirst, spec.hostNetwork { policy = .default }
    var resolver = settings.resolver
    var search = settings.resolver.nodeSearch
    var nameserver = Nameserver.cluster
    switch policy {
    case .clusterFirst, .clusterFirstWithHostNet:
      search = ["\(namespace).svc.\(domain)", "svc.\(domain)", domain] + search
    case .default:
      resolver.ndots = 1  // resolv.conf(5)
      nameserver = .upstream
    case .none:
      resolver.ndots = 1
      search = []
      let local = settings.nodeLocal?.address
      let isCluster = spec.dns.nameservers.first.map { $0 == dns.serviceAddress || $0 == local } ?? false
      nameserver = isCluster ? .cluster : .upstream
    }
    search += spec.dns.searches
    for option in spec.dns.options { _ = resolver.apply(option) }
    let name = lookupName(groups[instances[i].group].settings, from: namespace)
    return ResolverPlan(
      settings: resolver, nameserver: nameserver, candidates: resolver.candidates(for: name, search: search))
  }

  /// The name in the client's configuration: short within its own namespace, as most are written.
  private func lookupName(_ client: ClientSettings, from namespace: String) -> String {
    if let name = client.dnsName { return name }
    switch client.target {
    case .service(let service, _):
      return service.namespace == namespace ? service.name : "\(service.name).\(service.namespace)"
    case .name(let name, _): return name
    case .nodePort, .loadBalancer, .externalIP, .address: preconditionFailure("a target without a name")
    }
  }

  // MARK: Directives

  private mutating func perform(_ directives: [Lookup.Directive], _ l: UInt32) {
    for directive in directives {
      switch directive {
      case .closeSockets: closeSockets(l)
      case .openSocket: openSocket(l)
      case .send(let question): sendQuery(question, l)
      case .setTimer(let wait): startTimer(l, wait)
      case .finish(let outcome): return finish(l, outcome)
      }
    }
  }

  private mutating func startTimer(_ l: UInt32, _ wait: SimDuration) {
    while dns.timers.count <= Int(l) { dns.timers.append(0) }
    dns.timers[Int(l)] &+= 1
    let timer = dns.timers[Int(l)]
    let o = dns.lookups[l].operation
    let rank = EventRank.connection(
      .client, instance: o.instance, ordinal: o.ordinal,
      counter: 0x80_0000 | UInt32(o.attempt & 127) << 16 | UInt32(timer))
    queue.push(at: now + wait, rank: rank, .lookupTimer(l, timer))
  }

  mutating func lookupTimerFired(_ l: UInt32, _ timer: UInt16) {
    guard dns.lookups.isUsed(l), dns.timers[Int(l)] == timer else { return }
    noteFailures(l)
    perform(dns.lookups[l].lookup.timedOut(), l)
  }

  private mutating func openSocket(_ l: UInt32) {
    dns.lookups[l].opened += 1
    guard dns.lookups[l].nameserver == .cluster else { return }
    let operation = dns.lookups[l].operation
    let i = Int(operation.instance)
    let usesTCP = dns.lookups[l].lookup.usesTCP
    let owner = DNSSocket.Owner.lookup(l, dns.lookups.generation(l))
    let cacheNode = cacheNode(of: i)
    let destination =
      (cacheNode >= 0 && scenario.cluster.dns.nodeLocal?.clusterDNS == .local
        ? scenario.cluster.dns.nodeLocal?.address : dns.serviceAddress) ?? .unspecified
    guard
      let slot = openQuerySocket(
        i, owner, destination, usesTCP && cacheNode < 0 ? .tcp : .udp, cacheNode: cacheNode)
    else { return }
    connections[slot].pointee.ordinal = operation.ordinal
    connections[slot].pointee.attempt = operation.attempt
    connections[slot].pointee.attemptStart = operation.attemptStart
    // Places in the stream of draws that the operation's own connection does not come to.
    connections[slot].pointee.draws = 1024 &* dns.lookups[l].opened
    dns.lookups[l].sockets.append(slot)
    if connections[slot].pointee.tuple.transport == .tcp { sendSyn(slot) }
  }

  /// A socket of the instance's host towards a DNS server; nil: no port is free.
  mutating func openQuerySocket(
    _ i: Int, _ owner: DNSSocket.Owner, _ destination: IPv4Address, _ transport: TransportProtocol,
    cacheNode: Int
  ) -> UInt32? {
    let pool = portPool(i, destination, Self.dnsPort)
    guard let port = portPools[pool].take(now: now) else { return nil }
    let slot = connections.open()
    let c = connections[slot]
    c.pointee.instance = UInt32(i)
    c.pointee.isLookup = true
    c.pointee.tuple = FlowTuple(
      source: instances[i].address, sourcePort: port, destination: destination,
      destinationPort: Self.dnsPort, transport: transport)
    c.pointee.portPool = UInt32(pool)
    c.pointee.openedAt = now.nanoseconds
    c.pointee.attemptStart = now.nanoseconds
    c.pointee.phase = transport == .tcp ? .connecting : .awaiting
    c.pointee.phaseStart = now.nanoseconds
    // The look-up's own timer ends it.
    c.pointee.deadline = .max
    c.pointee.retransmitAt = .max
    dns.sockets[slot] = DNSSocket(owner: owner, generation: c.pointee.generation)
    dns.sockets[slot]?.cacheNode = cacheNode
    return slot
  }

  static var dnsPort: UInt16 { 53 }

  mutating func closeQuerySocket(_ slot: UInt32) {
    guard let socket = dns.sockets.removeValue(forKey: slot) else { return }
    let c = connections[slot]
    precondition(c.pointee.generation == socket.generation, "socket \(slot) was closed behind its back")
    releasePort(slot, lingers: c.pointee.tuple.transport == .tcp)
    if c.pointee.tuple.transport == .tcp, c.pointee.phase == .awaiting {
      c.pointee.phase = .closing
      send(.clientFin, slot, from: instances[Int(c.pointee.instance)].host, tuple: c.pointee.tuple)
    } else {
      endClosing(slot)
    }
  }

  private mutating func closeSockets(_ l: UInt32) {
    noteFailures(l)
    let sockets = dns.lookups[l].sockets
    dns.lookups[l].sockets = []
    for slot in sockets { closeQuerySocket(slot) }
  }

  /// Remembers what the first query that was lost met.
  private mutating func noteFailures(_ l: UInt32) {
    for slot in dns.lookups[l].sockets where dns.lookups[l].failure == nil {
      let failure = connections[slot].pointee.failure
      if failure.isNone { continue }
      let cause = Recorder.causes[Int(failure.cause)]
      dns.lookups[l].failure = savedBy(cause, node: failure.node == .max ? nil : Int(failure.node))
    }
  }

  // MARK: Queries

  private mutating func sendQuery(_ question: DNSQuestion, _ l: UInt32) {
    if isCounted(dns.lookups[l].operation) { dns.queryCount += 1 }
    guard dns.lookups[l].nameserver == .cluster else { return askUpstreamDirectly(question, l) }
    guard let slot = dns.lookups[l].sockets.last else { return }
    if connections[slot].pointee.phase == .connecting {
      dns.sockets[slot]?.queued.append(question)
    } else {
      transmit(question, slot)
    }
  }

  private func isCounted(_ operation: WaitingOperation) -> Bool {
    SimTime(nanoseconds: operation.attemptStart) >= recorderWarmUp
  }

  /// Puts a query on its way.
  mutating func transmit(_ question: DNSQuestion, _ slot: UInt32) {
    guard let socket = dns.sockets[slot] else { return }
    let number = UInt16(truncatingIfNeeded: socket.sent.count)
    dns.sockets[slot]?.sent.append(question)
    if number == 0 { dns.sockets[slot]?.firstSentAt = now }
    connections[slot].pointee.requestNumber = number
    let c = connections[slot].pointee
    let host = instances[Int(c.instance)].host
    if socket.cacheNode >= 0 {
      return sendUntracked(.query, slot, on: socket.cacheNode, to: .init(.node, UInt32(socket.cacheNode)))
    }
    if c.tuple.transport == .tcp { return send(.streamQuery, slot, from: host, tuple: c.tuple) }
    if number == 1, socket.firstSentAt == now, losesInsertRace(slot) { return }
    send(.query, slot, from: host, tuple: c.tuple)
  }

  /// The TCP connection of a look-up, or of a node's cache, is open.
  mutating func lookupConnected(_ slot: UInt32) {
    connections[slot].pointee.phase = .awaiting
    connections[slot].pointee.wasEstablished = true
    connections[slot].pointee.retransmitAt = .max
    gotThrough(slot)
    let queued = dns.sockets[slot]?.queued ?? []
    dns.sockets[slot]?.queued = []
    for question in queued { transmit(question, slot) }
  }

  /// Two queries left one socket together: has the second one passed the node's tables before the first was
  /// confirmed there, and is it dropped for that (FACTS E6)?
  private mutating func losesInsertRace(_ slot: UInt32) -> Bool {
    let race = scenario.cluster.dns.insertRace
    let c = connections[slot].pointee
    guard race.probability > 0, race.resolution != .keep else { return false }
    let node = instances[Int(c.instance)].node
    // Without DNAT there is one entry for both; Cilium's socket has no DNAT on its way.
    guard !c.isTranslatedAtSocket, let hit = conntrack[node].pointee.find(c.tuple, now: now),
      conntrack[node].pointee[hit.slot].isTranslated
    else { return false }
    var stream = behaviourStream(
      c.instance, c.ordinal, attempt: c.attempt, draw: 128 + UInt64((c.draws >> 10) & 127))
    guard stream.bernoulli(race.probability) else { return false }
    let entry = conntrack[node].pointee[hit.slot]
    if race.resolution == .dropUnlessSameEndpoint, choosesAgain(c.tuple, node, entry, stream.next()) {
      return false
    }
    packetCount += 1
    blame(slot, .insertRace(node: node))
    if case .lookup(let l, _) = dns.sockets[slot]?.owner { dns.lookups[l].hasRaced = true }
    return true
  }

  /// The second packet was given the same endpoint as the first.
  private mutating func choosesAgain(
    _ tuple: FlowTuple, _ node: Int, _ entry: ConntrackEntry, _ random: UInt64
  ) -> Bool {
    // ipvs finds the connection that it has just made.
    if entry.isScheduled { return true }
    let verdict = proxies.decide(
      node: NodeID(node), flow: tuple, origin: .pod, at: now, random: random)
    return verdict.kind == .forward && verdict.address.bits == entry.reply.source
  }

  mutating func lookupAnswered(_ slot: UInt32, number: UInt16) {
    guard let response = dns.sockets[slot]?.answers.removeValue(forKey: number),
      let socket = dns.sockets[slot]
    else { return }
    // One answer does not undo that another query was lost: it is remembered beside.
    if case .lookup(let l, _) = socket.owner { noteFailures(l) }
    gotThrough(slot)
    let question = socket.sent[Int(number)]
    switch socket.owner {
    case .lookup(let l, _): perform(dns.lookups[l].lookup.received(response, to: question), l)
    case .nodeLocal(let q, _): serviceAnswered(q, response)
    }
  }

  /// RST or ICMP on a socket of DNS.
  mutating func lookupRefused(_ slot: UInt32) {
    guard let socket = dns.sockets[slot] else { return }
    switch socket.owner {
    case .lookup(let l, _):
      noteFailures(l)
      perform(dns.lookups[l].lookup.refused(), l)
    case .nodeLocal(let q, _): serviceFailed(q)
    }
  }

  mutating func lookupReceived(_ l: UInt32, _ response: DNSResponse, _ question: DNSQuestion) {
    perform(dns.lookups[l].lookup.received(response, to: question), l)
  }

  // MARK: The end

  private mutating func finish(_ l: UInt32, _ outcome: Lookup.Outcome) {
    let run = dns.lookups[l]
    for slot in run.sockets { closeQuerySocket(slot) }
    dns.lookups.remove(l)
    let operation = run.operation
    let i = Int(operation.instance)
    let group = instances[i].group
    if isCounted(operation) {
      dns.lookupCount += 1
      dns.timeoutCount += run.lookup.timeouts
    }
    let start = SimTime(nanoseconds: operation.attemptStart)
    let isFound = if case .found = outcome { true } else { false }
    recorder.latency(
      target: groups[group].target, phase: .dns, outcome: isFound ? .completed : .dnsFailed, now - start,
      start: start)
    let policy = groups[group].cachePolicy
    switch outcome {
    case .found(let addresses, let ttl):
      remember(addresses, i, until: policy.expiry(of: ttl, at: now), operation)
      open(operation)
    case .notFound(let ttl):
      instances[i].denialExpires = now + min(policy.negative, ttl == .zero ? policy.negative : ttl)
      failEarly(operation, .dnsFailed, deniedCause(group))
    case .timedOut, .refused, .serverFailure:
      instances[i].denialExpires = now + policy.negative
      failEarly(
        operation, .dnsFailed, run.hasRaced ? .insertRace : .dnsLost,
        detail: run.failure.map { "; the query lacked \($0)" } ?? "")
    }
  }

  /// The name is there by now, so that a fresh answer would have saved the connection, or it is not.
  private func deniedCause(_ group: Int) -> Cause {
    let fresh = answers[groups[group].answer]
    return fresh.exists && !fresh.addresses.isEmpty ? .staleDNS : .nameNotFound
  }

  /// CoreDNS shuffles each answer (`loadbalance`), and clients begin with the first address of the one that
  /// they keep.
  private mutating func remember(
    _ addresses: [IPv4Address], _ i: Int, until: SimTime, _ operation: WaitingOperation
  ) {
    let group = instances[i].group
    let fresh = answers[groups[group].answer]
    if fresh.port != 0 { groups[group].knownTarget = (fresh.port, fresh.isDirect) }
    let (port, isDirect) = groups[group].knownTarget
    let answer = TargetAnswer(
      addresses: addresses.sorted(), port: port, ttl: .zero, exists: true, isDirect: isDirect)
    if let known = dns.answers[answer] {
      instances[i].answer = known
    } else {
      answers.append(answer)
      instances[i].answer = answers.count - 1
      dns.answers[answer] = answers.count - 1
    }
    instances[i].answerExpires = until
    var stream = behaviourStream(operation.instance, operation.ordinal, attempt: operation.attempt, draw: 64)
    instances[i].firstAddress = answer.addresses[Int(stream.below(UInt64(answer.addresses.count)))]
    // Who keeps an answer goes on with its first address: those choices hang together.
    if isDirect, until > now { recorder.noteDependence(of: groups[group].target) }
  }

  /// The client's pod or node has gone.
  mutating func endLookups(of i: Int) {
    for l in dns.lookups.slots where dns.lookups[l].operation.instance == UInt32(i) {
      let run = dns.lookups[l]
      for slot in run.sockets { dropQuerySocket(slot) }
      dns.lookups.remove(l)
      abandon(run.operation)
    }
  }

  /// A socket whose host has gone says nothing.
  mutating func dropQuerySocket(_ slot: UInt32) {
    dns.sockets[slot] = nil
    releasePort(slot, lingers: false)
    endClosing(slot)
  }
}
