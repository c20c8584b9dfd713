// SPDX-License-Identifier: GPL-3.0-or-later
//
// The external load balancer of Services of type LoadBalancer.

import NetworkTypes
import SimKernel
import SimRandom

/// The modelled external load balancer (one for all Services of type LoadBalancer without a
/// loadBalancerClass).
public struct LoadBalancerSettings: Sendable, Equatable {
  /// Addresses given to `status.loadBalancer.ingress` where a manifest has none.
  public var addressPool = IPv4CIDR("192.0.2.0/24")!
  /// Service created → ingress address written.
  public var provisioning: Distribution = .constant(2)
  /// Health check of a node: kube-proxy's 10256, or healthCheckNodePort with policy Local (FACTS F3, GCE).
  public var checkInterval: SimDuration = .seconds(8)
  public var checkTimeout: SimDuration = .seconds(1)
  public var healthyThreshold = 1
  public var unhealthyThreshold = 3
  public init() {}
}
