// SPDX-License-Identifier: GPL-3.0-or-later
//
// The external load balancer of Services of type LoadBalancer: what it checks, how it spreads and keeps
// connections, and how long it takes to act. Named sets of these values are in LoadBalancerProvider.

import NetworkTypes
import SimKernel
import SimRandom

/// The modelled external load balancer (one for all Services of type LoadBalancer without a
/// loadBalancerClass).
public struct LoadBalancerSettings: Sendable, Equatable {
  /// What a health check of a node asks, for a Service with policy Cluster. With policy Local it is always
  /// the Service's healthCheckNodePort.
  public enum CheckPort: String, Sendable, CaseIterable {
    /// kube-proxy's `/healthz`, port 10256; one check serves all Services.
    case healthz
    /// TCP to the Service's first node port: passes if the connection opens, at whatever pod it ends.
    case nodePort
  }

  /// How the node is found for a packet.
  public enum Steering: String, Sendable, CaseIterable {
    /// A table of connections: a flow stays at its target until that is cut off.
    case stateful
    /// Equal-cost routes, hash modulo the number of targets: any change of the set moves most flows.
    case ecmp
    /// Equal-cost routes with resilient hashing: only flows of a target that went move.
    case resilientEcmp
    /// Consistent hashing without a table: of n targets about 1/n of all flows move with each change.
    case maglev
    /// All traffic goes to one node at a time.
    case leader
  }

  /// What becomes of a flow that the load balancer has forgotten because it was idle.
  public enum IdleAction: String, Sendable, CaseIterable {
    case reset
    case drop
    /// The next packet is treated like a new connection's first.
    case steerAnew
  }

  /// How targets are named to the load balancer.
  public enum TargetKind: String, Sendable, CaseIterable {
    /// By machine: follows a changed address by itself.
    case instance
    /// By address: a changed one has to be registered anew.
    case ip
  }

  /// Addresses given to `status.loadBalancer.ingress` where a manifest has none.
  public var addressPool = IPv4CIDR("192.0.2.0/24")!
  /// Service created → ingress address written.
  public var provisioning: Distribution = .constant(2)
  /// Time between health checks of a node (FACTS F3, GCE).
  public var checkInterval: SimDuration = .seconds(8)
  public var checkTimeout: SimDuration = .seconds(1)
  public var healthyThreshold = 1
  public var unhealthyThreshold = 3
  /// Of a Service with policy Local, where that differs: interval and both thresholds.
  public var localCheckInterval: SimDuration?
  public var localHealthyThreshold: Int?
  public var localUnhealthyThreshold: Int?
  public var checkPort = CheckPort.healthz
  public var steering = Steering.stateful
  public var targets = TargetKind.instance
  /// With no healthy target, all members get connections.
  public var failOpen = false
  /// From the deregistration of a target until its open connections are cut; nil: they are left alone.
  public var drain: SimDuration?
  /// Connections of a target that fails its checks are reset.
  public var resetsUnhealthy = false
  /// nil: flows are kept for ever.
  public var idleTimeout: SimDuration?
  public var idleAction = IdleAction.reset
  /// Node object appeared → the target gets health checks and, once healthy, connections.
  public var registration: Distribution = .constant(0)
  /// Node left the set → no new connections for it.
  public var deregistration: Distribution = .constant(0)
  /// Target found unhealthy → no new connections for it.
  public var unhealthyDelay: Distribution = .constant(0)

  public init() {}

  /// Nothing is to be remembered of a flow but its target.
  public var keepsFlowsForEver: Bool {
    steering == .stateful && drain == nil && !resetsUnhealthy && idleTimeout == nil
  }

  public func interval(isLocal: Bool) -> SimDuration {
    isLocal ? localCheckInterval ?? checkInterval : checkInterval
  }
  public func threshold(isPassed: Bool, isLocal: Bool) -> Int {
    let own = isPassed ? localHealthyThreshold : localUnhealthyThreshold
    return (isLocal ? own : nil) ?? (isPassed ? healthyThreshold : unhealthyThreshold)
  }
}
