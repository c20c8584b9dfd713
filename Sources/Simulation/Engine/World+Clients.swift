// SPDX-License-Identifier: GPL-3.0-or-later
//
// Operations: when they begin, what they ask of DNS, how they get a connection, and what becomes of them.
//
//     due -> [pool] -> [DNS] -> connection -> ... -> decided -> retry after back-off, or done

import NetworkTypes
import SimKernel
import SimRandom
import Traffic

extension World {
  // MARK: Beginning

  /// The next operation of an open-loop instance is due.
  mutating func operationDue(_ i: UInt32) {
    let instance = Int(i)
    guard instances[instance].isAlive else { return }
    arrivalDigest.mix(UInt64(bitPattern: now.nanoseconds) ^ UInt64(i) << 48)
    scheduleArrival(i)
    begin(i)
  }

  mutating func scheduleArrival(_ i: UInt32) {
    guard let next = instances[Int(i)].arrivals.next(after: now), next < groups[instances[Int(i)].group].stop
    else { return }
    let rank = EventRank.make(.client, entity: UInt64(i), counter: instances[Int(i)].nextOrdinal)
    queue.push(at: next, rank: rank, .arrival(i))
  }

  /// A user of a closed-loop instance has finished thinking.
  mutating func userDue(_ i: UInt32) {
    if instances[Int(i)].isAlive, now < groups[instances[Int(i)].group].stop { begin(i) }
  }

  private mutating func begin(_ i: UInt32) {
    let instance = Int(i)
    let ordinal = instances[instance].nextOrdinal
    instances[instance].nextOrdinal += 1
    let group = instances[instance].group
    var requests = groups[group].constantRequests
    if requests == 0 {
      var stream = behaviourStream(i, ordinal, attempt: 0, draw: 0)
      requests = UInt16(max(1, min(groups[group].requests.draw(&stream), 65535)))
    }
    undecided += 1
    if now >= recorderWarmUp { recorder.operations += 1 }
    start(
      WaitingOperation(
        instance: i, ordinal: ordinal, requests: requests, intended: now.nanoseconds,
        attemptStart: now.nanoseconds))
  }

  func behaviourStream(_ instance: UInt32, _ ordinal: UInt32, attempt: UInt8, draw: UInt64) -> RandomStream {
    let counter = UInt64(ordinal) << 24 | UInt64(attempt) << 16 | draw << 8
    return RandomStream(key: instances[Int(instance)].behaviourKey, counter: counter)
  }

  /// Gives an attempt a connection: a pooled one, a new one, or a place in the pool's queue.
  private mutating func start(_ operation: WaitingOperation) {
    let i = Int(operation.instance)
    let poolSize = groups[instances[i].group].poolSize
    if poolSize > 0 {
      if let slot = instances[i].idle.popLast() { return use(slot, for: operation) }
      if instances[i].poolOpen >= poolSize {
        var waits = operation
        waits.reason = .pool
        instances[i].queue.append(waiting.add(waits))
        return
      }
      instances[i].poolOpen += 1
    }
    lookUp(operation)
  }

  // MARK: Finding the address

  private mutating func lookUp(_ operation: WaitingOperation) {
    let i = Int(operation.instance)
    let group = instances[i].group
    if now < instances[i].answerExpires { return open(operation) }
    guard groups[group].asksDNS else {
      instances[i].answer = groups[group].answer
      instances[i].answerExpires = groups[group].cachePolicy.expiry(of: Self.inventoryRefresh, at: now)
      return open(operation)
    }
    if resolvesByService(i) { return beginLookup(operation) }
    var asks = operation
    asks.reason = .dns
    ask(asks)
  }

  /// How long a client that was given addresses by hand or by an inventory keeps them. Assumed: a minute.
  private static var inventoryRefresh: SimDuration { .seconds(60) }
  /// resolv.conf(5): timeout 5 s, 2 attempts.
  private static var resolverTimeout: SimDuration { .seconds(5) }
  private static var resolverAttempts: UInt8 { 2 }

