// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a scenario makes happen: at given times (`TimedAction`) or by a stochastic process (`RandomProcess`).

import NetworkTypes
import SimKernel
import SimRandom

/// Which nodes an action is about.
public enum NodeTarget: Sendable, Equatable {
  case named(String)
  /// One drawn at random among those that are up (labels: only among these).
  case random(labels: Labels)
  case all(labels: Labels)
}

/// Which pods an action is about.
public enum PodTarget: Sendable, Equatable {
  case named(NamespacedName)
  /// One drawn at random among running, not terminating pods of a namespace with these labels.
  case random(namespace: String, labels: Labels)
  case all(namespace: String, labels: Labels)
}

/// A Kubernetes object in a manifest, of the kinds that the model uses.
public enum APIObject: Sendable, Equatable {
  case service(Service)
  case endpointSlice(EndpointSlice)
  case endpoints(Endpoints)
  case pod(Pod)
  case workload(Workload)
  case node(Node)
  case namespace(String)
  case podDisruptionBudget(PodDisruptionBudget)
  case horizontalPodAutoscaler(HorizontalPodAutoscaler)
}

public enum ObjectKind: String, Sendable, CaseIterable {
  case service = "Service"
  case endpointSlice = "EndpointSlice"
  case endpoints = "Endpoints"
  case pod = "Pod"
  case deployment = "Deployment"
  case replicaSet = "ReplicaSet"
  case statefulSet = "StatefulSet"
  case daemonSet = "DaemonSet"
  case podDisruptionBudget = "PodDisruptionBudget"
  case horizontalPodAutoscaler = "HorizontalPodAutoscaler"
}

/// Something that a scenario does to the cluster.
public enum ClusterAction: Sendable, Equatable {
  // Nodes
  case nodeJoin(NodeSettings)
  /// Cordon, then evict its pods (but a DaemonSet's).
  case nodeDrain(NodeTarget, DrainOptions = DrainOptions())
  case nodeCordon(NodeTarget)
  case nodeUncordon(NodeTarget)
  /// Power off at once; comes back after `returnAfter` if given, with `newAddress` if given.
  case nodeCrash(NodeTarget, returnAfter: Distribution?, newAddress: IPv4Address?)
  /// Orderly shutdown: pods get SIGTERM and the node's grace, then as a crash with return.
  case nodeReboot(NodeTarget, downFor: Distribution, newAddress: IPv4Address?)
  case nodeReturn(NodeTarget, newAddress: IPv4Address?)
  /// The primary InternalIP changes while the node runs.
  case nodeAddressChange(NodeTarget, newAddress: IPv4Address)
  /// `key[=value]:effect`, added to the Node object or taken from it.
  case nodeTaint(NodeTarget, taint: String)
  case nodeUntaint(NodeTarget, taint: String)
  /// The Node object is deleted from the API (its pods follow by garbage collection).
  case nodeDelete(NodeTarget)
  // Pods
  /// Graceful deletion through the API.
  case podDelete(PodTarget)
  /// Deletion with another grace period than the pod's own; zero: by force.
  case podDeleteWithin(PodTarget, grace: SimDuration)
  /// The process lives on and answers nothing (nil: until it is restarted).
  case podHang(PodTarget, duration: Distribution?)
  /// The container's process dies and is restarted by its kubelet.
  case podCrash(PodTarget)
  /// Its readiness probe fails for a time (nil: until a podReady action).
  case podUnready(PodTarget, duration: Distribution?)
  case podReady(PodTarget)
  // Workloads
  case scale(NamespacedName, replicas: Int)
  /// Rolling replacement of all pods, as `kubectl rollout restart`.
  case rollout(NamespacedName)
  /// A Deployment goes back to the template before the present one, as `kubectl rollout undo`.
  case undoRollout(NamespacedName)
  /// `kubectl rollout pause` and `resume`.
  case pauseRollout(NamespacedName, Bool)
  // Objects
  case apply([APIObject])
  case delete(ObjectKind, NamespacedName)
  // kube-proxy
  /// `teardown`: the new process removes its rules and begins its first sync only after this time, as old
  /// versions could (k/k 76376).
  case proxyRestart(NodeTarget, teardown: SimDuration? = nil)
  /// Syncs that begin within `duration` (nil: to the end of the run) fail with this probability.
  case proxySyncFailure(NodeTarget, probability: Double, duration: Distribution?)
  /// New configuration in the ConfigMap; takes effect when kube-proxy restarts, which this does too unless
  /// `restart` is false.
  case proxyConfigure(NodeTarget, ProxySettings, restart: Bool)
  /// As `proxyConfigure` with a restart, group of nodes after group.
  case proxyRollout(NodeTarget, ProxySettings, ProxyRollout)
  // Network paths, both directions; nil duration = to the end of the run
  case linkDegrade(LinkTarget, delay: Distribution?, loss: Double?, duration: Distribution?)
  /// Control plane unreachable from a node (`controlPlane`), or node from node.
  case partition(LinkTarget, duration: Distribution?)
  // Control plane
  /// The API server is away for so long.
  case apiServerRestart(downFor: Distribution)
  /// Writes of EndpointSlices fail, of one Service or (nil) of all; nil duration = to the end of the run.
  case endpointSyncFailure(NamespacedName?, probability: Double, duration: Distribution?)
  /// An external DNS name changes its addresses.
  case dnsChange(name: String, addresses: [IPv4Address])
}

/// A network path between two places.
public struct LinkTarget: Sendable, Equatable {
  public enum End: Sendable, Equatable {
    case node(String)
    case zone(String)
    case anyNode
    case outside
    case controlPlane
  }
  public var from: End
  public var to: End
  public init(from: End, to: End) {
    self.from = from
    self.to = to
  }
}

/// An action and its time.
public struct TimedAction: Sendable, Equatable {
  public var at: SimTime
  public var action: ClusterAction
  public init(at: SimTime, action: ClusterAction) {
    self.at = at
    self.action = action
  }
}

/// An action repeated at random times.
public struct RandomProcess: Sendable, Equatable {
  public var name: String
  /// Time between two occurrences, in seconds.
  public var every: Distribution
  public var from: SimTime
  public var until: SimTime
  public var limit: Int?
  public var action: ClusterAction
  public init(
    name: String, every: Distribution, from: SimTime = .zero, until: SimTime = .distantFuture,
    limit: Int? = nil,
    action: ClusterAction
  ) {
    self.name = name
    self.every = every
    self.from = from
    self.until = until
    self.limit = limit
    self.action = action
  }
}
