// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which machine the durations of kube-proxy's syncs are those of. The numbers behind each name, and what they
// were fitted to, are in Sources/Proxy/SyncCost/SyncCosts.swift.

/// A named set of costs from which the duration of every sync follows.
public enum SyncCalibration: String, Sendable, CaseIterable {
  /// Three kube-proxies on two shared cores, iptables 1.8.9 on nf_tables, nft 1.0.6, Kubernetes 1.36:
  /// golden/dynamics.
  case smallMachine = "small-machine"
  /// Nodes of the 5,000-node test of KEP-3453 (FACTS H2): iptables-legacy, 150,000 endpoints.
  case kep3453 = "kep-3453"
}
