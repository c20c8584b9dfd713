// SPDX-License-Identifier: GPL-3.0-or-later
//
// Choices that no proxy makes: a client takes one of the addresses that DNS gave it, of a headless Service's
// pods or of a name outside. Counted like a proxy's: what was chosen, and between what.

import NetworkTypes
import SimKernel

struct DirectDecisions {
  private struct Key: Hashable {
    var target: Int
    var address: IPv4Address
  }
  private struct Count {
    var connections = 0
    var requests = 0
    /// Who had the address when it was chosen last.
    var owner: Int32 = -1
  }
  private var counts: [Key: Count] = [:]
  /// By index of the answer: choices made between its addresses, and the target that they were made for.
  private(set) var decisions: [Int] = []
  private(set) var decisionTarget: [Int] = []

  /// - Parameter pod: index of the pod that has the address now, −1 for none.
  mutating func chose(_ address: IPv4Address, pod: Int32, answer: Int, target: Int) {
    while decisions.count <= answer {
      decisions.append(0)
      decisionTarget.append(-1)
    }
    decisions[answer] += 1
    decisionTarget[answer] = target
    counts[Key(target: target, address: address), default: Count()].connections += 1
    if pod >= 0 { counts[Key(target: target, address: address)]?.owner = pod }
  }

  /// A request that went to an address that was chosen was served.
  mutating func served(_ address: IPv4Address, target: Int) {
    counts[Key(target: target, address: address)]?.requests += 1
  }

  /// Counts of one address; pod −1: none.
  func counts(_ address: IPv4Address, target: Int) -> (connections: Int, requests: Int, pod: Int32) {
    let c = counts[Key(target: target, address: address)] ?? Count()
    return (c.connections, c.requests, c.owner)
  }
}
