// SPDX-License-Identifier: GPL-3.0-or-later
//
// A workload and its pods, as its controller sees them, and the names that it gives. What it does about them
// is in ControlPlane+Workloads.

import SimKernel

/// A Deployment, ReplicaSet, StatefulSet or DaemonSet under its controller. Index: `WorkloadID`.
public struct WorkloadRecord: Sendable {
  public let id: WorkloadID
  public internal(set) var object: Workload
  /// Its pods in the API, terminating ones included, in order of creation.
  public internal(set) var pods: [PodID] = []
  /// Grows with each change of the template and each rollout.
  public internal(set) var templateRevision = 1
  public internal(set) var isDeleted = false
  var isSyncPending = false
  /// Number of generated pod names, for the next one.
  var namesGiven = 0
  var draws: UInt64 = 0

  var name: NamespacedName { object.metadata.namespacedName }

  init(id: WorkloadID, object: Workload) {
    self.id = id
    self.object = object
  }

  /// Suffix of the ReplicaSet that a Deployment keeps for its present template (`pod-template-hash`).
  var templateHash: String { StableHash.suffix("\(name)/template/\(templateRevision)", length: 9) }

  /// The next pod's generated name, ReplicaSet style; StatefulSets number theirs.
  mutating func nextPodName() -> String {
    defer { namesGiven += 1 }
    let base = object.kind == .deployment ? "\(name.name)-\(templateHash)" : name.name
    return base + "-" + StableHash.suffix("\(name.namespace)/\(base)/\(namesGiven)", length: 5)
  }
}
