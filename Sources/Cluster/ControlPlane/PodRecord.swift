// SPDX-License-Identifier: GPL-3.0-or-later
//
// A pod as it is on its node, whatever the API says of it. The API's view is `APIStore.pod(_:)`.

import NetworkTypes
import SimKernel
import SimRandom

/// How the processes of a pod behave, from the scenario's server settings.
public struct PodBehaviour: Sendable, Equatable {
  /// A pod that turns unready by itself again and again, in seconds.
  public struct Flap: Sendable, Equatable {
    /// Ready until it is unready.
    public var every: Distribution
    /// How long it is unready.
    public var duration: Distribution
    public init(every: Distribution, duration: Distribution) {
      self.every = every
      self.duration = duration
    }
  }

  /// preStop hook: SIGTERM is sent this long after the deletion reached the kubelet; nil: as the pod's
  /// manifest says.
  public var preStop: SimDuration?
  /// How much longer than that the hook takes.
  public var furtherPreStop = SimDuration.zero
  /// SIGTERM → the process exits; nil: never by itself, so it ends by SIGKILL or by `processExited`. A
  /// process that exits by itself stops to listen at SIGTERM.
  public var exitDelay: SimDuration?
  /// False: the readiness probe fails until a `podReady` action.
  public var startsReady: Bool
  /// Process started → it listens, in seconds; nil: `TimingSettings.podReady`.
  public var startup: Distribution?
  public var flap: Flap?

  public init(
    preStop: SimDuration? = nil, exitDelay: SimDuration? = .zero, startsReady: Bool = true,
    startup: Distribution? = nil, flap: Flap? = nil
  ) {
    self.preStop = preStop
    self.exitDelay = exitDelay
    self.startsReady = startsReady
    self.startup = startup
    self.flap = flap
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
  /// What its kubelet has been told to run.
  let spec: PodSpec
  /// What a container without readiness probe counts as.
  let unprobed: KubeletSettings.Unprobed
  /// The hook in force: the scenario's server settings have the last word over the manifest.
  let preStop: SimDuration
  /// `terminationGracePeriodSeconds`, preStop included, or what its deletion asked for.
  public internal(set) var gracePeriod: SimDuration
  /// `.none` until it is scheduled.
  public internal(set) var node = NodeID.none
  /// The address its network namespace has now; a hostNetwork pod's is its node's primary address.
  public internal(set) var address: IPv4Address?
  public internal(set) var process = Process.notStarted
  public internal(set) var restarts = 0

  /// Its kubelet would call it ready, if it knew everything at once: its readiness probe would succeed now,
  /// or, where it has none, its containers run.
  public var isReadyInReality: Bool {
    guard hasProcess, !isProbeFailing else { return false }
    if !hasReadinessProbe, unprobed == .whenRunning { return true }
    return isApplicationReady && !isHanging
  }
  /// Its process exists.
  public var hasProcess: Bool { process == .running || process == .terminating }

  /// Generation of its process; timers of earlier ones are ignored.
  var epoch: UInt16 = 0
  /// The application has come up: it listens.
  public internal(set) var isApplicationReady = false
  /// The process lives and answers nothing.
  public internal(set) var isHanging = false
  var isProbeFailing: Bool
  /// Generation of `isProbeFailing`.
  var probeEpoch: UInt16 = 0
  /// The kubelet is working on the deletion.
  var isDeletionSeen = false
  var isStatusReportPending = false
  /// Released its address and told so; nothing of it is left on the node.
  var isGoneFromNode = false
  /// A later deletion asked for a shorter grace period; the kubelet has not seen it yet.
  var isGraceShortened = false
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

  // What its kubelet keeps of it:
  var view = KubeletView()
  var probes: [ProbeWorker] = []
  /// Its startup probes have succeeded.
  var isStarted = false
  /// Generation of the probe timer, and when it is set to.
  var probeTimer: UInt16 = 0
  var probeTimerAt = SimTime.distantFuture
  var startedAt = SimTime.zero
  /// When its last process ended.
  var lastEnd: SimTime?
  var initContainersDone = 0
  /// Why its containers cannot be made, in kubectl's words.
  var startHindrance: String?
  /// The kubelet ends the process in order to start another one.
  var isBeingRestarted = false
  /// The next start waits for its back-off.
  var isHeldBack = false
  /// Its processes have ended for good, though nobody deleted it.
  var isFinished = false
  /// Ends because its node shuts down.
  var isBeingShutDown = false

  /// Names its random draws.
  let drawEntity: UInt64
  var draws: UInt64 = 0
  var requeues: UInt64 = 0
  var flaps: UInt64 = 0

  init(
    id: PodID, object: Pod, owner: WorkloadID, templateRevision: Int, behaviour: PodBehaviour,
    settings: ClusterSettings, drawEntity: UInt64
  ) {
    self.id = id
    name = object.metadata.namespacedName
    labels = object.metadata.labels
    self.owner = owner
    isHostNetwork = object.spec.hostNetwork
    self.behaviour = behaviour
    spec = object.spec
    unprobed = settings.kubelet.unprobed
    let hook = behaviour.preStop ?? object.spec.preStop(minorVersion: settings.minorVersion) ?? .zero
    preStop = hook + behaviour.furtherPreStop
    gracePeriod = object.spec.terminationGracePeriod
    isProbeFailing = !behaviour.startsReady
    self.templateRevision = templateRevision
    self.drawEntity = drawEntity
  }
}