  private mutating func ask(_ operation: WaitingOperation) {
    var asks = operation
    var stream = behaviourStream(
      operation.instance, operation.ordinal, attempt: operation.attempt, draw: UInt64(operation.queries) + 1)
    let isLost = scenario.cluster.dns.loss > 0 && stream.bernoulli(scenario.cluster.dns.loss)
    let delay = isLost ? Self.resolverTimeout : dnsLatency.duration(&stream)
    asks.queries += isLost ? 1 : 0x80
    let slot = waiting.add(asks)
    queue.push(
      at: now + delay, rank: waitingRank(operation), .resume(slot))
  }

  private func waitingRank(_ o: WaitingOperation) -> UInt64 {
    EventRank.connection(
      .client, instance: o.instance, ordinal: o.ordinal, counter: UInt32(o.attempt) << 8 | UInt32(o.queries))
  }

  /// DNS has answered or not, or a back-off is over.
  mutating func resume(_ slot: UInt32) {
    var operation = waiting[slot]
    waiting.remove(slot)
    let i = Int(operation.instance)
    guard instances[i].isAlive else { return abandon(operation) }
    switch operation.reason {
    case .backoff:
      operation.reason = .none
      start(operation)
    case .dns:
      dnsAnswered(operation)
    case .none, .pool:
      preconditionFailure("operation waits for \(operation.reason), not for time")
    }
  }

  private mutating func dnsAnswered(_ operation: WaitingOperation) {
    let i = Int(operation.instance)
    let group = instances[i].group
    let start = SimTime(nanoseconds: operation.attemptStart)
    if operation.queries < 0x80 {
      if operation.queries < Self.resolverAttempts { return ask(operation) }
      recorder.latency(
        target: groups[group].target, phase: .dns, outcome: .dnsFailed, now - start, start: start)
      return failEarly(operation, .dnsFailed, .dnsLost)
    }
    let answer = answers[groups[group].answer]
    guard answer.exists, !answer.addresses.isEmpty else {
      recorder.latency(
        target: groups[group].target, phase: .dns, outcome: .dnsFailed, now - start, start: start)
      return failEarly(operation, .dnsFailed, .nameNotFound)
    }
    recorder.latency(
      target: groups[group].target, phase: .dns, outcome: .completed, now - start, start: start)
    instances[i].answer = groups[group].answer
    instances[i].answerExpires = groups[group].cachePolicy.expiry(of: answer.ttl, at: now)
    open(operation)
  }

  // MARK: The connection

  mutating func open(_ operation: WaitingOperation) {
    let i = Int(operation.instance)
    let answer = instances[i].answer
    let destinationPort = answers[answer].port
    guard let address = chooseAddress(answer, operation) else {
      return failEarly(operation, .dnsFailed, .nameNotFound)
    }
    let pool = portPool(i, address, destinationPort)
    guard let port = portPools[pool].take(now: now) else {
      return failEarly(operation, .localError, .clientPortsExhausted)
    }
    let slot = connections.open()
    let group = instances[i].group
    let transport = groups[group].transport
    connections[slot].pointee.instance = operation.instance
    connections[slot].pointee.tuple = FlowTuple(
      source: instances[i].address, sourcePort: port, destination: address, destinationPort: destinationPort,
      transport: transport)
    connections[slot].pointee.portPool = UInt32(pool)
    connections[slot].pointee.isPooled = groups[group].poolSize > 0
    connections[slot].pointee.openedAt = now.nanoseconds
    adopt(slot, operation)
    if answers[answer].isDirect { noteChoice(slot, answer) }
    if transport == .udp {
      connections[slot].pointee.wasEstablished = true
      sendRequest(slot)
    } else {
      connections[slot].pointee.phase = .connecting
      connections[slot].pointee.phaseStart = now.nanoseconds
      connections[slot].pointee.deadline = (now + groups[group].connectTimeout).nanoseconds
      sendSyn(slot)
    }
  }

