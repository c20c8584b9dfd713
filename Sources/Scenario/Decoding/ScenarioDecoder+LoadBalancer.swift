// SPDX-License-Identifier: GPL-3.0-or-later
//
// The external load balancer.

import Cluster
import NetworkTypes
import SimKernel

extension ScenarioDecoder {
  func decodeLoadBalancer(_ c: Cursor) {
    var l = LoadBalancerSettings()
    assign(c["addressPool"]?.block, to: &l.addressPool)
    assign(durations(c["provisioning"]), to: &l.provisioning)
    assign(c["checkInterval"]?.duration, to: &l.checkInterval)
    assign(c["checkTimeout"]?.duration, to: &l.checkTimeout)
    assign(c["healthyThreshold"]?.integer, to: &l.healthyThreshold)
    assign(c["unhealthyThreshold"]?.integer, to: &l.unhealthyThreshold)
    if l.checkTimeout > l.checkInterval, let place = c["checkTimeout"] ?? c["checkInterval"] {
      mistake(place, "expected a checkTimeout not longer than checkInterval, \(l.checkInterval)")
    }
    scenario.cluster.loadBalancer = l
  }
}
