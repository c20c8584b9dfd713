// SPDX-License-Identifier: GPL-3.0-or-later
//
// twos: Linux net/netfilter/ipvs/ip_vs_twos.c. Two draws by weight, and of the two the one with less load per
// weight; the first if they are equal. A draw is a number from 0 to the sum of the weights, both included,
// and the first server takes 0 as well as its own share: (w₁+1)/(T+1) (FACTS D3).

extension SchedulerState {
  static func betterOfTwo(_ list: [Int32], _ servers: [RealServer], _ random: UInt64) -> Int32? {
    let total = totalWeight(list, servers)
    guard total > 0 else { return nil }
    // The kernel draws twice; here each draw takes half of the bits.
    func draw(_ bits: UInt64) -> Int64 { Int64(((bits & 0xffff_ffff) * UInt64(total + 1)) >> 32) }
    return better(
      pick(draw(random), list, servers), pick(draw(random >> 32), list, servers), servers)
  }

  /// Chance of each server that has one, in the order of the list.
  static func chancesOfTwo(_ list: [Int32], _ servers: [RealServer]) -> [(server: Int32, chance: Double)] {
    let total = totalWeight(list, servers)
    guard total > 0 else { return [] }
    let usable = list.filter { servers[Int($0)].weight > 0 }
    let single = usable.enumerated().map { place, server in
      Double(servers[Int(server)].weight + (place == 0 ? 1 : 0)) / Double(total + 1)
    }
    var chances = [Double](repeating: 0, count: usable.count)
    for i in usable.indices {
      for j in usable.indices {
        let winner = better(usable[i], usable[j], servers) == usable[i] ? i : j
        chances[winner] += single[i] * single[j]
      }
    }
    return zip(usable, chances).filter { $0.1 > 0 }.map { (server: $0.0, chance: $0.1) }
  }

  static func totalWeight(_ list: [Int32], _ servers: [RealServer]) -> Int64 {
    list.reduce(0) { $0 + Int64(max(0, servers[Int($1)].weight)) }
  }

  /// The first server with which the weights seen so far reach the drawn number.
  private static func pick(_ drawn: Int64, _ list: [Int32], _ servers: [RealServer]) -> Int32 {
    var left = drawn
    for server in list where servers[Int(server)].weight > 0 {
      left -= Int64(servers[Int(server)].weight)
      if left <= 0 { return server }
    }
    preconditionFailure("\(drawn) is more than all weights")
  }

  private static func better(_ first: Int32, _ second: Int32, _ servers: [RealServer]) -> Int32 {
    let (a, b) = (servers[Int(first)], servers[Int(second)])
    return Int64(b.weight) * a.overhead > Int64(a.weight) * b.overhead ? second : first
  }
}
