// SPDX-License-Identifier: GPL-3.0-or-later
//
// The servers' side of DNS: CoreDNS pods that queries reach as packets, the resolver outside that they
// forward to, and the API's records as they become known to them.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimRandom
import Traffic

extension World {
  // MARK: The API's records

  mutating func setUpDNS() {
    guard let name = scenario.cluster.dns.service else { return }
    dns.serviceAddress = control.store.serviceID(name).flatMap { control.store.service($0) }?.clusterAddress
    for index in 0..<control.store.serviceCount { recordZone(ServiceID(index)) }
    setUpNodeLocal()
  }

  mutating func recordZone(_ id: ServiceID) {
    guard scenario.cluster.dns.service != nil else { return }
    dns.zone.record(control.store.serviceName(id), control.dnsRecords(of: id), at: now)
  }

  // MARK: A query arrives

  mutating func receiveQuery(_ packet: Packet, _ host: HostReference) {
    if host.kind == .node, isForCache(packet) { return cacheReceives(packet, Int(host.id)) }
    let slot = packet.connection
    guard let index = server(on: host, packet.tuple.destinationPort, packet.tuple.transport),
      servers[index].isListening
    else { return portClosed(packet, host) }
    guard let question = dns.sockets[slot]?.sent[Int(packet.number)] else { return }
    var stream = serviceStream(packet)
    let time = serverSampler(index).duration(&stream)
    switch servers[index].receiveRequest(now: now, serviceTime: time) {
    case .overflow: blame(slot, .queueOverflow(node: nodeIndex(of: host)))
    case .servedAt(let done):
      let query = PendingQuery(
        connection: slot, generation: packet.generation, number: packet.number, question: question,
        tuple: packet.tuple, host: host, server: index, node: nodeIndex(of: host), since: now)
      schedule(dns.queries.add(query), at: done)
    }
  }

  func serviceStream(_ packet: Packet) -> RandomStream {
    let c = connections[packet.connection].pointee
    let counter =
      UInt64(c.ordinal) << 28 | UInt64(c.attempt) << 20 | UInt64(c.draws >> 10) << 12 | UInt64(packet.number)
    return RandomStream(key: instances[Int(c.instance)].serviceKey.deriving(53), counter: counter << 2)
  }

  /// What the scenario's servers say of these pods, else what CoreDNS takes.
  private func serverSampler(_ index: Int) -> Sampler {
    let settings = servers[index].settings
    return settings == serverSettings.count - 1 ? dns.serviceTime : serviceTimes[settings]
  }

  mutating func schedule(_ q: UInt32, at time: SimTime) {
    let query = dns.queries[q]
    let c = query.connection == .max ? 0 : connections[query.connection].pointee.instance
    let rank = EventRank.make(.server, entity: 0x8_0000_0000 | UInt64(c), counter: UInt32(query.number))
    queue.push(at: time, rank: rank, .query(q, dns.queries.generation(q)))
  }

  // MARK: The server has done its work

  mutating func queryDue(_ q: UInt32, _ generation: UInt16) {
    guard dns.queries.isCurrent(q, generation) else { return }
    switch dns.queries[q].stage {
    case .working: dns.queries[q].server < 0 ? cacheAnswers(q) : serverAnswers(q)
    case .forwarded(let asked): upstreamAnswered(q, asked)
    case .asksService: serviceTimedOut(q)
    }
  }

  private mutating func serverAnswers(_ q: UInt32) {
    let query = dns.queries[q]
    servers[query.server].finishRequest(now: now)
    guard isServing(query) else { return dns.queries.remove(q) }
    let pod = podIndex(of: query)
    var server = dns.coreDNS[pod] ?? makeCoreDNS(pod)
    let step = server.answer(query.question, at: now, zone: dns.zone)
    dns.coreDNS[pod] = server
    switch step {
    case .answer(let response): reply(q, response)
    case .forward(let asked): forwardUpstream(q, asked)
    }
  }

  private func isServing(_ query: PendingQuery) -> Bool {
    servers[query.server].isRunning && (query.node < 0 || nodePlanes[query.node].isUp)
  }

  /// CoreDNS in the host network shares its node's stack: any number that no pod has.
  private func podIndex(of query: PendingQuery) -> Int {
    query.host.kind == .pod ? Int(query.host.id) : -1 - Int(query.host.id)
  }

