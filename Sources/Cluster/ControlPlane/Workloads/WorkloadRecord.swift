// SPDX-License-Identifier: GPL-3.0-or-later
//
// A workload and its pods, as its controller sees them, and the names that it gives. What it does about them
// is in ControlPlane+Deployments, +ReplicaSets, +StatefulSets and +DaemonSets.

import SimKernel

/// A Deployment, ReplicaSet, StatefulSet or DaemonSet under its controller. Index: `WorkloadID`.
public struct WorkloadRecord: Sendable {
  /// What the controller wrote into `status` at its last look.
  struct Status: Sendable, Equatable {
    var replicas = 0
    var ready = 0
    var available = 0
    /// Pods of the present template.
    var updated = 0
  }
  /// Condition Progressing of a Deployment.
  enum Progress: Sendable, Equatable {
    case none
    /// ReplicaSetUpdated and the like, last at that time.
    case progressing(SimTime)
    /// NewReplicaSetAvailable.
    case complete
    /// ProgressDeadlineExceeded.
    case exceeded
  }

  public let id: WorkloadID
  public internal(set) var object: Workload
  /// Its pods in the API, terminating ones included, in order of creation. A Deployment has none of its own.
  public internal(set) var pods: [PodID] = []
  /// Grows with each change of the template and each rollout. A ReplicaSet of a Deployment: which of them it
  /// was made for.
  public internal(set) var templateRevision = 1
  public internal(set) var isDeleted = false
  /// The Deployment that a ReplicaSet belongs to.
  public internal(set) var parent = WorkloadID.none
  /// A Deployment's ReplicaSets, in order of creation.
  public internal(set) var sets: [WorkloadID] = []
  /// It comes out of a running cluster.
  let isDumped: Bool
  var isSyncPending = false
  /// Number of generated pod names, for the next one.
  var namesGiven = 0
  var draws: UInt64 = 0
  var status = Status()
  var progress = Progress.none

  // Of a ReplicaSet
  /// Annotations desired-replicas and max-replicas of a Deployment's ReplicaSet.
  var desiredAnnotation = 0
  var maxAnnotation = 0
  /// Annotation deployment.kubernetes.io/revision: grows when it becomes the present one (again).
  var rolloutRevision = 1
  /// Pods that it is in the course of creating.
  var creationsUnderWay = 0

  // Of a StatefulSet
  /// The revision before the one that is being rolled out (`status.currentRevision`), and its template.
  var currentRevision = 1
  var currentTemplate: (labels: Labels, spec: PodSpec)?

  var name: NamespacedName { object.metadata.namespacedName }

  init(id: WorkloadID, object: Workload) {
    self.id = id
    self.object = object
    isDumped = !object.metadata.uid.isEmpty
  }

  /// Suffix of the ReplicaSet that a Deployment keeps for a template (`pod-template-hash`).
  func templateHash(_ revision: Int) -> String {
    StableHash.suffix("\(name)/template/\(revision)", length: 9)
  }

  /// The next pod's generated name, ReplicaSet style; StatefulSets number theirs.
  mutating func nextPodName() -> String {
    defer { namesGiven += 1 }
    let base = name.name
    return base + "-" + StableHash.suffix("\(name.namespace)/\(base)/\(namesGiven)", length: 5)
  }
}
