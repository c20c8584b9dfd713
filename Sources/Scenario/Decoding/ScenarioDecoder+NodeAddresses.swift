// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the cluster learns of a node's new address.

import Cluster
import SimRandom

extension ScenarioDecoder {
  func decodeNodeAddresses(_ c: Cursor) {
    var a = NodeAddressSettings()
    assign(c["reporter"]?.string.flatMap { .init(rawValue: $0) }, to: &a.reporter)
    assign(durations(c["cloudRefresh"]), to: &a.cloudRefresh)
    assign(c["routes"]?.string.flatMap { .init(rawValue: $0) }, to: &a.routes)
    assign(durations(c["routeReconciliation"]), to: &a.routeReconciliation)
    assign(c["routesFollowAddress"]?.bool, to: &a.routesFollowAddress)
    if a.reporter == .kubelet, let place = c["cloudRefresh"] {
      mistake(place, "expected \"reporter\": \"cloud\" beside \"cloudRefresh\"")
    }
    if a.routes == .overlay, let place = c["routeReconciliation"] ?? c["routesFollowAddress"] {
      mistake(place, "expected \"routes\": \"cloud\" beside it")
    }
    scenario.cluster.nodeAddresses = a
  }
}
