// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who writes a node's addresses into its Node object, and who tells the others where its pods are (FACTS J).

import SimKernel
import SimRandom

/// How the cluster learns of a node's new address.
public struct NodeAddressSettings: Sendable, Equatable {
  public enum Reporter: String, Sendable, CaseIterable {
    /// Its kubelet, in its status loop.
    case kubelet
    /// An external cloud provider's controller (kubelet --cloud-provider=external).
    case cloud
  }
  public enum Routes: String, Sendable, CaseIterable {
    /// Agents on all nodes watch Node objects, as overlay networks have them.
    case overlay
    /// The route controller writes one table of the cloud's.
    case cloud
  }

  public var reporter = Reporter.kubelet
  /// Address changed → the cloud controller has written it: --node-status-update-frequency 5 min at a random
  /// phase (FACTS F4).
  public var cloudRefresh: Distribution = .uniform(low: 0, high: 300)
  public var routes = Routes.overlay
  /// Node object changed → the route controller's next pass: --route-reconciliation-period 10 s (FACTS F4).
  public var routeReconciliation: Distribution = .uniform(low: 0, high: 10)
  /// The provider lets the route controller replace a route whose target address changed (k/k PR 108095).
  public var routesFollowAddress = false

  public init() {}
}
