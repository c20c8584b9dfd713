// SPDX-License-Identifier: GPL-3.0-or-later
//
// Named load balancers: the values that a provider's controller sets where a Service has no annotations, and
// what its data plane does. Health checks: FACTS F3. What else is not marked with a source is assumed
// (docs/model.md, External load balancer).

import SimKernel
import SimRandom

/// A provider whose defaults a scenario can name.
public enum LoadBalancerProvider: String, Sendable, CaseIterable {
  case gce
  case awsNLB = "aws-nlb"
  case awsELB = "aws-elb"
  case azure
  case metalLBLayer2 = "metallb-l2"
  case metalLBBGP = "metallb-bgp"

  /// The provider's values; keys of the scenario have the last word.
  public var settings: LoadBalancerSettings {
    var l = LoadBalancerSettings()
    switch self {
    case .gce: setGCE(&l)
    case .awsNLB: setNLB(&l)
    case .awsELB: setELB(&l)
    case .azure: setAzure(&l)
    case .metalLBLayer2: setLayer2(&l)
    case .metalLBBGP: setBGP(&l)
    }
    return l
  }

  /// Checks: FACTS F3 (8 s, 1 s, 1, 3 on 10256). A passthrough balancer: consistent hashing with a connection
  /// table that forgets after 600 s.
  private func setGCE(_ l: inout LoadBalancerSettings) {
    l.idleTimeout = .seconds(600)
    l.idleAction = .steerAnew
  }

  /// Checks: FACTS F3 (30 s, with policy Local 10 s; timeout 10 s; 3 in a row, Local 2) on the first node
  /// port (KEP-3458). Idle flows: 350 s, then RST. Late news: connections keep coming about 2 min after
  /// deregistration and 30-40 s after a target turned unhealthy; fail-open; flows of unhealthy targets are
  /// reset; those of deregistered ones live on (all FACTS F3, aws-load-balancer-controller 2366, 3270, 1858).
  private func setNLB(_ l: inout LoadBalancerSettings) {
    (l.checkInterval, l.checkTimeout) = (.seconds(30), .seconds(10))
    (l.healthyThreshold, l.unhealthyThreshold) = (3, 3)
    l.localCheckInterval = .seconds(10)
    (l.localHealthyThreshold, l.localUnhealthyThreshold) = (2, 2)
    l.checkPort = .nodePort
    l.failOpen = true
    l.resetsUnhealthy = true
    l.idleTimeout = .seconds(350)
    l.registration = .uniform(low: 60, high: 120)
    l.deregistration = .uniform(low: 100, high: 140)
    l.unhealthyDelay = .uniform(low: 30, high: 40)
  }

  /// Checks: FACTS F3 (10 s, 5 s, 2, 6) on the first node port. Draining is off until an annotation turns it
  /// on, so a deregistered instance loses its connections at once; idle ones are closed after 60 s.
  private func setELB(_ l: inout LoadBalancerSettings) {
    (l.checkInterval, l.checkTimeout) = (.seconds(10), .seconds(5))
    (l.healthyThreshold, l.unhealthyThreshold) = (2, 6)
    l.checkPort = .nodePort
    l.drain = .zero
    l.idleTimeout = .seconds(60)
    l.registration = .uniform(low: 1, high: 5)
  }

  /// Checks: FACTS F3 (5 s, 2 failures) on the node port. Idle flows: 4 min, then RST (the controller turns
  /// TCP reset on).
  private func setAzure(_ l: inout LoadBalancerSettings) {
    (l.checkInterval, l.checkTimeout) = (.seconds(5), .seconds(5))
    (l.healthyThreshold, l.unhealthyThreshold) = (1, 2)
    l.checkPort = .nodePort
    l.idleTimeout = .minutes(4)
    l.registration = .uniform(low: 5, high: 30)
    l.deregistration = .uniform(low: 5, high: 30)
  }

  /// One speaker answers ARP for the address; the others notice its silence through their member list within
  /// seconds. No table of connections: with the next leader every flow meets another node.
  private func setLayer2(_ l: inout LoadBalancerSettings) {
    (l.checkInterval, l.checkTimeout) = (.seconds(1), .seconds(1))
    (l.healthyThreshold, l.unhealthyThreshold) = (1, 5)
    l.steering = .leader
  }

  /// Routers spread over all speakers; a silent one goes when its hold time of 90 s ends (three keepalives of
  /// 30 s), a withdrawn route at once. A router's hash moves flows when the set changes.
  private func setBGP(_ l: inout LoadBalancerSettings) {
    (l.checkInterval, l.checkTimeout) = (.seconds(30), .seconds(30))
    (l.healthyThreshold, l.unhealthyThreshold) = (1, 3)
    (l.localCheckInterval, l.localUnhealthyThreshold) = (.milliseconds(100), 1)
    l.steering = .ecmp
  }
}
