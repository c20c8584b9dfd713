// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a scheduler remembers of one virtual server, and the switch between the fourteen. The list of real
// servers is in the kernel's order: __ip_vs_update_dest adds at the head (net/netfilter/ipvs/ip_vs_ctl.c),
// so the newest comes first. Servers are named by their number in `servers`, which stays while the list
// changes.

import Cluster
import NetworkTypes
import SimKernel

struct SchedulerState {
  let kind: IPVSScheduler
  /// The kernel's hash changed in 4.18, see `ipvsHash`.
  let hashesWithHighBits: Bool
  /// rr, wrr: place in the list of the server chosen last; −1: the head, before the first.
  var position = -1
  /// wrr: current weight, greatest weight, step.
  var currentWeight: Int32 = 0
  var greatestWeight: Int32 = 0
  var weightStep: Int32 = 1
  /// sh, dh, mh: server by bucket; empty: no server in the list.
  var buckets: ContiguousArray<Int32> = []
  /// The buckets are to be filled anew from the list.
  var isStale = true
  /// lblc, lblcr: what they remember of the one destination address of a virtual server.
  var locality = LocalityCache()

  init(_ kind: IPVSScheduler, hashesWithHighBits: Bool = true, createdAt: SimTime = .zero) {
    self.kind = kind
    self.hashesWithHighBits = hashesWithHighBits
    locality.createdAt = createdAt
  }

  /// The server for a new connection; nil: none is usable.
  mutating func schedule(
    _ list: [Int32], _ servers: [RealServer], _ input: SchedulingInput
  ) -> Int32? {
    switch kind {
    case .rr: roundRobin(list, servers)
    case .wrr: weightedRoundRobin(list, servers)
    case .lc: Self.leastConnections(list, servers)
    case .wlc: Self.weightedLeastConnections(list, servers)
    case .sed: Self.shortestExpectedDelay(list, servers)
    case .nq: Self.neverQueue(list, servers)
    case .ovf: Self.overflow(list, servers)
    case .fo: Self.failOver(list, servers)
    case .sh, .dh, .mh: byHash(list, servers, input)
    case .lblc: locality.single(list, servers, input)
    case .lblcr: locality.replicated(list, servers, input)
    case .twos: Self.betterOfTwo(list, servers, input.random)
    }
  }

  /// A server was put at the head of the list.
  mutating func added(_ list: [Int32], _ servers: [RealServer]) {
    if position >= 0 { position += 1 }
    changed(list, servers)
  }

  /// The server at this place of the list was taken out of it.
  mutating func removed(at place: Int, _ list: [Int32], _ servers: [RealServer]) {
    // rr goes on from the server before the one that went.
    if place <= position { position -= 1 }
    changed(list, servers)
  }

  /// A weight or the list changed.
  mutating func changed(_ list: [Int32], _ servers: [RealServer]) {
    isStale = true
    if kind == .wrr { restartWeights(list, servers) }
  }
}
