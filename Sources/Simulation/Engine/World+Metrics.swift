// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the metrics server finds on the nodes: how long the workers of each pod's servers have been busy, as
// cpu time. Asked for only while an autoscaler exists.

import Cluster
import SimKernel
import Traffic

extension World {
  /// Tells the control plane what every pod has used up to now.
  mutating func scrapeUsage() {
    for index in control.pods.indices where index < podSockets.count && !podSockets[index].isEmpty {
      var total = 0.0
      for socket in podSockets[index] {
        let cores = serverSettings[servers[Int(socket)].settings].cpu
        total += servers[Int(socket)].busyTime(until: now).seconds * cores
      }
      control.recordUsage(of: PodID(index), total: total, at: now)
    }
  }
}
