// SPDX-License-Identifier: GPL-3.0-or-later
//
// The fleet's random numbers: each a function of (seed, replication, purpose, node) and a counter, so that
// the delay of one revision to one node is the same in every variant (ARCHITECTURE.md, Randomness).

import Cluster
import Foundation
import SimKernel
import SimRandom

struct ProxyDraws {
  private static let servicesWatch = RandomPurpose("proxy.watch.services")
  private static let slicesWatch = RandomPurpose("proxy.watch.slices")
  private static let nodeWatch = RandomPurpose("proxy.watch.node")
  private static let sync = RandomPurpose("proxy.sync")
  private static let failure = RandomPurpose("proxy.sync-failure")
  private static let restart = RandomPurpose("proxy.restart")
  private static let phase = RandomPurpose("proxy.phase")
  private static let order = RandomPurpose("proxy.order")
  /// Counters left to one delay: more than any distribution draws for one value.
  private static let stride: UInt64 = 1 << 16

  private struct Keys {
    var watches: (RandomKey, RandomKey)
    var node: RandomKey
    var sync: RandomKey
    var failure: RandomKey
    var restart: RandomKey
    var phase: RandomKey
    var order: RandomKey
  }
  private let watchDelay: Sampler
  /// A scenario's own; nil: durations are worked out.
  private let syncDuration: Sampler?
  private let normal = Sampler(.normal(mean: 0, standardDeviation: 1, min: nil, max: nil))
  private let restartDelay: Sampler
  private let seed: UInt64
  private let replication: UInt32
  private var keys: [Keys] = []

  init(timing: TimingSettings, seed: UInt64, replication: UInt32) {
    watchDelay = Sampler(timing.proxyWatch)
    syncDuration = timing.proxySync.map { Sampler($0) }
    restartDelay = Sampler(timing.proxyRestart)
    self.seed = seed
    self.replication = replication
  }

  mutating func addNode(_ node: NodeID) {
    func key(_ purpose: RandomPurpose) -> RandomKey {
      RandomKey(seed: seed, replication: replication, purpose: purpose, entity: UInt64(node.rawValue))
    }
    keys.append(
      Keys(
        watches: (key(Self.servicesWatch), key(Self.slicesWatch)), node: key(Self.nodeWatch),
        sync: key(Self.sync), failure: key(Self.failure), restart: key(Self.restart), phase: key(Self.phase),
        order: key(Self.order)))
  }

  private func delay(_ sampler: Sampler, _ key: RandomKey, _ counter: UInt64) -> SimDuration {
    var stream = RandomStream(key: key, counter: counter &* Self.stride)
    return max(.zero, sampler.duration(&stream))
  }

  func watch(_ kind: WatchKind, node: Int, revision: UInt32) -> SimDuration {
    let key = kind == .services ? keys[node].watches.0 : keys[node].watches.1
    return delay(watchDelay, key, UInt64(revision))
  }
  /// `change` counts the writes of this node's own Node object.
  func nodeWatch(node: Int, change: UInt64) -> SimDuration { delay(watchDelay, keys[node].node, change) }
  func givenSync(node: Int, ordinal: UInt64) -> SimDuration? {
    syncDuration.map { delay($0, keys[node].sync, ordinal) }
  }
  /// Lognormal with mean 1; `spread` is the standard deviation of its logarithm.
  func syncFactor(node: Int, ordinal: UInt64, spread: Double) -> Double {
    if spread == 0 { return 1 }
    var stream = RandomStream(key: keys[node].sync, counter: ordinal &* Self.stride)
    return exp(spread * normal.draw(&stream) - spread * spread / 2)
  }
  /// Uniform in [0, 1).
  func failure(node: Int, ordinal: UInt64) -> Double {
    var stream = RandomStream(key: keys[node].failure, counter: ordinal)
    return stream.uniform()
  }
  func restart(node: Int, ordinal: UInt64) -> SimDuration { delay(restartDelay, keys[node].restart, ordinal) }

  /// Uniform in [0, 1).
  func phase(node: Int) -> Double {
    var stream = RandomStream(key: keys[node].phase)
    return stream.uniform()
  }
  /// Key of the order of dispatch rules after a sync.
  func order(node: Int, ordinal: UInt64) -> UInt64 {
    var stream = RandomStream(key: keys[node].order, counter: ordinal)
    return stream.next()
  }
}
