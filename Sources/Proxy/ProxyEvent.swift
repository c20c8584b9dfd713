// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the fleet of proxies asks the event loop to bring back, and what it reports.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom

/// Something that a node's proxy waits for. The epoch makes events of a process that has exited stale.
@frozen public enum ProxyEvent: Sendable, Hashable, BitwiseCopyable {
  /// A change may have reached an idle proxy whose interval has passed.
  case wake(NodeID, epoch: UInt16)
  case filterCommit(NodeID, epoch: UInt16)
  /// The end of a sync: the nat table is swapped.
  case natCommit(NodeID, epoch: UInt16)
  /// A new kube-proxy process has listed Services and EndpointSlices and begins its first sync.
  case processReady(NodeID, epoch: UInt16)
  /// The longest interval without a full sync has passed.
  case forcedRun(NodeID, epoch: UInt16)
  /// A new kube-proxy process removes the rules of other modes, before it asks the API for anything.
  case cleanUp(NodeID, epoch: UInt16)
}

/// How much of its tables a sync writes.
public enum SyncKind: String, Sendable, CaseIterable {
  case full
  case partial
}

/// One sync of one node's tables.
public struct SyncRecord: Sendable, Equatable {
  public var node: NodeID
  public var start: SimTime
  public var end: SimTime
  public var kind: SyncKind
  /// Services touched by what had been delivered since the last sync.
  public var changes: Int
  /// Rules written to all tables; in nftables mode the operations of the sync's transactions.
  public var rulesWritten: Int
  /// End of the sync minus the API write of the oldest change in it; nil where it brought none.
  public var programmingLatency: SimDuration?
  /// Revision of the EndpointSlices that it programmed.
  public var slicesRevision: UInt32 = 0
  /// Programming latencies as kube-proxy's own metric counts them: one per write of EndpointSlices.
  public var programming: [SimDuration] = []
  /// It wrote nothing.
  public var hasFailed = false
}

/// Stale UDP entries to delete from a node's conntrack table (FACTS C10): those whose original destination is
/// one of `frontends`, or any address with port `nodePort`, and that lead where `scope` says.
public struct ConntrackCleanup: Sendable, Equatable {
  public struct Target: Sendable, Hashable {
    public var address: IPv4Address
    public var port: UInt16
    public init(address: IPv4Address, port: UInt16) {
      self.address = address
      self.port = port
    }
  }
  public var node: NodeID
  public var at: SimTime
  public var servicePort: ServicePortID
  public var frontends: [Target]
  /// 0: the Service has no node port.
  public var nodePort: UInt16
  /// Serving endpoints, terminating ones included; policy and topology are ignored.
  public var serving: [Target]
  public var scope = Scope.otherThanServing

  /// Which of these entries are stale.
  public enum Scope: Sendable, Equatable {
    /// Those whose reply source is not the address of one in `serving`.
    case otherThanServing
    /// All of them.
    case everything
    /// Those whose reply source is one of these addresses.
    case leadingTo([IPv4Address])
  }
}

/// Backends that an agent has taken out of its maps (FACTS D4).
public struct BackendRemoval: Sendable, Equatable {
  public var node: NodeID
  public var at: SimTime
  public var transport: TransportProtocol
  /// No longer in the backend map: flows that the node forwarded to them choose again.
  public var deleted: [ConntrackCleanup.Target]
  /// Deleted, or neither ready nor serving while they terminate: UDP sockets of the node that are connected
  /// to them are destroyed.
  public var dead: [ConntrackCleanup.Target]
}

/// Buffers that the fleet appends to; the caller empties and reuses them.
public struct ProxyOutput: Sendable {
  public var schedule: [(at: SimTime, event: ProxyEvent)] = []
  public var syncs: [SyncRecord] = []
  public var cleanups: [ConntrackCleanup] = []
  public var removals: [BackendRemoval] = []
  public var kernelChanges: [KernelChange] = []
  public init() {}

  public mutating func removeAll() {
    schedule.removeAll(keepingCapacity: true)
    syncs.removeAll(keepingCapacity: true)
    cleanups.removeAll(keepingCapacity: true)
    removals.removeAll(keepingCapacity: true)
    kernelChanges.removeAll(keepingCapacity: true)
  }
}

/// A node as its proxy sees it.
public struct ProxyNode: Sendable {
  public var id: NodeID
  public var name: String
  public var zone: String?
  /// Addresses of the node's own interfaces, the primary one first; loopback need not be listed.
  public var addresses: [IPv4Address]
  public var settings: ProxySettings
  /// API write → this node has it; nil: as on most nodes.
  public var watchDelay: Distribution?
  public init(
    id: NodeID, name: String, zone: String?, addresses: [IPv4Address], settings: ProxySettings,
    watchDelay: Distribution? = nil
  ) {
    self.watchDelay = watchDelay
    self.id = id
    self.name = name
    self.zone = zone
    self.addresses = addresses
    self.settings = settings
  }
}
