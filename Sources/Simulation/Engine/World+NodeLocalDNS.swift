// SPDX-License-Identifier: GPL-3.0-or-later
//
// NodeLocal DNSCache (KEP-1024): a cache on each node that its pods' queries reach past conntrack and NAT,
// and that asks the DNS Service over TCP. It is up while its DaemonSet's pod on the node is; one that ends in
// order takes its interface along, so that queries go to the Service again, and one that crashes leaves the
// interface behind.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Traffic

extension World {
  // MARK: Its life

  mutating func setUpNodeLocal() {
    guard scenario.cluster.dns.nodeLocal != nil else { return }
    for pod in control.pods where pod.hasProcess { cacheStarted(pod.id) }
  }

  /// The node on which this pod is the cache.
  private func cacheNode(ofPod pod: PodID) -> Int? {
    guard let settings = scenario.cluster.dns.nodeLocal else { return nil }
    let record = control.pods[pod.index]
    guard !record.owner.isNone, !record.node.isNone,
      control.workloads[record.owner.index].object.metadata.namespacedName == settings.daemonSet
    else { return nil }
    return record.node.index
  }

  mutating func cacheStarted(_ pod: PodID) {
    guard let node = cacheNode(ofPod: pod), let settings = scenario.cluster.dns.nodeLocal else { return }
    let minimum = scenario.cluster.dns.coreDNS.cacheMinimum
    let instance = dns.nodeLocal[node]?.instance ?? .max
    let limit = scenario.cluster.dns.coreDNS.cacheTTL
    dns.nodeLocal[node] = NodeLocalCache(
      state: .up,
      cluster: DNSCache(
        successLimit: settings.successTTL, denialLimit: settings.denialTTL, minimum: minimum),
      outside: DNSCache(successLimit: limit, denialLimit: limit, minimum: minimum), instance: instance)
  }

  mutating func cacheEnded(_ pod: PodID, crashed: Bool) {
    guard let node = cacheNode(ofPod: pod) else { return }
    dns.nodeLocal[node]?.state = crashed ? .crashed : .removed
    for q in dns.queries.slots where dns.queries[q].server < 0 && dns.queries[q].node == node {
      endCacheQuery(q)
    }
  }

  private mutating func endCacheQuery(_ q: UInt32) {
    let socket = dns.queries[q].socket
    let isOwn = if case .asksService = dns.queries[q].stage { true } else { false }
    dns.queries.remove(q)
    if isOwn, dns.sockets[socket] != nil { dropQuerySocket(socket) }
  }

  /// The node whose cache takes the queries of this client; −1: they go to the Service.
  func cacheNode(of i: Int) -> Int {
    guard let settings = scenario.cluster.dns.nodeLocal else { return -1 }
    let node = instances[i].node
    let state = dns.nodeLocal[node]?.state ?? .removed
    switch settings.clusterDNS {
    // Nobody else has the link-local address: without the cache there is no answer at all.
    case .local: return node
    case .service: return state == .removed || bindsServiceAddress(node) ? -1 : node
    }
  }

  /// ipvs has every cluster IP on a dummy interface of the node, so that the cache cannot have this one.
  private func bindsServiceAddress(_ node: Int) -> Bool { control.nodes[node].proxy.mode == .ipvs }

  // MARK: Packets past conntrack

  /// NOTRACK: no table of the node sees the packet.
  mutating func sendUntracked(_ kind: PacketKind, _ slot: UInt32, on node: Int, to host: HostReference) {
    packetCount += 1
    let c = connections[slot]
    let tuple = kind == .query ? c.pointee.tuple : c.pointee.tuple.reversed
    let packet = packets.add(
      tuple: tuple, connection: slot, generation: c.pointee.generation, kind: kind,
      number: c.pointee.requestNumber)
    guard nodePlanes[node].isUp else { return lose(packet, .nodeDown(node)) }
    deliverPastTables(packet, on: node, to: host)
  }

  func isForCache(_ packet: Packet) -> Bool { (dns.sockets[packet.connection]?.cacheNode ?? -1) >= 0 }

  // MARK: Queries of pods

  mutating func cacheReceives(_ packet: Packet, _ node: Int) {
    let slot = packet.connection
    guard let question = dns.sockets[slot]?.sent[Int(packet.number)] else { return }
    switch dns.nodeLocal[node]?.state ?? .removed {
    case .removed:
      // The link-local address is nobody's: silence.
      blame(slot, .podGone(node: node, packet.tuple.destination))
    case .crashed:
      blame(slot, .portClosed(node: node, packet.tuple.destination, port: Self.dnsPort))
      sendUntracked(
        .portUnreachable, slot, on: node, to: instances[Int(connections[slot].pointee.instance)].host)
    case .up:
      var stream = serviceStream(packet)
      let query = PendingQuery(
        connection: slot, generation: packet.generation, number: packet.number, question: question,
        tuple: packet.tuple, host: HostReference(.node, UInt32(node)), server: -1, node: node, since: now)
      schedule(dns.queries.add(query), at: now + dns.serviceTime.duration(&stream))
    }
  }

