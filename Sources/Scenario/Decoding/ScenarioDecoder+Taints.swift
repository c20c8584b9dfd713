// SPDX-License-Identifier: GPL-3.0-or-later
//
// Taints that events put on nodes, and zones as ends of network paths.

import Cluster
import NetworkTypes

extension ScenarioDecoder {
  func taintAction(_ c: Cursor) -> ClusterAction? {
    guard let place = c["taint"] else { return nil }
    let text = taint(place)
    if let t = target(c["taintNode"]) { return .nodeTaint(t, taint: text) }
    return target(c["untaintNode"]).map { .nodeUntaint($0, taint: text) }
  }

  private static var taintEffects: [String] { ["NoSchedule", "PreferNoSchedule", "NoExecute"] }

  private func taint(_ place: Cursor) -> String {
    let text = place.string ?? ""
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let key = parts[0].split(separator: "=", omittingEmptySubsequences: false).first ?? ""
    if parts.count != 2 || key.isEmpty || !Self.taintEffects.contains(parts[1]) {
      mistake(
        place, "expected a taint as \"key[=value]:NoSchedule\", \":PreferNoSchedule\" or \":NoExecute\"")
    }
    return text
  }

  func zoneEnd(_ place: Cursor, _ zone: String) -> LinkTarget.End {
    let known = scenario.cluster.nodes.compactMap { $0.zone ?? $0.labels[Node.zoneLabel] }
    if names.nodesAreComplete, !known.contains(zone) {
      mistake(
        place, "expected a zone in which some node is",
        suggestion: nearestName(to: "zone/" + zone, in: known.map { "zone/" + $0 }))
    }
    return .zone(zone)
  }
}
