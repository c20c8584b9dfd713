// SPDX-License-Identifier: GPL-3.0-or-later
//
// The containers of the history: flat map, version chains, candidate sets, pruning.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

@Suite struct HistoryTests {
  @Test func theFlatMapDoesWhatADictionaryDoes() {
    var random = TestRandom(seed: 3)
    var map = FlatMap(minimumCapacity: 4)
    var model: [UInt64: UInt32] = [:]
    for _ in 0..<50_000 {
      let key = UInt64(1 + random.below(700)) << UInt64(8 * random.below(5))
      if random.chance(45) {
        map.remove(key)
        model[key] = nil
      } else {
        let value = UInt32(random.below(1000))
        map.set(key, value)
        model[key] = value
      }
      let asked = UInt64(1 + random.below(700)) << UInt64(8 * random.below(5))
      let isSame = map.find(asked) == model[asked] ?? .max && map.count == model.count
      #expect(isSame)
      if !isSame { return }
    }
    for key in model.keys.sorted() { #expect(map.find(key) == model[key] ?? .max) }
  }

  @Test func aVersionIsFoundByRevisionInLogarithmicSteps() {
    var pool = VersionPool()
    var latest: [Int32] = [-1, -1]
    var model: [[(revision: UInt32, index: Int32)]] = [[], []]
    for n in 0..<2000 {
      let chain = n % 3 == 0 ? 1 : 0
      latest[chain] = pool.append(revision: UInt32(10 + 2 * n), after: latest[chain])
      model[chain].append((UInt32(10 + 2 * n), latest[chain]))
    }
    for chain in 0...1 {
      for revision in stride(from: UInt32(0), to: 4100, by: 7) {
        let expected = model[chain].last { $0.revision <= revision }?.index ?? -1
        #expect(pool.version(at: revision, from: latest[chain]) == expected)
      }
    }
    // 2^11 versions: jumps skip most of them.
    let oldest = pool.links[Int(model[0][0].index)]
    var (steps, index) = (0, latest[0])
    while index >= 0 && pool.links[Int(index)].depth > oldest.depth {
      index = pool.links[Int(index)].jump
      steps += 1
    }
    #expect(steps < 25)
  }

  @Test func equalListsAreOneCandidateSet() {
    var sets = CandidateSets()
    let first = sets.intern([BackendID(1), BackendID(2)])
    #expect(sets.intern([BackendID(2), BackendID(1)]) != first)
    #expect(sets.intern([BackendID(1), BackendID(2)]) == first)
    #expect(sets.intern([]) == .none)
    #expect(sets.singleton(BackendID(2)) == sets.intern([BackendID(2)]))
    #expect(Array(sets.list(first)) == [BackendID(1), BackendID(2)])
  }

  @Test func endpointsThatATableStillShowsSurvivePruning() {
    var world = ProxyWorld()
    world.put(
      0, testService("svc1", clusterIP: "172.30.0.41"), [testEndpoint("10.180.0.1", node: "testnode")])
    world.converge()
    world.fleet.disconnect(NodeID(0), at: world.now)
    for i in 2...9 { world.put(0, slices: [testSlice([testEndpoint("10.180.0.\(i)", node: "testnode")])]) }
    let programmed = world.fleet.tables[0].nat.slices
    world.fleet.history.pruneEndpoints(before: programmed)
    #expect(world.fleet.history.isPruned.allSatisfy { !$0 })
    let probe = Probe(from: Address.pod, to: "172.30.0.41", port: 80)
    #expect(world.fate(probe) == "10.180.0.1:80")
    world.fleet.reconnect(NodeID(0), at: world.now, into: &world.output)
    world.take()
    world.run(for: .seconds(1))
    world.fleet.history.pruneEndpoints(before: world.fleet.tables[0].nat.slices)
    #expect(world.fleet.history.isPruned.count { $0 } == 8)
    #expect(world.fate(probe) == "10.180.0.9:80")
  }

  /// An address that passes to another pod is another backend but keeps the endpoint chain's affinity list.
  @Test func aReusedAddressIsAnotherBackend() {
    var world = ProxyWorld()
    let service = testService("svc1", clusterIP: "172.30.0.41") { $0.spec.sessionAffinity = "ClientIP" }
    func endpoints(_ pod: UInt32) -> [Endpoint] {
      (1...2).map { n in
        var endpoint = testEndpoint("10.180.0.\(n)", node: "testnode")
        endpoint.pod = PodID(pod + UInt32(n))
        return endpoint
      }
    }
    world.put(0, service, endpoints(10))
    world.converge()
    let probe = Probe(from: Address.pod, to: "172.30.0.41", port: 80)
    let first = world.verdict(probe, random: .max)
    #expect(world.fleet.pod(of: first.backend) == PodID(12))
    #expect(world.fleet.node(of: first.backend) == NodeID(0))
    world.put(0, slices: [testSlice(endpoints(20))])
    world.run(for: .seconds(1))
    let second = world.verdict(probe, random: 0)
    #expect(second.viaAffinity)
    #expect(second.address == first.address)
    #expect(second.backend != first.backend)
    #expect(world.fleet.pod(of: second.backend) == PodID(22))
  }

  /// kube-proxy sorts by text, and prefers an endpoint that does not terminate when two share an address.
  @Test func endpointsAreOrderedByTextAndMergedByAddress() {
    var world = ProxyWorld()
    var old = testEndpoint("10.180.0.9", node: "testnode", "T")
    old.pod = PodID(1)
    var new = testEndpoint("10.180.0.9", node: "testnode", "R")
    new.pod = PodID(2)
    let others = [
      testEndpoint("10.180.0.10", node: "testnode"), testEndpoint("10.180.0.1", node: "testnode"),
    ]
    world.put(0, testService("svc1", clusterIP: "172.30.0.41"), [new, old] + others)
    world.converge()
    let verdict = world.verdict(Probe(from: Address.pod, to: "172.30.0.41", port: 80))
    let backends = world.fleet.candidates(verdict.candidates).map { world.fleet.backend($0) }
    #expect(backends.map { "\($0.address)" } == ["10.180.0.10", "10.180.0.1", "10.180.0.9"])
    #expect(backends.last?.pod == PodID(2))
  }
}