  private func isOfCluster(_ question: DNSQuestion) -> Bool {
    let domain = scenario.cluster.dns.clusterDomain
    return question.name == domain || question.name.hasSuffix(".\(domain)")
  }

  mutating func cacheAnswers(_ q: UInt32) {
    let query = dns.queries[q]
    guard nodePlanes[query.node].isUp, var cache = dns.nodeLocal[query.node], cache.state == .up else {
      return dns.queries.remove(q)
    }
    let isCluster = isOfCluster(query.question)
    let kept =
      isCluster
      ? cache.cluster.find(query.question, at: now) : cache.outside.find(query.question, at: now)
    dns.nodeLocal[query.node] = cache
    if let kept {
      dns.cacheHits += 1
      return reply(q, kept)
    }
    if isCluster { askService(q, attempts: 1) } else { forwardUpstream(q, query.question) }
  }

  /// The cache has got what it asked for.
  mutating func cacheGot(_ q: UInt32, _ response: DNSResponse) {
    let query = dns.queries[q]
    guard var cache = dns.nodeLocal[query.node], cache.state == .up else { return dns.queries.remove(q) }
    let answer =
      isOfCluster(query.question)
      ? cache.cluster.keep(response, for: query.question, at: now)
      : cache.outside.keep(response, for: query.question, at: now)
    dns.nodeLocal[query.node] = cache
    reply(q, answer)
  }

  // MARK: Its own queries to the Service, over TCP

  /// coredns plugin/pkg/proxy, readTimeout.
  private static var readTimeout: SimDuration { .seconds(2) }
  /// coredns plugin/forward, defaultTimeout: no further attempt later than this.
  private static var forwardTimeout: SimDuration { .seconds(5) }

  private mutating func askService(_ q: UInt32, attempts: Int) {
    let query = dns.queries[q]
    let i = cacheInstance(query.node)
    let owner = DNSSocket.Owner.nodeLocal(q, dns.queries.generation(q))
    dns.queries[q].stage = .asksService(attempts: attempts)
    dns.queries[q].socket = .max
    schedule(q, at: now + Self.readTimeout)
    guard let address = dns.serviceAddress,
      let slot = openQuerySocket(i, owner, address, .tcp, cacheNode: -1)
    else { return }
    connections[slot].pointee.ordinal = instances[i].nextOrdinal
    instances[i].nextOrdinal += 1
    dns.sockets[slot]?.queued = [query.question]
    dns.queries[q].socket = slot
    sendSyn(slot)
  }

  mutating func serviceAnswered(_ q: UInt32, _ response: DNSResponse) {
    let socket = dns.queries[q].socket
    dns.queries[q].socket = .max
    closeQuerySocket(socket)
    cacheGot(q, response)
  }

  /// Refused or reset: the next attempt at once, while there is time.
  mutating func serviceFailed(_ q: UInt32) {
    guard case .asksService(let attempts) = dns.queries[q].stage else { return }
    let socket = dns.queries[q].socket
    dns.queries[q].socket = .max
    if dns.sockets[socket] != nil { dropQuerySocket(socket) }
    // A refusal comes back within microseconds; CoreDNS's own loop is bounded by time alone.
    if now - dns.queries[q].since < Self.forwardTimeout, attempts < Self.attemptLimit {
      askService(again(q), attempts: attempts + 1)
    } else {
      reply(q, DNSResponse(.serverFailure, ttl: .zero))
    }
  }

  /// Bounds refusals without end. Assumed.
  private static var attemptLimit: Int { 8 }

  mutating func serviceTimedOut(_ q: UInt32) { serviceFailed(q) }

  /// A slot of its own for each attempt, so that the timer of the one before is void.
  private mutating func again(_ q: UInt32) -> UInt32 {
    let query = dns.queries[q]
    dns.queries.remove(q)
    return dns.queries.add(query)
  }

  /// The client instance in whose name the node's cache speaks: it lives on the node and belongs to a group
  /// that no report shows.
  private mutating func cacheInstance(_ node: Int) -> Int {
    if let known = dns.nodeLocal[node]?.instance, known != .max, instances[Int(known)].isAlive {
      return Int(known)
    }
    if dns.cacheGroup < 0 {
      var settings = ClientSettings(
        name: "node-local-dns", place: .outside(address: .unspecified, count: 0),
        target: .address(.unspecified, port: Self.dnsPort), arrivals: .trace([]))
      settings.synLinearTimeouts = 0
      var group = ClientGroup(settings, duration: scenario.duration)
      answers.append(TargetAnswer())
      group.answer = answers.count - 1
      groups.append(group)
      dns.cacheGroup = groups.count - 1
    }
    addInstance(dns.cacheGroup, HostReference(.node, UInt32(node)), node: node)
    dns.nodeLocal[node]?.instance = UInt32(instances.count - 1)
    return instances.count - 1
  }
}