  private func makeCoreDNS(_ pod: Int) -> CoreDNSServer {
    let key = RandomKey(
      seed: scenario.seed, replication: replication, purpose: DNSPlane.purposeWatch,
      entity: UInt64(bitPattern: Int64(pod)))
    let start = pod >= 0 ? dns.startedAt[pod] ?? .zero : .zero
    return CoreDNSServer(scenario.cluster.dns, watchDelay: dns.watchDelay, key: key, startedAt: start)
  }

  /// A pod's processes start: whatever its CoreDNS knew is forgotten.
  mutating func dnsProcessStarted(_ pod: PodID) {
    guard scenario.cluster.dns.service != nil else { return }
    dns.coreDNS[pod.index] = nil
    dns.startedAt[pod.index] = now
    cacheStarted(pod)
  }

  mutating func reply(_ q: UInt32, _ response: DNSResponse) {
    let query = dns.queries[q]
    dns.queries.remove(q)
    let slot = query.connection
    guard connections.isCurrent(slot, query.generation), dns.sockets[slot] != nil else { return }
    dns.sockets[slot]?.answers[query.number] = response
    // The packet carries the number of the query that it answers.
    let latest = connections[slot].pointee.requestNumber
    connections[slot].pointee.requestNumber = query.number
    if query.server < 0 {
      sendUntracked(
        .queryAnswer, slot, on: query.node,
        to: instances[Int(connections[slot].pointee.instance)].host)
    } else {
      send(
        query.tuple.transport == .tcp ? .streamAnswer : .queryAnswer, slot, from: query.host,
        tuple: query.tuple.reversed)
    }
    if connections.isCurrent(slot, query.generation) {
      connections[slot].pointee.requestNumber = latest
    }
  }

  // MARK: Upstream

  mutating func forwardUpstream(_ q: UInt32, _ asked: DNSQuestion) {
    dns.queries[q].stage = .forwarded(asked)
    schedule(q, at: now + upstreamDelay())
  }

  private mutating func upstreamDelay() -> SimDuration {
    dns.upstreamDraws += 1
    var stream = RandomStream(key: dns.upstreamKey.deriving(dns.upstreamDraws))
    return dns.upstreamLatency.duration(&stream)
  }

  private mutating func upstreamAnswered(_ q: UInt32, _ asked: DNSQuestion) {
    let query = dns.queries[q]
    let response = upstreamAnswer(asked)
    if query.connection == .max {
      dns.queries.remove(q)
      return directAnswer(query, response)
    }
    if query.server < 0 { return cacheGot(q, response) }
    guard isServing(query) else { return dns.queries.remove(q) }
    let pod = podIndex(of: query)
    var server = dns.coreDNS[pod] ?? makeCoreDNS(pod)
    let answer = server.finish(query.question, forwarded: asked, response, at: now)
    dns.coreDNS[pod] = server
    reply(q, answer)
  }

  /// What the resolver outside says now.
  private mutating func upstreamAnswer(_ question: DNSQuestion) -> DNSResponse {
    let settings = scenario.cluster.dns.upstream
    if settings.caches, let kept = dns.upstreamCache.find(question, at: now) { return kept }
    var response = DNSResponse(.nameError, ttl: settings.negativeTTL)
    if let record = control.externalRecord(question.name) {
      response = DNSResponse(
        .noError, question.type == .a ? record.addresses : [],
        ttl: question.type == .a ? record.ttl : settings.negativeTTL)
    }
    return settings.caches ? dns.upstreamCache.keep(response, for: question, at: now) : response
  }

  // MARK: Pods that speak to upstream themselves (dnsPolicy Default)

  mutating func askUpstreamDirectly(_ question: DNSQuestion, _ l: UInt32) {
    var query = PendingQuery(
      connection: .max, generation: dns.lookups.generation(l), number: UInt16(truncatingIfNeeded: l),
      question: question,
      tuple: FlowTuple(
        source: .unspecified, sourcePort: 0, destination: .unspecified, destinationPort: Self.dnsPort),
      host: .none, server: -1, node: -1, since: now)
    query.socket = l
    forwardUpstream(dns.queries.add(query), question)
  }

  private mutating func directAnswer(_ query: PendingQuery, _ response: DNSResponse) {
    guard dns.lookups.isCurrent(query.socket, query.generation) else { return }
    lookupReceived(query.socket, response, query.question)
  }
}
