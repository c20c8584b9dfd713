// SPDX-License-Identifier: GPL-3.0-or-later
//
// Schedulers that look at connections and weights and remember nothing: lc, wlc, sed, nq, ovf and fo (Linux
// net/netfilter/ipvs/ip_vs_lc.c, _wlc.c, _sed.c, _nq.c, _ovf.c, _fo.c). The first of equals wins.

extension SchedulerState {
  static func leastConnections(_ list: [Int32], _ servers: [RealServer]) -> Int32? {
    var least: Int32?
    for server in list where servers[Int(server)].weight > 0 {
      if least.map({ servers[Int(server)].overhead < servers[Int($0)].overhead }) ?? true { least = server }
    }
    return least
  }

  static func weightedLeastConnections(_ list: [Int32], _ servers: [RealServer]) -> Int32? {
    leastLoad(list, servers) { $0.overhead }
  }

  static func shortestExpectedDelay(_ list: [Int32], _ servers: [RealServer]) -> Int32? {
    leastLoad(list, servers) { Int64($0.active) + 1 }
  }

  static func neverQueue(_ list: [Int32], _ servers: [RealServer]) -> Int32? {
    list.first { servers[Int($0)].weight > 0 && servers[Int($0)].active == 0 }
      ?? shortestExpectedDelay(list, servers)
  }

  /// Smallest load per weight, compared crosswise without division.
  static func leastLoad(
    _ list: [Int32], _ servers: [RealServer], _ load: (RealServer) -> Int64
  ) -> Int32? {
    var least: Int32?
    for server in list where servers[Int(server)].weight > 0 {
      guard let best = least else {
        least = server
        continue
      }
      let (a, b) = (servers[Int(best)], servers[Int(server)])
      if load(a) * Int64(b.weight) > load(b) * Int64(a.weight) { least = server }
    }
    return least
  }

  /// The heaviest server that has not more active connections than weight.
  static func overflow(_ list: [Int32], _ servers: [RealServer]) -> Int32? {
    var heaviest: Int32?
    for server in list {
      let s = servers[Int(server)]
      if s.weight == 0 || s.active > s.weight { continue }
      if heaviest.map({ s.weight > servers[Int($0)].weight }) ?? true { heaviest = server }
    }
    return heaviest
  }

  static func failOver(_ list: [Int32], _ servers: [RealServer]) -> Int32? {
    var heaviest: Int32?
    for server in list where servers[Int(server)].weight > 0 {
      if heaviest.map({ servers[Int(server)].weight > servers[Int($0)].weight }) ?? true { heaviest = server }
    }
    return heaviest
  }
}
