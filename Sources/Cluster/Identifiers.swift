// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel

public enum NodeTag {}
public enum PodTag {}
public enum ServiceTag {}
public enum WorkloadTag {}

/// Index of a node in the run's node table; stays the same while its IPs, its Node object and its pods
/// change.
public typealias NodeID = ID<NodeTag>
/// Index of one pod incarnation; a replacement pod is a new PodID even if it takes over name and IP.
public typealias PodID = ID<PodTag>
/// Index of a Service by namespace and name; a Service deleted and created again keeps its ServiceID.
public typealias ServiceID = ID<ServiceTag>
public typealias WorkloadID = ID<WorkloadTag>

/// Revision of the API's store: grows by one with each write, as resourceVersion does.
@frozen public struct Revision: Hashable, Comparable, Sendable, BitwiseCopyable {
  public var number: UInt32
  @inlinable public init(_ number: UInt32) { self.number = number }
  @inlinable public static func < (a: Revision, b: Revision) -> Bool { a.number < b.number }
  public static let zero = Revision(0)
}
