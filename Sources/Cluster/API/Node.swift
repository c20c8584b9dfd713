// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel

/// v1 Node.
public struct Node: Sendable, Equatable {
  public enum ReadyStatus: String, Sendable {
    case ready = "True"
    case notReady = "False"
    case unknown = "Unknown"
  }
  public var metadata: ObjectMeta
  public var podCIDR: IPv4CIDR?
  public var isUnschedulable = false
  public var internalIPs: [IPv4Address] = []
  public var externalIPs: [IPv4Address] = []
  public var ready: ReadyStatus = .ready
  /// Each as `key[=value]:effect`.
  public var taints: [String] = []
  public var kubeletVersion = ""
  public var osImage = ""
  public var kernelVersion = ""
  public var containerRuntime = ""
  /// What it has for pods (`status.allocatable`).
  public var allocatable = NodeCapacity()
  /// `nodeInfo.architecture`, e.g. amd64.
  public var architecture = ""

  public init(metadata: ObjectMeta) { self.metadata = metadata }

  public static let zoneLabel = "topology.kubernetes.io/zone"
  public var zone: String? { metadata.labels[Self.zoneLabel] }
}