  private mutating func noteChoice(_ slot: UInt32, _ answer: Int) {
    let c = connections[slot].pointee
    if SimTime(nanoseconds: c.attemptStart) < recorderWarmUp { return }
    let owner = addresses.owner(of: c.tuple.destination)
    recorder.direct.chose(
      c.tuple.destination, pod: owner.kind == .pod ? Int32(owner.id) : -1, answer: answer,
      target: groups[instances[Int(c.instance)].group].target)
  }

  /// Makes the operation the one that the connection works for.
  private mutating func adopt(_ slot: UInt32, _ operation: WaitingOperation) {
    connections[slot].pointee.ordinal = operation.ordinal
    connections[slot].pointee.attempt = operation.attempt
    connections[slot].pointee.requestsLeft = operation.requests
    // Latency of a retry counts from the retry; the operation's own start decides only its place in the
    // report.
    connections[slot].pointee.intended = operation.attempt == 0 ? operation.intended : operation.attemptStart
    connections[slot].pointee.attemptStart = operation.attemptStart
    gotThrough(slot)
  }

  private mutating func use(_ slot: UInt32, for operation: WaitingOperation) {
    adopt(slot, operation)
    sendRequest(slot)
  }

  /// CoreDNS shuffles the answer and clients take the first (FACTS G, `loadbalance`).
  private func chooseAddress(_ answer: Int, _ operation: WaitingOperation) -> IPv4Address? {
    if let first = instances[Int(operation.instance)].firstAddress { return first }
    let count = answers[answer].addresses.count
    if count < 2 { return answers[answer].addresses.first }
    var stream = behaviourStream(operation.instance, operation.ordinal, attempt: operation.attempt, draw: 64)
    return answers[answer].addresses[Int(stream.below(UInt64(count)))]
  }

  mutating func portPool(_ i: Int, _ address: IPv4Address, _ port: UInt16) -> Int {
    let key = UInt64(address.bits) << 16 | UInt64(port)
    for k in instances[i].portPools.indices where instances[i].portPools[k].destination == key {
      return instances[i].portPools[k].pool
    }
    // Instances of one host share the host's ports.
    let shared = PortPoolKey(host: instances[i].host, destination: key)
    let pool = portPoolIndex[shared] ?? portPools.count
    if pool == portPools.count {
      portPools.append(
        PortPool(
          start: StableHash.mix(key ^ UInt64(instances[i].address.bits) << 20),
          ports: groups[instances[i].group].settings.localPorts))
      portPoolIndex[shared] = pool
    }
    instances[i].portPools.append((key, pool))
    return pool
  }

  mutating func releasePort(_ slot: UInt32, lingers: Bool) {
    let c = connections[slot]
    portPools[Int(c.pointee.portPool)].release(
      dialled(slot).sourcePort, now: now, lingers: lingers)
  }

  // MARK: What becomes of an attempt

  /// An attempt that never had a connection.
  mutating func failEarly(
    _ operation: WaitingOperation, _ outcome: Outcome, _ cause: Cause, detail: String = ""
  ) {
    let i = Int(operation.instance)
    let group = instances[i].group
    if groups[group].poolSize > 0 { instances[i].poolOpen -= 1 }
    let start = SimTime(nanoseconds: operation.attemptStart)
    recorder.otherAttempt(
      target: groups[group].target, client: group, start: start, outcome: outcome, cause: cause)
    var row = LostConnection()
    row.id = connectionName(operation.instance, operation.ordinal, operation.attempt)
    row.start = start
    row.end = now
    row.target = groups[group].target
    row.client = group
    row.clientNode = instances[i].node >= 0 ? nodePlanes[instances[i].node].name : ""
    row.outcome = outcome
    row.cause = cause
    row.savedBy = savedBy(cause, node: nil) + detail
    row.failedAt = now
    row.place.service = groups[group].service.isNone ? -1 : Int32(groups[group].service.index)
    recorder.add(row, decidingNode: instances[i].node)
    if following != nil { noteFollowed(operation, outcome, cause, detail: detail) }
    decided(operation, isLost: true)
  }

