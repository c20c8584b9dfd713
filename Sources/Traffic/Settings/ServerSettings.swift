// SPDX-License-Identifier: GPL-3.0-or-later

import Cluster
import NetworkTypes
import SimKernel
import SimRandom

/// Behaviour of the processes behind a set of pods or outside addresses.
public struct ServerSettings: Sendable, Equatable {
  public enum Place: Sendable, Equatable {
    case pods(namespace: String, labels: Labels)
    /// Servers outside the cluster, at these addresses.
    case outside([IPv4Address])
  }
  public enum TerminationBehaviour: String, Sendable, CaseIterable {
    /// Closes its listener and its connections at SIGTERM and exits.
    case exit
    /// Closes its listener, finishes open connections for up to `drain`, then exits.
    case drain
    /// Goes on as before until SIGKILL.
    case ignore
  }
  public var name: String
  public var place: Place
  /// nil: every port that the pod's containers declare.
  public var port: UInt16?
  public var transport: TransportProtocol = .tcp
  /// Time a worker spends on one request, seconds.
  public var serviceTime: Distribution = .exponential(mean: 0.005)
  /// Cores that a busy worker takes, for autoscalers. Assumed: serving is computing.
  public var cpu = 1.0
  /// Workers; nil = unlimited.
  public var concurrency: Int? = nil
  /// Requests that may wait for a worker; nil = unlimited. A request beyond is never answered.
  public var queue: Int? = nil
  /// Connections that the process holds open at a time; nil = unlimited.
  public var maxConnections: Int? = nil
  /// Accept queue (listen backlog; net.core.somaxconn 4096 since Linux 5.4). A SYN beyond is dropped.
  public var backlog = 4096
  public var onTermination: TerminationBehaviour = .exit
  /// Longest drain before exit.
  public var drain: SimDuration = .seconds(10)
  /// preStop hook: SIGTERM is sent this long after deletion reached the kubelet; nil: as the pods' manifests
  /// say.
  public var preStop: SimDuration?
  /// How much longer than `preStop`, or than what the manifests say, it takes: no key of scenario files, but
  /// what counterfactual runs change.
  public var furtherPreStop = SimDuration.zero
  /// Process started → it listens, in seconds; nil: `TimingSettings.podReady`.
  public var startup: Distribution?
  /// Its pods turn unready by themselves again and again.
  public var flap: PodBehaviour.Flap?
  /// Closes a connection that was idle this long; nil = never.
  public var idleTimeout: SimDuration? = nil

  public init(name: String, place: Place) {
    self.name = name
    self.place = place
  }
}
