// SPDX-License-Identifier: GPL-3.0-or-later
//
// kube-proxy's new configuration on its way from node to node: which node's turn is when is settled at the
// beginning; a node that is off at its turn starts with the new configuration when it boots.

import SimKernel

/// A rollout under way.
struct RunningRollout: Sendable {
  var settings: ProxySettings
  var pace: ProxyRollout
  /// In order of their turns.
  var nodes: [NodeID]
}

/// What happens at a node's turn, three steps per node.
private enum RolloutStep: Int {
  case drain
  case restart
  case uncordon
}

extension ControlPlane {
  mutating func beginRollout(
    _ nodes: [NodeID], _ settings: ProxySettings, _ pace: ProxyRollout, _ out: inout ControlPlaneOutput
  ) {
    let number = agenda.rollouts.count
    agenda.rollouts.append(RunningRollout(settings: settings, pace: pace, nodes: nodes))
    for place in nodes.indices {
      let turn = now + pace.every * Int64(place / max(1, pace.maxUnavailable))
      func plan(_ step: RolloutStep, _ at: SimTime) {
        out.schedule.append((at, .rolloutStep(UInt32(number), UInt16(place * 3 + step.rawValue))))
      }
      guard let drain = pace.drain else {
        plan(.restart, turn)
        continue
      }
      plan(.drain, turn)
      plan(.restart, turn + drain)
      plan(.uncordon, turn + drain + pace.uncordonAfter)
    }
  }

  mutating func rolloutStep(_ number: Int, _ step: Int, _ out: inout ControlPlaneOutput) {
    let rollout = agenda.rollouts[number]
    let node = rollout.nodes[step / 3]
    guard let kind = RolloutStep(rawValue: step % 3), nodes[node.index].hasJoined else { return }
    switch kind {
    case .drain: if nodes[node.index].isUp { drain(node, DrainOptions(), &out) }
    case .restart: configureProxy(node, rollout.settings, restart: true, &out)
    case .uncordon: setUnschedulable(false, node, &out)
    }
  }
}