  /// Named as its draws are, so that it is the same attempt in every variant.
  func connectionName(_ instance: UInt32, _ ordinal: UInt32, _ attempt: UInt8) -> String {
    let client = instances[Int(instance)]
    return "\(groups[client.group].settings.name)-\(client.number)/\(ordinal)/\(attempt)"
  }

  /// The attempt on this connection is decided; the connection itself may live on.
  mutating func decide(_ slot: UInt32, isLost: Bool) {
    let c = connections[slot].pointee
    decided(
      WaitingOperation(
        instance: c.instance, ordinal: c.ordinal, attempt: c.attempt,
        requests: max(1, c.requestsLeft), intended: c.intended, attemptStart: c.attemptStart),
      isLost: isLost)
  }

  /// Retries, or ends the operation.
  private mutating func decided(_ operation: WaitingOperation, isLost: Bool) {
    let i = Int(operation.instance)
    let group = instances[i].group
    if isLost, Int(operation.attempt) < groups[group].retryLimit, instances[i].isAlive {
      let retry = groups[group].settings.retry
      var stream = behaviourStream(
        operation.instance, operation.ordinal, attempt: operation.attempt, draw: 65)
      let base = groups[group].backoff.duration(&stream).seconds
      var factor = 1.0
      for _ in 0..<operation.attempt { factor *= retry.factor }
      let wait = min(SimDuration(seconds: base * factor), retry.max)
      var again = operation
      again.attempt += 1
      again.reason = .backoff
      again.queries = 0
      again.attemptStart = (now + wait).nanoseconds
      if now >= recorderWarmUp { recorder.retries += 1 }
      queue.push(at: now + wait, rank: waitingRank(again), .resume(waiting.add(again)))
    } else {
      if isLost, SimTime(nanoseconds: operation.intended) >= recorderWarmUp { recorder.operationsLost += 1 }
      operationDone(operation.instance, operation.ordinal)
    }
    if groups[group].poolSize > 0 { admitFromQueue(i) }
  }

  private mutating func operationDone(_ instance: UInt32, _ ordinal: UInt32) {
    undecided -= 1
    guard let think = groups[instances[Int(instance)].group].think else { return }
    var stream = behaviourStream(instance, ordinal, attempt: 0, draw: 66)
    let rank = EventRank.make(.client, entity: UInt64(instance), counter: ordinal)
    queue.push(at: now + think.duration(&stream), rank: rank, .user(instance))
  }

  /// The pool has room again, or a connection is idle: the longest waiting operation goes on.
  mutating func admitFromQueue(_ i: Int) {
    let size = groups[instances[i].group].poolSize
    while !instances[i].queue.isEmpty, !instances[i].idle.isEmpty || instances[i].poolOpen < size {
      let slot = instances[i].queue.removeFirst()
      var operation = waiting[slot]
      waiting.remove(slot)
      operation.reason = .none
      start(operation)
    }
  }

  /// The client's own pod or node has gone: neither lost nor completed.
  mutating func abandon(_ operation: WaitingOperation) {
    if following != nil { noteFollowed(operation, .clientGone, nil) }
    if goneAttempts != nil {
      let name = connectionName(operation.instance, operation.ordinal, operation.attempt)
      goneAttempts!.append(name)
    }
    let group = instances[Int(operation.instance)].group
    recorder.otherAttempt(
      target: groups[group].target, client: group, start: SimTime(nanoseconds: operation.attemptStart),
      outcome: .clientGone, cause: nil)
    undecided -= 1
  }

  /// Ends an instance and all that it had begun.
  mutating func endInstance(_ i: Int) {
    guard instances[i].isAlive else { return }
    instances[i].isAlive = false
    instances[i].diedAt = now
    for slot in instances[i].queue {
      let operation = waiting[slot]
      waiting.remove(slot)
      abandon(operation)
    }
    instances[i].queue = []
    endLookups(of: i)
    for slot in 0..<UInt32(connections.used)
    where connections[slot].pointee.isLive && connections[slot].pointee.instance == UInt32(i) {
      clientVanished(slot)
    }
  }
}
