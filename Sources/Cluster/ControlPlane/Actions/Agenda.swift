// SPDX-License-Identifier: GPL-3.0-or-later
//
// The scenario's plan as the control plane keeps it, and how draws of an action are named. What an action
// does is in ControlPlane+Actions.

import SimKernel
import SimRandom

/// What the scenario makes happen, and effects of it that will end.
struct Agenda: Sendable {
  /// An effect on a network path in force.
  struct LinkEffect: Sendable {
    var target: LinkTarget
    var delay: Distribution?
    var loss: Double?
    var isPartition: Bool
    /// Nodes that it cuts off from the control plane.
    var cutOff: [NodeID]
  }

  var planned: [TimedAction] = []
  var processes: [RandomProcess] = []
  var end = SimTime.distantFuture
  var effects: [LinkEffect] = []
  var rollouts: [RunningRollout] = []
  /// Actions that have happened.
  var occurrences = 0
  /// Number of the one that is being carried out; −1: none.
  var occurrenceUnderWay = -1
  /// Number of actions that came from `perform`.
  var improvised: UInt64 = 0
}

/// Names the draws of one occurrence of an action: independent of the state of the cluster.
struct ActionDraw: Sendable {
  var entity: UInt64
  var number: UInt64
  /// Draws made so far within the occurrence.
  var part: UInt64 = 0

  init(_ source: String, number: UInt64) {
    entity = StableHash.of("action/\(source)")
    self.number = number
  }
}
