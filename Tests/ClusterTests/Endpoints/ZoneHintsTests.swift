// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hints by annotation: expectations are worked out by hand from KEP-2433 and k/k staging
// endpointslice/topologycache.

import SimKernel
import Testing

@testable import Cluster

@Suite struct ZoneHintsTests {
  private static func shares(_ cores: [(String, Int)]) -> ZoneShares? {
    ZoneShares(
      cores.map { .init(zone: $0.0, cores: $0.1, isReady: true, isControlPlane: false) })
  }

  private static func slice(_ name: String, _ zones: [(zone: String, count: Int)]) -> EndpointSlice {
    var slice = EndpointSlice(metadata: ObjectMeta(name: name))
    for (zone, count) in zones {
      for number in 0..<count {
        var endpoint = Endpoint(addresses: ["\(zone)-\(number)"])
        endpoint.ready = true
        endpoint.zone = zone
        slice.endpoints.append(endpoint)
      }
    }
    return slice
  }

  struct Case: CustomTestStringConvertible {
    var endpoints: [(String, Int)]
    var cores: [(String, Int)]
    /// Endpoints hinted for each zone; nil: no hints.
    var hinted: [String: Int]?
    var testDescription: String { "\(endpoints) on \(cores)" }
  }

  static let cases = [
    // As many in each zone as it is owed.
    Case(endpoints: [("a", 3), ("b", 3), ("c", 3)], cores: [("a", 4), ("b", 4), ("c", 4)],
      hinted: ["a": 3, "b": 3, "c": 3]),
    // 11 endpoints, three equal zones: each needs ceil(3.67/1.2) = 4, twelve in all (k/k 122437).
    Case(endpoints: [("a", 4), ("b", 4), ("c", 3)], cores: [("a", 4), ("b", 4), ("c", 4)], hinted: nil),
    // Fewer endpoints than zones.
    Case(endpoints: [("a", 1), ("b", 1)], cores: [("a", 4), ("b", 4), ("c", 4)], hinted: nil),
    // Three endpoints, three zones: ceil(1/1.2) = 1 each.
    Case(endpoints: [("a", 3)], cores: [("a", 4), ("b", 4), ("c", 4)], hinted: ["a": 1, "b": 1, "c": 1]),
    // 4 of 6 belong to a by CPU: c = 2/6 of six; surplus goes from b to a.
    Case(endpoints: [("a", 3), ("b", 3)], cores: [("a", 8), ("b", 4)], hinted: ["a": 4, "b": 2]),
    // Desired 5.5 each: one too many by half and one too few by half is left alone.
    Case(endpoints: [("a", 6), ("b", 5)], cores: [("a", 4), ("b", 4)], hinted: ["a": 6, "b": 5]),
    Case(endpoints: [("a", 9), ("b", 1)], cores: [("a", 4), ("b", 4)], hinted: ["a": 5, "b": 5]),
    // One zone only.
    Case(endpoints: [("a", 9)], cores: [("a", 4)], hinted: nil),
  ]

  @Test(arguments: cases) func endpointsAreSharedOutByCPU(_ test: Case) {
    let slices = [Self.slice("s", test.endpoints)]
    let hints = try? ZoneHints(slices, isChanged: [true], shares: Self.shares(test.cores))
    #expect(hints?.byZone.filter { $0.value != 0 } == test.hinted)
    guard let hints else { return }
    var counted: [String: Int] = [:]
    for endpoint in hints.slices[0].endpoints { counted[endpoint.zoneHints![0], default: 0] += 1 }
    #expect(counted == test.hinted)
  }

  @Test func aSliceThatDoesNotChangeKeepsItsHintsAsFarAsSharesAllow() throws {
    let shares = Self.shares([("a", 4), ("b", 4)])
    var old = Self.slice("old", [("a", 4)])
    for index in old.endpoints.indices { old.endpoints[index].zoneHints = ["a"] }
    let new = Self.slice("new", [("b", 4)])
    let kept = try ZoneHints([old, new], isChanged: [false, true], shares: shares)
    #expect(kept.slices[0] == old)
    // Eight more in zone a: a's share of 8 is 16 x 1/2, its own four stay, four of the new go to b.
    let large = Self.slice("large", [("a", 8)])
    let mixed = try ZoneHints([old, new, large], isChanged: [false, false, true], shares: shares)
    #expect(mixed.byZone == ["a": 8, "b": 8])
    var wrong = old
    for index in wrong.endpoints.indices { wrong.endpoints[index].zoneHints = ["gone"] }
    let again = try ZoneHints([wrong, new], isChanged: [false, true], shares: shares)
    #expect(again.slices[0] == old, "a zone that has no nodes any more")
  }

  @Test func notReadyEndpointsCarryNoHintsAndDoNotCount() throws {
    var slice = Self.slice("s", [("a", 3), ("b", 2)])
    slice.endpoints[2].ready = false
    let hints = try ZoneHints([slice], isChanged: [true], shares: Self.shares([("a", 4), ("b", 4)]))
    #expect(hints.byZone == ["a": 2, "b": 2])
    #expect(hints.slices[0].endpoints[2].zoneHints == nil)
  }

  @Test(arguments: [
    ([("a", 4, true, false), ("b", 4, true, false)], 2), ([("a", 4, true, false), ("", 4, true, false)], nil),
    ([("a", 4, true, false), ("b", 4, false, false)], nil),
    ([("a", 4, true, false), ("b", 4, true, false), ("c", 4, true, true)], 2),
    ([("a", 4, true, false), ("", 4, false, false), ("b", 2, true, false)], 2),
  ] as [([(String, Int, Bool, Bool)], Int?)])
  func onlyReadyWorkersCountAndAllNeedAZone(nodes: [(String, Int, Bool, Bool)], zones: Int?) {
    let shares = ZoneShares(
      nodes.map {
        .init(zone: $0.0.isEmpty ? nil : $0.0, cores: $0.1, isReady: $0.2, isControlPlane: $0.3)
      })
    #expect(shares?.ratios.count == zones)
  }

  @Test(arguments: [
    (["a": 5, "b": 5], false), (["a": 6, "b": 4], true), (["a": 10], true), ([:], false),
    (["a": 3, "b": 3], false),
  ] as [([String: Int], Bool)])
  func aZoneBelowItsLeastShareIsOverloaded(hints: [String: Int], isOverloaded: Bool) throws {
    let shares = try #require(Self.shares([("a", 4), ("b", 4)]))
    #expect(shares.isOverloaded(hints) == isOverloaded)
  }
}
