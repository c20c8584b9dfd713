// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which syncs are full, by mode, version and size of the cluster (FACTS C3).

import Cluster
import SimKernel

/// How the versions differ.
struct SyncRules {
  var minorVersion: Int

  /// iptables: KEP-3453, on by default from its beta in 1.27. nftables: k/k PR 126013, which came after 1.31
  /// was frozen. ipvs writes everything at every sync (FACTS D3). Cilium's agent writes changes only.
  func hasPartialSyncs(_ mode: ProxyMode) -> Bool {
    switch mode {
    case .iptables: Behaviours.partialIptablesSync.value(in: minorVersion)
    case .nftables: Behaviours.partialNftablesSync.value(in: minorVersion)
    case .ipvs: false
    case .ebpf: true
    }
  }

  /// The longest time between full syncs; nil: no such rule.
  /// - The text of KEP-3453, which went with its beta: once every syncPeriod. Source of that time was seen
  ///   without any such rule; the measurement of FACTS H2 has the tail that it makes.
  /// - From 1.28: FullSyncPeriod, one hour (pkg/proxy/util).
  /// - Large clusters are exempt in the source of 1.36 (pkg/proxy/iptables/proxier.go); whether 1.35 has
  ///   that is not known.
  func fullSyncInterval(_ settings: ProxySettings, isLargeCluster: Bool) -> SimDuration? {
    guard settings.mode == .iptables else { return SyncRunner.maxInterval }
    guard Behaviours.hourlyFullSyncs.value(in: minorVersion) else { return settings.syncPeriod }
    let isExempt = isLargeCluster && Behaviours.largeClusterSkipsHourlySync.value(in: minorVersion)
    return isExempt ? nil : SyncRunner.maxInterval
  }

  /// How stale UDP entries are found.
  var conntrackCleaning: ConntrackCleaning {
    guard Behaviours.reconcilesConntrack.value(in: minorVersion) else { return .byEvents }
    return .reconciling(includesUnserved: Behaviours.cleansUnservedConntrack.value(in: minorVersion))
  }
}

/// The generations of kube-proxy's clean-up of UDP conntrack entries (FACTS C10).
enum ConntrackCleaning: Equatable {
  /// Up to 1.31: for endpoints that have gone, Services that get their first one, and cluster IPs that have
  /// gone.
  case byEvents
  /// From 1.32 (k/k PR 127318): all entries of a Service that lead elsewhere than to its serving endpoints. A
  /// Service without any is skipped until 1.37 (k/k PR 139629). That of deleted Services (k/k PR 141371) came
  /// after 1.37.
  case reconciling(includesUnserved: Bool)
}
