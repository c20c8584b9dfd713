// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel

/// v1 Pod, as far as Service networking depends on it.
public struct Pod: Sendable, Equatable {
  public var metadata: ObjectMeta
  public var spec: PodSpec
  public var status: PodStatus
  public init(metadata: ObjectMeta, spec: PodSpec, status: PodStatus = PodStatus()) {
    self.metadata = metadata
    self.spec = spec
    self.status = status
  }
}

public struct PodSpec: Sendable, Equatable {
  /// nil until scheduled.
  public var nodeName: String?
  public var hostNetwork = false
  public var hostname: String?
  public var subdomain: String?
  /// `terminationGracePeriodSeconds`; default 30 (FACTS F2).
  public var terminationGracePeriod: SimDuration = .seconds(30)
  public var nodeSelector: Labels = [:]
  public var tolerations: [Toleration] = []
  public var dns = PodDNS()
  /// Containers, then restartable init (sidecar) containers: both count when a named port is looked up.
  public var containers: [Container] = []
  /// Init containers that run to their end, one after the other.
  public var initContainers: [Container] = []
  public var restartPolicy = RestartPolicy.always
  public var priorityClassName: String?
  /// What it asks of its node.
  public var scheduling = PodScheduling()
  public init() {}
}

/// A taint that a pod puts up with.
public struct Toleration: Sendable, Equatable {
  /// Empty: every key, if any value will do.
  public var key: String
  /// nil: any value (operator Exists).
  public var value: String?
  /// Empty: every effect.
  public var effect: String
  /// tolerationSeconds; nil: for ever.
  public var duration: SimDuration?

  public init(key: String = "", value: String? = nil, effect: String = "", duration: SimDuration? = nil) {
    self.duration = duration
    self.key = key
    self.value = value
    self.effect = effect
  }

  /// - Parameter taint: `key[=value]:effect`, as in `Node.taints`.
  public func covers(_ taint: String) -> Bool {
    let parts = taint.split(separator: ":", omittingEmptySubsequences: false)
    let pair = (parts.first ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let taintKey = pair.first ?? ""
    let taintValue = pair.count == 2 ? pair[1] : ""
    if !effect.isEmpty, effect != (parts.count == 2 ? parts[1] : "") { return false }
    if key.isEmpty { return value == nil }
    return key == taintKey && (value.map { $0 == taintValue } ?? true)
  }
}

public struct Container: Sendable, Equatable {
  public var name: String
  public var ports: [ContainerPort] = []
  public var image = ""
  /// nil: by the image's tag.
  public var imagePullPolicy: ImagePullPolicy?
  public var startupProbe: Probe?
  public var readinessProbe: Probe?
  public var livenessProbe: Probe?
  public var preStop: PreStopHook?
  public init(name: String) { self.name = name }
}

public struct ContainerPort: Sendable, Equatable {
  public var name: String = ""
  public var containerPort: Int
  /// 0: none.
  public var hostPort = 0
  public var `protocol`: String = "TCP"
  public init(containerPort: Int) { self.containerPort = containerPort }
}

public struct PodStatus: Sendable, Equatable {
  public enum Phase: String, Sendable {
    case pending = "Pending"
    case running = "Running"
    case succeeded = "Succeeded"
    case failed = "Failed"
    case unknown = "Unknown"
  }
  public var phase: Phase = .pending
  public var podIP: IPv4Address?
  public var hostIP: IPv4Address?
  /// Condition Ready.
  public var isReady = false
  public var restartCount = 0
  /// What a container waits for or ended with, where kubectl shows that instead of the phase.
  public var reason: String?
  /// Containers that are ready; nil: all or none, by `isReady`.
  public var readyContainers: Int?
  /// When a container ended last before it was restarted; kubectl shows it beside the count.
  public var lastRestart: SimTime?
  /// A dump says so; a bare manifest has no status.
  public var isReported = false
  public init() {}
}

/// Deployment, ReplicaSet, StatefulSet or DaemonSet: what keeps pods of a template alive.
public struct Workload: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case deployment = "Deployment"
    case replicaSet = "ReplicaSet"
    case statefulSet = "StatefulSet"
    case daemonSet = "DaemonSet"
  }
  public var kind: Kind
  public var metadata: ObjectMeta
  /// Ignored for a DaemonSet.
  public var replicas = 1
  public var selector: LabelSelector
  public var templateLabels: Labels
  public var template: PodSpec
  /// RollingUpdate bounds, as absolute numbers after the API's rounding at the time of use.
  public var maxSurge: IntOrString = .string("25%")
  public var maxUnavailable: IntOrString = .string("25%")
  public var minReady: SimDuration = .zero
  /// True for strategy Recreate.
  public var recreates = false
  /// Strategy OnDelete of a StatefulSet or DaemonSet: nobody deletes pods of an older template.
  public var updatesOnDelete = false
  /// `spec.paused` of a Deployment.
  public var isPaused = false
  /// A Deployment that made no progress for so long says so; nil: never. Default 600 s (apps/v1).
  public var progressDeadline: SimDuration? = .seconds(600)
  /// podManagementPolicy Parallel of a StatefulSet.
  public var isParallel = false
  /// StatefulSet pods with a smaller ordinal keep the older template.
  public var partition = 0

  public init(
    kind: Kind, metadata: ObjectMeta, selector: LabelSelector, templateLabels: Labels, template: PodSpec
  ) {
    self.kind = kind
    self.metadata = metadata
    self.selector = selector
    self.templateLabels = templateLabels
    self.template = template
    // Both replace pods in place by default (apps/v1 defaults).
    if kind == .daemonSet || kind == .statefulSet {
      maxSurge = .int(0)
      maxUnavailable = .int(1)
    }
  }
}
