// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether and how fast the node lifecycle controller evicts from silent nodes when many are silent: then the
// fault is more likely its own view than the nodes. (FACTS F1; k/k pkg/controller/nodelifecycle
// ComputeZoneState, handleDisruption, setLimiterInZone.)

import SimKernel

/// How many nodes of a zone are silent.
enum ZoneDisruption: Sendable, Equatable {
  case normal
  /// More than two nodes and at least 55 % of the zone.
  case partial
  case full

  /// --unhealthy-zone-threshold
  static let unhealthyShare = 0.55
  /// --large-cluster-size-threshold
  static let largeZone = 50
  /// 1 / --node-eviction-rate
  static let pace = SimDuration.seconds(10)
  /// 1 / --secondary-node-eviction-rate
  static let slowPace = SimDuration.seconds(100)

  init(ready: Int, silent: Int) {
    if ready == 0 && silent > 0 {
      self = .full
    } else if silent > 2 && Double(silent) >= Self.unhealthyShare * Double(silent + ready) {
      self = .partial
    } else {
      self = .normal
    }
  }

  /// Time between two nodes of a zone from which pods are evicted; nil: none for now.
  /// - Parameters:
  ///   - zones: nodes that are ready and silent in each zone; `place` is the one in question.
  static func pace(zones: [(ready: Int, silent: Int)], at place: Int) -> SimDuration? {
    let states = zones.map { ZoneDisruption(ready: $0.ready, silent: $0.silent) }
    if states.allSatisfy({ $0 == .full }) { return nil }
    let size = zones[place].ready + zones[place].silent
    return switch states[place] {
    case .normal, .full: pace
    case .partial: size > largeZone ? slowPace : nil
    }
  }
}
