// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the control plane tells everybody else: what just became true, in the API or in reality, what is to be
// scheduled, and what the events file says about it. Whoever hears of a change applies it; nobody is called.

import NetworkTypes
import SimKernel
import SimRandom

/// Something that has just become true. The tables of `ControlPlane` already show it.
public enum ClusterChange: Sendable, Equatable {
  // Written to the API:
  case serviceChanged(ServiceID, Revision)
  case slicesChanged(ServiceID, Revision)
  case podStatusChanged(PodID, Revision)
  case nodeObjectChanged(NodeID, Revision)
  // In reality (not told for the shared addresses of hostNetwork pods):
  case podAddressAssigned(PodID, IPv4Address)
  case podProcessStarted(PodID)
  /// The application has come up and accepts connections.
  case podListens(PodID)
  /// The application stops answering, or answers again.
  case podHangs(PodID, Bool)
  /// SIGTERM reached the process.
  case podTerminationSignal(PodID)
  /// `crashed`: without having been asked to; also when its node lost power.
  case podProcessEnded(PodID, crashed: Bool)
  case podAddressReleased(PodID, IPv4Address)
  case nodeDown(NodeID)
  /// Booted: kernel state (conntrack, proxy tables) is new, and kube-proxy starts.
  case nodeUp(NodeID)
  case nodeJoined(NodeID)
  /// The primary InternalIP changed on the machine; nobody else knows yet.
  case nodeAddressChanged(NodeID, old: IPv4Address, new: IPv4Address)
  /// A node now sends packets for another node's pods to the address that the API has.
  case routeLearned(on: NodeID, about: NodeID)
  /// kube-proxy is to exit and start again, with other settings if given. `teardown`: its successor removes
  /// the rules so long before its first sync.
  case proxyRestart(NodeID, ProxySettings?, teardown: SimDuration? = nil)
  /// Syncs of this node that begin before `until` fail with a probability.
  case proxySyncsFail(NodeID, probability: Double, until: SimTime)
  /// A network path gets slow, lossy or is cut (`active`), or is as before again.
  case link(LinkTarget, delay: Distribution?, loss: Double?, partitioned: Bool, active: Bool)
  /// The API server is down, or back.
  case apiServer(isUp: Bool)
  case loadBalancerTargetsChanged(ServiceID)
  /// The load balancer ends the open connections of a Service that it sends to a node.
  case loadBalancerCut(ServiceID, NodeID)
  case dnsChanged(String)
}

/// One row of events.csv.
public struct ClusterLogEntry: Sendable, Equatable {
  public var time: SimTime
  /// `pod/default/web-1`, `node/worker`, `service/default/web`, …
  public var object: String
  public var action: String
  public var detail: String
  /// Number of the occurrence of an action of the scenario that did it at once; −1: something else did.
  public var occurrence: Int

  public init(time: SimTime, object: String, action: String, detail: String = "", occurrence: Int = -1) {
    self.time = time
    self.object = object
    self.action = action
    self.detail = detail
    self.occurrence = occurrence
  }
}

/// Directives of one step of the control plane. The caller owns the buffer, empties it with `removeAll` and
/// passes it to the next step; entries are in the order in which they came about.
public struct ControlPlaneOutput: Sendable {
  public var schedule: [(at: SimTime, event: ClusterEvent)] = []
  public var changes: [ClusterChange] = []
  public var log: [ClusterLogEntry] = []

  public init() {}

  /// Keeps the capacity.
  public mutating func removeAll() {
    schedule.removeAll(keepingCapacity: true)
    changes.removeAll(keepingCapacity: true)
    log.removeAll(keepingCapacity: true)
  }
}
