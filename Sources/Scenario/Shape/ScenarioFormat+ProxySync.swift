// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about kube-proxy's syncs: how long they take, and how they are made to fail.

import Cluster

extension ScenarioFormat {
  static let proxySync = Field(
    "proxySync", .word(SyncCalibration.allCases.map(\.rawValue)), standard: "\"small-machine\"",
    "Machine whose syncs take how long for what they write: \"small-machine\" (two shared cores, iptables "
      + "1.8.9 and nft 1.0.6), or \"kep-3453\" (the 5,000-node test of KEP-3453, iptables). "
      + "`timing.proxySync` replaces it."
  )

  static let restartProxyExtras = [
    Field(
      "teardown", .duration(isPositive: true), standard: "rules stay",
      "The new process takes its rules away and begins its first sync only after this time, as versions "
        + "before 1.14 could (k/k 76376)."
    )
  ]

  static let failProxySyncExtras = [
    Field("for", quantity, standard: "to the end", "For so long."),
    Field("probability", share, standard: "1", "Of each sync that begins in this time."),
  ]
}
