// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long a sync takes, by what it does: a part that is always there, a part for every Service port and
// every endpoint that kube-proxy and its tools look through, and a part for every rule, operation or entry
// that is written. Two calibrations; docs/validation.md shows both beside what they were fitted to.

import Cluster
import SimKernel

/// What one sync has to do.
struct SyncWork: Equatable {
  /// In the table that it leaves: Service ports, and endpoints of them.
  var servicePorts = 0
  var endpoints = 0
  /// iptables: rules written to the filter table, which is committed first.
  var filterRules = 0
  /// What it writes to its one table, or to the nat table: rules (iptables), operations (nftables), entries
  /// (ebpf).
  var written = 0
  /// iptables: rules in the kernel that `iptables-save` reads to find stale chains; 0: it is not run.
  var savedRules = 0
}

/// Where the parts of a sync end, counted from its start.
struct SyncTimes: Equatable {
  /// The filter table is in force (iptables).
  var filterCommit: SimDuration
  /// The rest is, and the sync is over.
  var end: SimDuration
}

/// Costs of one mode on one machine, in microseconds.
struct SyncCosts: Equatable {
  /// Whatever the size: programs started, small tables read, chains ensured.
  var fixed = 0.0
  /// Looking through one Service port, each time.
  var perServicePort = 0.0
  /// Looking through one endpoint, each time: kube-proxy's own loop, and the tools that read what the kernel
  /// has (`nft list`, iptables-restore).
  var perEndpoint = 0.0
  /// Working out one rule, operation or entry that is written.
  var perComputed = 0.0
  /// Having the kernel take it.
  var perWritten = 0.0
  /// One rule that `iptables-save` prints.
  var perSaved = 0.0
  /// Standard deviation of the logarithm of the random factor, whose mean is 1.
  var spread = 0.0

  /// - Parameter factor: the random factor of this sync.
  func times(of work: SyncWork, factor: Double) -> SyncTimes {
    let lines = Double(work.filterRules + work.written)
    let preparation =
      fixed + perServicePort * Double(work.servicePorts) + perEndpoint * Double(work.endpoints)
      + perComputed * lines + perSaved * Double(work.savedRules)
    // iptables-restore reads and commits the filter table, then the nat table (pkg/proxy/iptables/proxier.go
    // gives it both in one input).
    let filter = (preparation + perWritten * Double(work.filterRules)) * factor
    let end = (preparation + perWritten * lines) * factor
    return SyncTimes(
      filterCommit: SimDuration(seconds: filter / 1e6), end: SimDuration(seconds: end / 1e6))
  }
}

extension SyncCosts {
  /// The costs of a mode by a calibration. `ebpf.reconcileTime` stands for the fixed part of Cilium's agent.
  static func of(_ mode: ProxyMode, _ calibration: SyncCalibration) -> SyncCosts {
    switch (mode, calibration) {
    case (.iptables, .smallMachine): smallIptables
    case (.nftables, .smallMachine): smallNftables
    case (.ipvs, .smallMachine): smallIPVS
    case (.iptables, .kep3453): kepIptables
    case (.nftables, .kep3453): smallNftables
    case (.ipvs, .kep3453): smallIPVS
    case (.ebpf, _): ebpf
    }
  }

  /// Fitted to three means of golden/dynamics: a partial sync with 30 Services (60.5 ms) and with 1030 (280.6
  /// ms), a full one with 1030 Services and 3067 endpoints (2263 ms). `perComputed` is the share of the full
  /// sync before "Reloading service iptables data" (273 ms). How the part that grows with the table is shared
  /// between Service ports and endpoints is assumed: as the chains are.
  private static var smallIptables: SyncCosts {
    SyncCosts(
      fixed: 47_650, perServicePort: 6.5, perEndpoint: 6.5, perComputed: 17.6, perWritten: 176.5,
      spread: smallSpread)
  }

  /// Fitted to three means of golden/dynamics: a partial sync with 30 Services (93.9 ms) and with 1030 (595.8
  /// ms), a full one at the restart with 1030 Services and 3067 endpoints (708.7 ms).
  private static var smallNftables: SyncCosts {
    SyncCosts(
      fixed: 81_700, perServicePort: 125.5, perEndpoint: 125.5, perComputed: 9, perWritten: 26.3,
      spread: smallSpread)
  }

  /// Assumed: no measurement was found. Every sync asks the kernel for each virtual server and its real
  /// servers by netlink (pkg/proxy/ipvs/proxier.go, syncService and syncEndpoint), some 10 us each.
  private static var smallIPVS: SyncCosts {
    SyncCosts(fixed: 45_000, perServicePort: 20, perEndpoint: 10, spread: smallSpread)
  }

  /// Fitted to two numbers of FACTS H2: 18 s for a full sync (half the published median of 27 s without
  /// partial syncs, which is 1.5 syncs when one follows the other), 3 s for a partial one (from the median of
  /// 5 s at minSyncPeriod 1 s). What both are made of follows a published log of a cluster with 211,876
  /// endpoints (k/k 138073: 6.6 s of computing, 10.5 s of iptables-restore, 3.8 s of iptables-save for
  /// 578,470 rules).
  private static var kepIptables: SyncCosts {
    SyncCosts(
      fixed: 100_000, perServicePort: 14.2, perEndpoint: 14.2, perComputed: 12.5, perWritten: 19.7,
      perSaved: 6.6, spread: 0.12)
  }

  /// A write to a map is one system call; some microseconds. Assumed.
  private static var ebpf: SyncCosts { SyncCosts(perWritten: 5) }

  /// The six usual of the eight isolated changes at 1030 Services (golden/dynamics, iptables, 1->0) lie
  /// between 206 and 301 ms.
  private static var smallSpread: Double { 0.13 }
}
