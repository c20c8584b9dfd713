// SPDX-License-Identifier: GPL-3.0-or-later
//
// The fleet's random numbers: each a function of (seed, replication, purpose, node) and a counter, so that
// the delay of one revision to one node is the same in every variant (ARCHITECTURE.md, Randomness).

import Cluster
import SimKernel
import SimRandom

struct ProxyDraws {
  private static let servicesWatch = RandomPurpose("proxy.watch.services")
  private static let slicesWatch = RandomPurpose("proxy.watch.slices")
  private static let nodeWatch = RandomPurpose("proxy.watch.node")
  private static let sync = RandomPurpose("proxy.sync")
  private static let restart = RandomPurpose("proxy.restart")
  private static let phase = RandomPurpose("proxy.phase")
  private static let order = RandomPurpose("proxy.order")
  private static let listing = RandomPurpose("proxy.listing")
  /// Counters left to one delay: more than any distribution draws for one value.
  private static let stride: UInt64 = 1 << 16

  private struct Keys {
    var watches: (RandomKey, RandomKey)
    var node: RandomKey
    var sync: RandomKey
    var restart: RandomKey
    var phase: RandomKey
    var order: RandomKey
    var listing: RandomKey
  }
  private let watchDelay: Sampler
  private let syncDuration: Sampler
  private let restartDelay: Sampler
  private let listingDelay: Sampler
  private let seed: UInt64
  private let replication: UInt32
  private var keys: [Keys] = []

  init(timing: TimingSettings, seed: UInt64, replication: UInt32) {
    watchDelay = Sampler(timing.proxyWatch)
    syncDuration = Sampler(timing.proxySync)
    restartDelay = Sampler(timing.proxyRestart)
    listingDelay = Sampler(timing.proxyListing)
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
        sync: key(Self.sync), restart: key(Self.restart), phase: key(Self.phase), order: key(Self.order),
        listing: key(Self.listing)))
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
  func sync(node: Int, ordinal: UInt64) -> SimDuration { delay(syncDuration, keys[node].sync, ordinal) }
  func restart(node: Int, ordinal: UInt64) -> SimDuration { delay(restartDelay, keys[node].restart, ordinal) }

  func listing(node: Int, ordinal: UInt64) -> SimDuration { delay(listingDelay, keys[node].listing, ordinal) }

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
