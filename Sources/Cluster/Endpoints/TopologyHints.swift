// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hints that `trafficDistribution` puts on endpoints (KEP-4444, KEP-3015; FACTS B): the endpoint's own zone,
// and with PreferSameNode also its own node. Only ready endpoints carry hints. What a proxy makes of them is
// its own matter. The annotation (topology-mode Auto) is for ZoneHints.

enum TopologyHints {
  /// Writes the hints of one endpoint; nil or an unknown distribution removes them.
  static func apply(_ distribution: String?, to endpoint: inout Endpoint) {
    endpoint.zoneHints = nil
    endpoint.nodeHints = nil
    guard endpoint.isReady else { return }
    switch distribution {
    case "PreferClose", "PreferSameZone":
      endpoint.zoneHints = endpoint.zone.map { [$0] }
    case "PreferSameNode":
      endpoint.zoneHints = endpoint.zone.map { [$0] }
      endpoint.nodeHints = endpoint.nodeName.map { [$0] }
    default: break
    }
  }
}
