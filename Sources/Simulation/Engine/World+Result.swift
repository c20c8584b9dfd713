// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the recorder, the proxies and the control plane know, as the rows of a RunResult.

import Cluster
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import SimStatistics
import Traffic

extension World {
  // MARK: While it runs

  mutating func scheduleBin(_ index: Int) {
    let at = min(SimTime.zero + scenario.report.bin * Int64(index + 1), end)
    queue.push(at: at, rank: EventRank.make(.report, entity: 0, counter: UInt32(index)), .bin(UInt32(index)))
  }

  mutating func endOfBin(_ index: Int) {
    if index == Int(UInt32.max) { return flushCluster() }
    var staleNodes = 0
    for node in nodePlanes.indices where nodePlanes[node].isUp {
      let s = proxies.staleness(of: NodeID(node), at: now)
      if s.servicesWrong > 0 { staleNodes += 1 }
      staleness.append(
        StalenessRow(
          binStart: .zero + scenario.report.bin * Int64(index), node: nodePlanes[node].name, age: s.age,
          servicesWrong: s.servicesWrong))
    }
    recorder.sample(
      bin: index, openConnections: connections.live, readyEndpoints: readyEndpoints(), staleNodes: staleNodes)
    if now < end { scheduleBin(index + 1) }
  }

  /// Ready endpoints of all Services, as the API has them.
  private func readyEndpoints() -> Int {
    var count = 0
    for index in 0..<control.store.serviceCount {
      for slice in control.store.slices(of: ServiceID(index)) {
        count += slice.endpoints.count { $0.isReady }
      }
    }
    return count
  }

  /// Writes a lost or misdelivered attempt down.
  mutating func recordLoss(_ slot: UInt32, _ outcome: Outcome, _ cause: Cause) {
    let c = connections[slot].pointee
    let instance = instances[Int(c.instance)]
    let target = groups[instance.group].target
    let start = SimTime(nanoseconds: c.attemptStart)
    recorder.otherAttempt(
      target: target, client: instance.group, start: start, outcome: outcome, cause: cause)
    let node =
      c.failure.node != .max ? Int(c.failure.node) : c.decidingNode != .max ? Int(c.decidingNode) : -1
    var row = LostConnection()
    row.id = connectionName(c.instance, c.ordinal, c.attempt)
    row.start = start
    row.end = now
    row.target = target
    row.client = instance.group
    row.clientNode = instance.node >= 0 ? nodePlanes[instance.node].name : ""
    row.decidingNode = node >= 0 ? nodePlanes[node].name : ""
    row.outcome = outcome
    row.cause = cause
    row.savedBy = savedBy(cause, node: node)
    nameBackend(slot, &row)
    row.place = lossPlace(slot, node: node)
    row.failedAt = c.failure.isNone ? now : SimTime(nanoseconds: c.failure.at)
    if following != nil { noteFollowed(slot, row) }
    if let index = recorder.add(row, decidingNode: node) { askForLags(slot, cause, row: index) }
  }

  private func nameBackend(_ slot: UInt32, _ row: inout LostConnection) {
    let c = connections[slot].pointee
    guard c.backend != .max else {
      row.backend = c.hasReachedServer ? "\(c.serverTuple.destination):\(c.serverTuple.destinationPort)" : ""
      return
    }
    let backend = proxies.backend(.init(c.backend))
    row.backend =
      backend.pod.map { control.pods[$0.index].name.description } ?? "\(backend.address):\(backend.port)"
    row.backendNode = backend.nodeName ?? ""
  }

  // MARK: At the end

  mutating func result(variant: String) -> RunResult {
    answerLags()
    let modes = Set(control.nodes.map(\.proxy.mode.rawValue)).sorted()
    var r = RunResult(
      identity: RunIdentity(
        runID: RunIdentity.runID(scenarioHash: scenario.contentHash, seed: scenario.seed),
        scenario: scenario.name, variant: variant,
        proxyMode: modes.count == 1 ? modes[0] : "mixed", replication: Int(replication), seed: scenario.seed))
    r.question = scenario.question
    r.duration = scenario.duration
    r.warmUp = scenario.report.warmUp
    r.drainedAt = max(now, end)
    r.bin = scenario.report.bin
    r.targets = targets
    r.clients = scenario.clients.map(\.name)
    r.dns = DNSCounts(lookups: dns.lookupCount, queries: dns.queryCount, timeouts: dns.timeoutCount)
    r.groups = recorder.groups(targets: targets.count)
    r.operations = recorder.operations
    r.operationsLost = recorder.operationsLost
    r.retries = recorder.retries
    r.requestsCompleted = recorder.requestsCompleted
    r.lost = recorder.lost
    r.lostNotListed = recorder.lostNotListed
    r.ledger = recorder.ledgerRows(nodes: control.nodes.map { ($0.name, $0.proxy.mode.rawValue) })
    r.latency = recorder.latencyRows(targets: targets.count)
    r.staleness = staleness
    r.timeline = recorder.timeline.list
    r.syncs = syncs
    r.proxyMetrics = proxyMetrics.rows(nodeNames: nodePlanes.indices.map { nodePlanes[$0].name })
    r.programming = proxyMetrics.programming
    r.events = events
    r.packets = packetCount
    r.simulationEvents = eventCount
    r.digest = digest.value
    r.arrivalDigest = arrivalDigest.value
    for node in nodePlanes.indices { r.conntrackPeak += conntrack[node].pointee.peak }
    r.notes = notes
    r.rulesPerNode = rulesPerNode()
    addLoadBalance(&r)
    if scenario.report.isSteadyState {
      r.steadyState = recorder.series.estimates(warmUp: scenario.report.warmUp)
    }
    r.theory = theory(spread: r.spread, shares: r.shares)
    return r
  }

