// SPDX-License-Identifier: GPL-3.0-or-later
//
// Forgetting endpoint lists that no node's table shows any more, so that memory follows how far nodes lag and
// not how long a run is.

import SimKernel

extension ClusterHistory {
  /// Records between two prunings: 2^20 are 16 MB.
  static let pruningInterval = 1 << 20

  var isDueForPruning: Bool { recordsSincePruning >= Self.pruningInterval }

  /// Drops all lists but those that a table at `revision` or later can ask for.
  mutating func pruneEndpoints(before revision: UInt32) {
    recordsSincePruning = 0
    for head in heads {
      let kept = endpointLinks.version(at: revision, from: head.endpoints)
      var version = kept >= 0 ? endpointLinks.links[Int(kept)].previous : -1
      while version >= 0 && !isPruned[Int(version)] {
        isPruned[Int(version)] = true
        endpoints[Int(version)] = []
        version = endpointLinks.links[Int(version)].previous
      }
    }
  }
}
