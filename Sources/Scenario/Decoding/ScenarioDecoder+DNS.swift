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
    d.service = c["servers"]?["service"]?.namespacedName
    var seen: Set<String> = []
    for item in c["records"]?.items ?? [] {
      guard let name = item["name"], let text = name.string else { continue }
      if !seen.insert(text).inserted { mistake(name, "expected one record per name") }
      var record = ExternalRecord(name: text, addresses: item["addresses"]?.addresses ?? [])
      assign(item["ttl"]?.duration, to: &record.ttl)
      d.records.append(record)
    }
    if let coreDNS = c["coreDNS"] { decodeCoreDNS(coreDNS, &d.coreDNS) }
    if let upstream = c["upstream"] {
      assign(durations(upstream["latency"]), to: &d.upstream.latency)
      assign(upstream["caches"]?.bool, to: &d.upstream.caches)
      assign(upstream["negativeTTL"]?.duration, to: &d.upstream.negativeTTL)
    }
    if let resolver = c["resolver"] { decodeResolver(resolver, &d.resolver) }
    if let race = c["insertRace"] {
      assign(race["probability"]?.number, to: &d.insertRace.probability)
      assign(race["kernel"]?.string.flatMap { KernelVersion($0) }, to: &d.insertRace.kernel)
    }
    if let nodeLocal = c["nodeLocal"] { d.nodeLocal = decodedNodeLocal(nodeLocal) }
    refuseWithoutEffect(c, d)
    scenario.cluster.dns = d
  }

  /// Keys that only ideal DNS reads, and keys that only the other kind does.
  private func refuseWithoutEffect(_ c: Cursor, _ d: DNSSettings) {
    let isIdeal = d.service == nil
    let idle =
      isIdeal ? ["coreDNS", "upstream", "resolver", "insertRace", "nodeLocal"] : ["latency", "loss"]
    let needed = isIdeal ? "a Service as \"servers\"" : "\"servers\": \"ideal\""
    for key in idle {
      if let cursor = c[key] { mistake(cursor, "\"\(key)\" only has an effect with \(needed)") }
    }
    if let cursor = c["resolver"]?["useVC"], d.resolver.useVC, d.nodeLocal != nil {
      mistake(cursor, "TCP between pods and NodeLocal DNSCache is not modelled: expected one of the two")
    }
  }

  private func decodeCoreDNS(_ c: Cursor, _ d: inout CoreDNSSettings) {
    assign(durations(c["serviceTime"]), to: &d.serviceTime)
    assign(durations(c["watchDelay"]), to: &d.watchDelay)
    assign(c["cacheTTL"]?.duration, to: &d.cacheTTL)
    assign(c["cacheMinimum"]?.duration, to: &d.cacheMinimum)
    assign(c["cachesClusterDomain"]?.bool, to: &d.cachesClusterDomain)
  }

  private func decodeResolver(_ c: Cursor, _ r: inout ResolverSettings) {
    assign(c["library"]?.string.flatMap { ResolverSettings.Library(rawValue: $0) }, to: &r.library)
    assign(c["ndots"]?.integer, to: &r.ndots)
    assign(c["timeout"]?.duration, to: &r.timeout)
    assign(c["attempts"]?.integer, to: &r.attempts)
    assign(c["rotate"]?.bool, to: &r.rotate)
    assign(c["singleRequest"]?.bool, to: &r.singleRequest)
    assign(c["singleRequestReopen"]?.bool, to: &r.singleRequestReopen)
    assign(c["useVC"]?.bool, to: &r.useVC)
    assign(c["asksAAAA"]?.bool, to: &r.asksAAAA)
    assign(c["nodeSearch"]?.strings, to: &r.nodeSearch)
  }

  private func decodedNodeLocal(_ c: Cursor) -> NodeLocalDNSSettings {
    var n = NodeLocalDNSSettings()
    assign(c["daemonSet"]?.namespacedName, to: &n.daemonSet)
    assign(c["address"]?.address, to: &n.address)
    let named = c["clusterDNS"]?.string.flatMap { NodeLocalDNSSettings.ClusterDNS(rawValue: $0) }
    assign(named, to: &n.clusterDNS)
    assign(c["successTTL"]?.duration, to: &n.successTTL)
    assign(c["denialTTL"]?.duration, to: &n.denialTTL)
    return n
  }

  /// What `cluster.dns` refers to exists, and can do what it is to do.
  func checkDNS() {
    guard names.objectsAreComplete, let c = root["cluster"]?["dns"] else { return }
    if let cursor = c["servers"]?["service"], let name = cursor.namespacedName {
      checkDNSService(cursor, name)
    }
    guard let cursor = c["nodeLocal"], let settings = scenario.cluster.dns.nodeLocal else { return }
    let place = cursor["daemonSet"] ?? cursor
    guard let workload = names.workloads[settings.daemonSet] else {
      return mistake(
        place, "expected a DaemonSet of the manifests; \(settings.daemonSet) is none",
        suggestion: nearestName(
          to: settings.daemonSet.description, in: names.workloads.keys.map(\.description)))
    }
    if workload.kind != .daemonSet || !workload.template.hostNetwork {
      mistake(place, "expected a DaemonSet with hostNetwork")
    }
  }

  private func checkDNSService(_ cursor: Cursor, _ name: NamespacedName) {
    guard let service = names.services[name]?.first else {
      return mistake(
        cursor, "expected a Service of the manifests",
        suggestion: nearestName(to: name.description, in: names.services.keys.map(\.description)))
    }
    let wanted: [(transport: String, isNeeded: Bool)] = [
      ("UDP", true),
      ("TCP", scenario.cluster.dns.resolver.useVC || scenario.cluster.dns.nodeLocal != nil),
    ]
    for (transport, isNeeded) in wanted
    where isNeeded && !service.spec.ports.contains(where: { $0.port == 53 && $0.protocol == transport }) {
      mistake(cursor, "expected a Service with port 53 for \(transport)")
    }
    if service.isHeadless || service.serviceType == .externalName {
      mistake(cursor, "expected a Service with a cluster IP")
    }
  }
}
