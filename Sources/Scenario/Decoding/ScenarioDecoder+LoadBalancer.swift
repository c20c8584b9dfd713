// SPDX-License-Identifier: GPL-3.0-or-later
//
// The external load balancer: a provider's values, where one is named, and what the scenario says itself.

import Cluster
import NetworkTypes
import SimKernel

extension ScenarioDecoder {
  func decodeLoadBalancer(_ c: Cursor) {
    let provider = c["provider"]?.string.flatMap { LoadBalancerProvider(rawValue: $0) }
    var l = provider?.settings ?? LoadBalancerSettings()
    assign(c["addressPool"]?.block, to: &l.addressPool)
    assign(durations(c["provisioning"]), to: &l.provisioning)
    assign(c["targets"]?.string.flatMap { .init(rawValue: $0) }, to: &l.targets)
    decodeHealthChecks(c, &l)
    decodeBalancedConnections(c, &l)
    assign(durations(c["registration"]), to: &l.registration)
    assign(durations(c["deregistration"]), to: &l.deregistration)
    assign(durations(c["unhealthyDelay"]), to: &l.unhealthyDelay)
    scenario.cluster.loadBalancer = l
  }

  private func decodeHealthChecks(_ c: Cursor, _ l: inout LoadBalancerSettings) {
    assign(c["checkPort"]?.string.flatMap { .init(rawValue: $0) }, to: &l.checkPort)
    assign(c["checkInterval"]?.duration, to: &l.checkInterval)
    assign(c["checkTimeout"]?.duration, to: &l.checkTimeout)
    assign(c["healthyThreshold"]?.integer, to: &l.healthyThreshold)
    assign(c["unhealthyThreshold"]?.integer, to: &l.unhealthyThreshold)
    assign(c["localCheckInterval"]?.duration, to: &l.localCheckInterval)
    assign(c["localHealthyThreshold"]?.integer, to: &l.localHealthyThreshold)
    assign(c["localUnhealthyThreshold"]?.integer, to: &l.localUnhealthyThreshold)
    assign(c["failOpen"]?.bool, to: &l.failOpen)
    if c["provider"] != nil, c["checkTimeout"] == nil {
      l.checkTimeout = min(l.checkTimeout, l.checkInterval)
    }
    if l.checkTimeout > l.checkInterval, let place = c["checkTimeout"] ?? c["checkInterval"] {
      mistake(place, "expected a checkTimeout not longer than checkInterval, \(l.checkInterval)")
    }
  }

  private func decodeBalancedConnections(_ c: Cursor, _ l: inout LoadBalancerSettings) {
    assign(c["steering"]?.string.flatMap { .init(rawValue: $0) }, to: &l.steering)
    assign(c["drain"]?.duration, to: &l.drain)
    assign(c["resetsUnhealthy"]?.bool, to: &l.resetsUnhealthy)
    assign(c["idleTimeout"]?.duration, to: &l.idleTimeout)
    assign(c["idleAction"]?.string.flatMap { .init(rawValue: $0) }, to: &l.idleAction)
    if l.idleTimeout == nil, let place = c["idleAction"] {
      mistake(place, "expected \"idleTimeout\" beside \"idleAction\"")
    }
  }
}
