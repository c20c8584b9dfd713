// SPDX-License-Identifier: GPL-3.0-or-later
//
// Kubernetes objects as the API stores them. Fields hold what a manifest may say, so that a wrong value can
// be refused in the API server's own words; typed views (`service.serviceType`) are for objects that passed
// validation.

import OrderedCollections
import SimKernel

public typealias Labels = OrderedDictionary<String, String>

/// `metadata` of any object.
public struct ObjectMeta: Sendable, Equatable {
  public var name: String
  /// Empty for cluster-scoped objects.
  public var namespace: String
  public var labels: Labels
  public var annotations: Labels
  public var uid: String
  public var generateName: String
  public var resourceVersion: Revision
  /// Negative for objects that existed before the run began.
  public var creationTimestamp: SimTime
  public var deletionTimestamp: SimTime?
  /// Number of changes to the desired state; 0: the kind has none, or not known (not printed).
  public var generation = 0
  /// The controller that made the object and with which it is garbage-collected.
  public var controller: OwnerReference?

  public init(
    name: String, namespace: String = "default", labels: Labels = [:], annotations: Labels = [:],
    uid: String = "", generateName: String = "", resourceVersion: Revision = .zero,
    creationTimestamp: SimTime = .zero, deletionTimestamp: SimTime? = nil
  ) {
    self.name = name
    self.namespace = namespace
    self.labels = labels
    self.annotations = annotations
    self.uid = uid
    self.generateName = generateName
    self.resourceVersion = resourceVersion
    self.creationTimestamp = creationTimestamp
    self.deletionTimestamp = deletionTimestamp
  }

  public var namespacedName: NamespacedName { NamespacedName(namespace: namespace, name: name) }
}

/// `namespace/name`, the key of most tables.
public struct NamespacedName: Hashable, Comparable, Sendable, CustomStringConvertible {
  public var namespace: String
  public var name: String
  public init(namespace: String = "default", name: String) {
    self.namespace = namespace
    self.name = name
  }
  public static func < (a: Self, b: Self) -> Bool { (a.namespace, a.name) < (b.namespace, b.name) }
  public var description: String { "\(namespace)/\(name)" }
}

/// The entry of `metadata.ownerReferences` that is marked as controller.
public struct OwnerReference: Sendable, Equatable {
  public var apiVersion: String
  public var kind: String
  public var name: String
  public var uid: String
  public init(apiVersion: String, kind: String, name: String, uid: String) {
    self.apiVersion = apiVersion
    self.kind = kind
    self.name = name
    self.uid = uid
  }
}
