// SPDX-License-Identifier: GPL-3.0-or-later
//
// A pod as it is on its node, whatever the API says of it. The API's view is `APIStore.pod(_:)`.

import NetworkTypes
import SimKernel

/// How the processes of a pod behave at termination, from the scenario's server settings.
public struct PodBehaviour: Sendable, Equatable {
  /// preStop hook: SIGTERM is sent this long after the deletion reached the kubelet.
  public var preStop: SimDuration
  /// SIGTERM → the process exits; nil: never by itself, so it ends by SIGKILL or by `processExited`.
  public var exitDelay: SimDuration?
  /// False: the readiness probe fails until a `podReady` action.
  public var startsReady: Bool

  public init(preStop: SimDuration = .zero, exitDelay: SimDuration? = .zero, startsReady: Bool = true) {
    self.preStop = preStop
    self.exitDelay = exitDelay
    self.startsReady = startsReady
  }
}

/// One pod incarnation in reality. Index: `PodID`; entries are never reused.
public struct PodRecord: Sendable {
  public enum Process: UInt8, Sendable {
    /// Not scheduled, or the kubelet has not seen the pod yet.
    case notStarted
    /// The kubelet makes the sandbox and the containers.
    case starting
    case running
    /// SIGTERM was sent.
    case terminating
    case ended
  }

  public let id: PodID
  public let name: NamespacedName
  public let labels: Labels
  /// The workload that keeps it alive, or `.none`.
  public let owner: WorkloadID
  public let isHostNetwork: Bool
  public let behaviour: PodBehaviour
  /// `terminationGracePeriodSeconds`, preStop included.
  public internal(set) var gracePeriod: SimDuration
  /// `.none` until it is scheduled.
  public internal(set) var node = NodeID.none
  /// The address its network namespace has now; a hostNetwork pod's is its node's primary address.
  public internal(set) var address: IPv4Address?
  public internal(set) var process = Process.notStarted
  public internal(set) var restarts = 0

  /// Its readiness probe would succeed now.
  public var isReadyInReality: Bool {
    isApplicationReady && !isProbeFailing && hasProcess
  }
  /// Its process exists.
  public var hasProcess: Bool { process == .running || process == .terminating }

  /// Generation of its process; timers of earlier ones are ignored.
  var epoch: UInt16 = 0
  var isApplicationReady = false
  var isProbeFailing: Bool
  /// Generation of `isProbeFailing`.
  var probeEpoch: UInt16 = 0
  /// The kubelet is working on the deletion.
  var isDeletionSeen = false
  var isStatusReportPending = false
  /// Released its address and told so; nothing of it is left on the node.
  var isGoneFromNode = false
  var backoff = CrashBackoff()
  /// Revision of the workload's template it was made from.
  var templateRevision: Int
  /// The only node it may run on: a DaemonSet's pod.
  var pinnedNode = NodeID.none
  /// When the API first had it Ready without a break; nil while not Ready.
  var readySince: SimTime?
  /// When its condition Ready last changed; nil: it was never Ready.
  var lastReady: SimTime?
  /// What it asks for is entered at its node.
  var isAccounted = false
  /// Names its random draws.
  let drawEntity: UInt64
  var draws: UInt64 = 0

  init(
    id: PodID, object: Pod, owner: WorkloadID, templateRevision: Int, behaviour: PodBehaviour,
    drawEntity: UInt64
  ) {
    self.id = id
    name = object.metadata.namespacedName
    labels = object.metadata.labels
    self.owner = owner
    isHostNetwork = object.spec.hostNetwork
    self.behaviour = behaviour
    gracePeriod = object.spec.terminationGracePeriod
    isProbeFailing = !behaviour.startsReady
    self.templateRevision = templateRevision
    self.drawEntity = drawEntity
  }
}
