// SPDX-License-Identifier: GPL-3.0-or-later
//
// One node's kube-proxy process: what its watches delivered and what it is doing.

import Cluster
import NetworkTypes
import SimKernel

/// A node's place in one kind's log.
struct WatchCursor: BitwiseCopyable {
  /// Changes delivered.
  var delivered = 0
  /// Delivery of the newest of them.
  var last = SimTime.zero
  /// Delivery of the next one; `distantFuture`: not computed, or none written yet.
  var next = SimTime.distantFuture
  /// Changes looked ahead at while a run waits for its timer, and the delivery of the last of them.
  var scanned = 0
  var scannedAt = SimTime.zero
  /// When the watch will be closed; nil: not drawn yet.
  var closes: SimTime?
  /// Watches that have been closed.
  var watches: UInt64 = 0
}

enum ProcessPhase: UInt8 {
  /// The node is off.
  case down
  /// Between exec and the end of the initial lists.
  case starting
  case idle
  case syncing
}

/// What a running sync will have programmed.
struct SyncTarget {
  var start = SimTime.zero
  var isFull = true
  var fails = false
  /// By `WatchKind`: changes programmed.
  var services = 0
  var slices = 0
  var table = TableState.empty
  /// iptables: rules of Service ports in it, and what the sync writes.
  var ruleCounts = IptablesRuleCounts()
  var written = IptablesTableCounts(filter: 0, nat: 0)
  /// In the mode's own terms; ipvs: known at the end only.
  var rulesWritten = 0
  /// iptables: it runs iptables-save.
  var savesRules = false
  /// nftables: chains that it leaves empty.
  var staleChains: [NftablesStaleChain] = []
}

struct ProxyProcess {
  var settings: ProxySettings
  var name: NameIndex
  /// Zone of the Node object as this process has it, and as the API has it.
  var zone: NameIndex
  var apiZone: NameIndex
  /// Delivery of `apiZone`; `distantFuture`: delivered.
  var zoneDelivery = SimTime.distantFuture
  var addresses: [IPv4Address]
  /// Primary address at process start: versions up to 1.36 never look again (FACTS J).
  var nodeIP: IPv4Address
  var phase = ProcessPhase.down
  /// When this process began its work.
  var startedAt = SimTime.zero
  var isConnected = true
  /// Nothing passes between the node and the control plane.
  var isPartitioned = false
  /// When the connection was lost, whether without a word, and how many times so far.
  var lostAt = SimTime.zero
  var lostSilently = false
  var losses: UInt64 = 0
  /// Its start is over but for the initial lists, which the control plane does not answer.
  var awaitsLists = false
  var waitsSince = SimTime.zero
  var epoch: UInt16 = 0
  var services = WatchCursor()
  var slices = WatchCursor()
  /// Everything up to here came with the initial lists.
  var listedRevision: UInt32 = 0
  /// Changes in the nat table.
  var programmedServices = 0
  var programmedSlices = 0
  var target = SyncTarget()
  /// Delivery of the first change since the last success; nil: none that has been looked at.
  var queuedSince: SimTime?
  /// End of the last sync that succeeded; nil: none of this process.
  var lastSuccess: SimTime?
  /// Start of the last sync that looked for stale chains with iptables-save.
  var lastSave = SimTime.zero
  /// Syncs that begin before this fail with this probability.
  var failsUntil = SimTime.zero
  var failProbability = 0.0
  /// The process that starts takes the rules away so long before its first sync.
  var teardown: SimDuration?
  var runner: SyncRunner
  var wakeAt = SimTime.distantFuture
  var lastFull = SimTime.zero
  var needsFull = true
  var failsNext = false
  /// The initial sync of this process was programmed.
  var hasSynced = false
  /// A boot left the kernel without rules since then.
  var emptySince = SimTime.zero
  var syncOrdinal: UInt64 = 0
  /// iptables: rules of Service ports in the nat and filter tables, and what the last sync wrote.
  var ruleCounts = IptablesRuleCounts()
  var lastWritten = IptablesTableCounts(filter: 0, nat: 0)
  var starts: UInt64 = 0
  /// Rules of another mode were removed, and none have been written since.
  var hasCleanedUp = false
  /// nftables: chains that the last sync left empty.
  var staleChains: [NftablesStaleChain] = []
}