  /// Over all nodes, or over so many of them, evenly taken, in large clusters.
  private mutating func rulesPerNode() -> Double? {
    let step = max(1, nodePlanes.count / Self.countedNodes)
    var counts: [Int] = []
    for node in stride(from: 0, to: nodePlanes.count, by: step) {
      if let count = proxies.ruleCount(of: NodeID(node)) { counts.append(count) }
    }
    return counts.isEmpty ? nil : Double(counts.reduce(0, +)) / Double(counts.count)
  }

  private static var countedNodes: Int { 4 }

  private func addLoadBalance(_ r: inout RunResult) {
    for target in targets.indices {
      let made = recorder.decisions(target: target)
      var backends: [BackendID] = []
      for (set, _) in made {
        for backend in proxies.candidates(set) where !backends.contains(backend) {
          backends.append(backend)
        }
      }
      guard !backends.isEmpty else { continue }
      backends.sort()
      var accumulator = MultinomialAccumulator(endpoints: backends.count)
      for (set, count) in made {
        let indices = proxies.candidates(set).map { backends.firstIndex(of: $0)! }
        accumulator.add(candidates: indices, decisions: count)
      }
      let counts = backends.map { recorder.connections($0, target: target) }
      addShares(target, backends, counts, accumulator.expected, &r)
      addSpread(target, counts, accumulator, &r)
    }
    for target in targets.indices { addDirectChoices(target, &r) }
  }

  /// Choices that clients made themselves between the addresses of a DNS answer.
  private func addDirectChoices(_ target: Int, _ r: inout RunResult) {
    let direct = recorder.direct
    let asked = direct.decisions.indices.filter {
      direct.decisions[$0] > 0 && direct.decisionTarget[$0] == target
    }
    let list = Set(asked.flatMap { answers[$0].addresses }).sorted { $0.bits < $1.bits }
    guard !list.isEmpty else { return }
    var accumulator = MultinomialAccumulator(endpoints: list.count)
    for answer in asked {
      let indices = answers[answer].addresses.map { list.firstIndex(of: $0)! }
      accumulator.add(candidates: indices, decisions: direct.decisions[answer])
    }
    for (i, address) in list.enumerated() {
      let count = direct.counts(address, target: target)
      let pod = count.pod >= 0 ? control.pods[Int(count.pod)] : nil
      r.shares.append(
        EndpointShare(
          target: target, pod: pod?.name.description ?? "", ip: address.description,
          node: pod.map { $0.node.isNone ? "" : nodePlanes[$0.node.index].name } ?? "",
          connections: count.connections, requests: count.requests,
          expectedConnections: accumulator.expected[i]))
    }
    addSpread(target, list.map { direct.counts($0, target: target).connections }, accumulator, &r)
  }

  private func addShares(
    _ target: Int, _ backends: [BackendID], _ counts: [Int], _ expected: [Double], _ r: inout RunResult
  ) {
    for (i, id) in backends.enumerated() {
      let backend = proxies.backend(id)
      r.shares.append(
        EndpointShare(
          target: target, pod: backend.pod.map { control.pods[$0.index].name.description } ?? "",
          ip: backend.address.description, node: backend.nodeName ?? "", connections: counts[i],
          requests: recorder.requests(id, target: target), expectedConnections: expected[i]))
    }
  }

  private func addSpread(
    _ target: Int, _ counts: [Int], _ decisions: MultinomialAccumulator, _ r: inout RunResult
  ) {
    let spread = LoadSpread(counts: counts, decisions: decisions)
    var row = SpreadStatistics(target: target, endpoints: counts.count, connections: counts.reduce(0, +))
    row.jain = spread.jainIndex
    row.gini = spread.gini
    row.cv = spread.coefficientOfVariation
    row.expectedCV = spread.expectedCoefficientOfVariation
    row.maxOverMean = spread.maxOverMean
    // The test's null hypothesis is independent draws.
    if !recorder.dependentTargets.contains(target), let test = spread.test {
      row.statistic = test.statistic
      row.degreesOfFreedom = test.degreesOfFreedom
      row.pValue = test.pValue
    }
    r.spread.append(row)
  }
}
