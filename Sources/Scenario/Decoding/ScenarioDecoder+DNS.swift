// SPDX-License-Identifier: GPL-3.0-or-later
//
// DNS: the cluster's and the names outside of it.

import Cluster
import NetworkTypes
import SimKernel

extension ScenarioDecoder {
  func decodeDNS(_ c: Cursor) {
    var d = DNSSettings()
    assign(c["ttl"]?.duration, to: &d.ttl)
    assign(durations(c["latency"]), to: &d.latency)
    assign(c["loss"]?.number, to: &d.loss)
    assign(c["clusterDomain"]?.string, to: &d.clusterDomain)
    var seen: Set<String> = []
    for item in c["records"]?.items ?? [] {
      guard let name = item["name"], let text = name.string else { continue }
      if !seen.insert(text).inserted { mistake(name, "expected one record per name") }
      var record = ExternalRecord(name: text, addresses: item["addresses"]?.addresses ?? [])
      assign(item["ttl"]?.duration, to: &record.ttl)
      d.records.append(record)
    }
    scenario.cluster.dns = d
  }
}
