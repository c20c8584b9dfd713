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
  private static let listing = RandomPurpose("proxy.listing")
  private static let watchEnds = (
    RandomPurpose("proxy.watch.services.end"), RandomPurpose("proxy.watch.slices.end")
  )
  private static let reconnections = (
    RandomPurpose("proxy.watch.services.reconnect"), RandomPurpose("proxy.watch.slices.reconnect")
  )
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
    var listing: RandomKey
    var watchEnds: (RandomKey, RandomKey)
    var reconnections: (RandomKey, RandomKey)
    /// Of a node with a delay of its own.
    var watchDelay: Sampler?
  }
  private let watchDelay: Sampler
  /// A scenario's own; nil: durations are worked out.
  private let syncDuration: Sampler?
  private let normal = Sampler(.normal(mean: 0, standardDeviation: 1, min: nil, max: nil))
  private let restartDelay: Sampler
  private let listingDelay: Sampler
  /// A watch is open for between this and twice this; zero: for ever.
  let watchTimeout: SimDuration
  private let pause: Sampler
  private let seed: UInt64
  private let replication: UInt32
  private var keys: [Keys] = []

  init(timing: TimingSettings, watch: WatchSettings, seed: UInt64, replication: UInt32) {
    watchDelay = Sampler(timing.proxyWatch)
    syncDuration = timing.proxySync.map { Sampler($0) }
    restartDelay = Sampler(timing.proxyRestart)
    listingDelay = Sampler(timing.proxyListing)
    watchTimeout = watch.timeout
    pause = Sampler(watch.reconnect)
    self.seed = seed
    self.replication = replication
  }

  mutating func addNode(_ node: NodeID, watchDelay: Distribution?) {
    func key(_ purpose: RandomPurpose) -> RandomKey {
      RandomKey(seed: seed, replication: replication, purpose: purpose, entity: UInt64(node.rawValue))
    }
    keys.append(
      Keys(
        watches: (key(Self.servicesWatch), key(Self.slicesWatch)), node: key(Self.nodeWatch),
        sync: key(Self.sync), failure: key(Self.failure), restart: key(Self.restart),
        phase: key(Self.phase), order: key(Self.order), listing: key(Self.listing),
        watchEnds: (key(Self.watchEnds.0), key(Self.watchEnds.1)),
        reconnections: (key(Self.reconnections.0), key(Self.reconnections.1)),
        watchDelay: watchDelay.map { Sampler($0) }))
  }

  /// How long the watch with that number is open. The first of a run has been open for a while.
  func watchLength(_ kind: WatchKind, node: Int, number: UInt64) -> SimDuration {
    let key = kind == .services ? keys[node].watchEnds.0 : keys[node].watchEnds.1
    var stream = RandomStream(key: key, counter: number &* Self.stride)
    let length = watchTimeout.seconds * (1 + stream.uniform())
    return SimDuration(seconds: number <= 1 ? length * stream.uniform() : length)
  }

  /// How long the watch with that number is closed at its end.
  func watchPause(_ kind: WatchKind, node: Int, number: UInt64) -> SimDuration {
    let key = kind == .services ? keys[node].watchEnds.0 : keys[node].watchEnds.1
    return delay(pause, key.deriving(1), number)
  }

  /// Jitter of a reflector's wait with that number after a loss, in [0, 1).
  func reconnection(_ kind: WatchKind, node: Int, loss: UInt64, number: UInt64) -> Double {
    let key = kind == .services ? keys[node].reconnections.0 : keys[node].reconnections.1
    var stream = RandomStream(key: key.deriving(loss), counter: number)
    return stream.uniform()
  }

  private func delay(_ sampler: Sampler, _ key: RandomKey, _ counter: UInt64) -> SimDuration {
    var stream = RandomStream(key: key, counter: counter &* Self.stride)
    return max(.zero, sampler.duration(&stream))
  }

  func watch(_ kind: WatchKind, node: Int, revision: UInt32) -> SimDuration {
    let key = kind == .services ? keys[node].watches.0 : keys[node].watches.1
    return delay(keys[node].watchDelay ?? watchDelay, key, UInt64(revision))
  }
  /// `change` counts the writes of this node's own Node object.
  func nodeWatch(node: Int, change: UInt64) -> SimDuration {
    delay(keys[node].watchDelay ?? watchDelay, keys[node].node, change)
  }
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
