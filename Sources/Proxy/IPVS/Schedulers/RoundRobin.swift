// SPDX-License-Identifier: GPL-3.0-or-later
//
// rr and wrr: Linux net/netfilter/ipvs/ip_vs_rr.c and ip_vs_wrr.c.

extension SchedulerState {
  /// The next server with a weight behind the one chosen last; once round the list and no further.
  mutating func roundRobin(_ list: [Int32], _ servers: [RealServer]) -> Int32? {
    for step in 1...max(1, list.count) where !list.isEmpty {
      // The head of the list is passed between the last server and the first.
      let place = (position + step) % list.count
      if servers[Int(list[place])].weight > 0 {
        position = place
        return list[place]
      }
    }
    return nil
  }

  /// Passes over the list with a threshold that falls from the greatest weight by the greatest common
  /// divisor of all, to 1; each pass takes the servers whose weight reaches it.
  mutating func weightedRoundRobin(_ list: [Int32], _ servers: [RealServer]) -> Int32? {
    if greatestWeight == 0 { return nil }
    let last = position
    var isLastPass = false
    var hasRestarted = false
    var stop = -2
    while true {
      position += 1
      while position < list.count {
        if servers[Int(list[position])].weight >= currentWeight { return list[position] }
        if position == stop { return nil }
        position += 1
      }
      position = -1
      currentWeight -= weightStep
      if currentWeight <= 0 {
        currentWeight = greatestWeight
        if isLastPass || last < 0 { return nil }
        hasRestarted = true
      }
      isLastPass = currentWeight <= weightStep
      if isLastPass, hasRestarted, last >= 0 { stop = last }
    }
  }

  /// ip_vs_wrr_dest_changed: back to the head; the threshold stays if the new weights allow it.
  mutating func restartWeights(_ list: [Int32], _ servers: [RealServer]) {
    let weights = list.map { servers[Int($0)].weight }.filter { $0 > 0 }
    position = -1
    weightStep = max(1, weights.reduce(0) { Self.commonDivisor($0, $1) })
    greatestWeight = (weights.max() ?? 0) - (weightStep - 1)
    if currentWeight > greatestWeight || currentWeight == 0 {
      currentWeight = greatestWeight
    } else if weightStep > 1 {
      currentWeight = currentWeight / weightStep * weightStep + 1
    }
  }

  static func commonDivisor(_ a: Int32, _ b: Int32) -> Int32 {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }
}
