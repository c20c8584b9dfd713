// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long kube-proxy's syncs take, and events that make them fail or lose their rules.

import Cluster
import SimKernel
import SimRandom

extension ScenarioDecoder {
  func decodeProxySync(_ cursor: Cursor?) {
    if let name = cursor?.string, let calibration = SyncCalibration(rawValue: name) {
      scenario.cluster.syncCalibration = calibration
    }
  }

  /// Events about kube-proxy's process that are not about its configuration.
  func proxyProcessAction(_ c: Cursor, _ target: (Cursor?) -> NodeTarget?) -> ClusterAction? {
    if let t = target(c["restartProxy"]) { return .proxyRestart(t, teardown: c["teardown"]?.duration) }
    guard let t = target(c["failProxySync"]) else { return nil }
    return .proxySyncFailure(
      t, probability: c["probability"]?.number ?? 1, duration: durations(c["for"]))
  }
}
