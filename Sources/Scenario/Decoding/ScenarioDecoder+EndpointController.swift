// SPDX-License-Identifier: GPL-3.0-or-later
//
// The controllers that write EndpointSlices, the watches of the API server, and what can go wrong with both.

import Cluster
import SimKernel
import SimRandom

extension ScenarioDecoder {
  func decodeEndpointController(_ c: Cursor) {
    var e = EndpointControllerSettings()
    assign(c["workers"]?.integer, to: &e.workers)
    assign(c["endpointsPerSlice"]?.integer, to: &e.endpointsPerSlice)
    assign(c["batchPeriod"]?.duration, to: &e.batchPeriod)
    assign(c["apiQPS"]?.number, to: &e.apiQPS)
    assign(c["apiBurst"]?.integer, to: &e.apiBurst)
    assign(c["writeTime"]?.duration, to: &e.writeTime)
    assign(durations(c["ownWatch"]), to: &e.ownWatch)
    let mirroring = c["mirroring"]
    assign(mirroring?["workers"]?.integer, to: &e.mirroring.workers)
    assign(mirroring?["endpointsPerSubset"]?.integer, to: &e.mirroring.endpointsPerSubset)
    assign(mirroring?["batchPeriod"]?.duration, to: &e.mirroring.batchPeriod)
    scenario.cluster.endpointController = e
  }

  func decodeWatch(_ c: Cursor) {
    var w = WatchSettings()
    assign(c["timeout"]?.duration, to: &w.timeout)
    assign(durations(c["reconnect"]), to: &w.reconnect)
    assign(durations(c["controllersReturn"]), to: &w.controllersReturn)
    scenario.cluster.watch = w
  }

  func controlPlaneAction(_ c: Cursor) -> ClusterAction? {
    if c["restartAPIServer"] != nil {
      return .apiServerRestart(downFor: durations(c["downFor"]) ?? .constant(5))
    }
    guard let place = c["failEndpointSync"], let text = place.string else { return nil }
    if text != "all", names.objectsAreComplete, let name = place.namespacedName, names.services[name] == nil {
      let known = names.services.keys.map(\.description).sorted() + ["all"]
      mistake(
        place, "expected the name of a Service as \"namespace/name\", or \"all\"",
        suggestion: nearestName(to: name.description, in: known))
    }
    return .endpointSyncFailure(
      text == "all" ? nil : place.namespacedName, probability: c["probability"]?.number ?? 1,
      duration: durations(c["for"]))
  }
}
