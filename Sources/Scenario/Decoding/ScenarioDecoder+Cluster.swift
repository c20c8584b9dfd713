// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cluster: subnets, load balancer, DNS, delays, network paths. Nodes and kube-proxy are next door.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Traffic

extension ScenarioDecoder {
  func decodeCluster() {
    let cluster = root["cluster"]
    assign(cluster?["serviceCIDR"]?.block ?? contents.kindServiceCIDR, to: &scenario.cluster.serviceCIDR)
    assign(cluster?["podCIDR"]?.block ?? contents.kindPodCIDR, to: &scenario.cluster.podCIDR)
    if root["kubernetes"] == nil {
      assign(contents.kindMinorVersion, to: &scenario.cluster.minorVersion)
      assign(contents.kindPatchVersion, to: &scenario.cluster.patchVersion)
    }
    assign(contents.kindNodePortRange, to: &scenario.cluster.nodePortRange)
    decodePortRange(cluster?["serviceNodePortRange"])
    if scenario.cluster.serviceCIDR.overlaps(scenario.cluster.podCIDR),
      let place = cluster?["serviceCIDR"] ?? cluster?["podCIDR"]
    {
      let blocks = "\(scenario.cluster.serviceCIDR) and \(scenario.cluster.podCIDR)"
      mistake(place, "expected serviceCIDR and podCIDR not to overlap (\(blocks))")
    }
    decodeClusterProxy(cluster?["proxy"])
    decodeNodes(cluster?["nodes"])
    if let timing = cluster?["timing"] { decodeTiming(timing) }
    if let loadBalancer = cluster?["loadBalancer"] { decodeLoadBalancer(loadBalancer) }
    if let dns = cluster?["dns"] { decodeDNS(dns) }
  }

  private func decodePortRange(_ cursor: Cursor?) {
    assign(contents.kindNodePortRange, to: &scenario.cluster.nodePortRange)
    guard let cursor, let ends = cursor.string?.split(separator: "-").map({ Int($0) }), ends.count == 2,
      let low = ends[0], let high = ends[1]
    else { return }
    guard low >= 1, low <= high, high <= 65535 else {
      mistake(cursor, "expected two ports from 1 to 65535 in ascending order")
      return
    }
    scenario.cluster.nodePortRange = low...high
  }

  private func decodeTiming(_ c: Cursor) {
    var t = TimingSettings()
    assign(durations(c["kubeletStatus"]), to: &t.kubeletStatus)
    assign(durations(c["kubeletWatch"]), to: &t.kubeletWatch)
    assign(durations(c["podStart"]), to: &t.podStart)
    assign(durations(c["podReady"]), to: &t.podReady)
    assign(durations(c["scheduler"]), to: &t.scheduler)
    assign(durations(c["workloadController"]), to: &t.workloadController)
    assign(durations(c["endpointController"]), to: &t.endpointController)
    assign(durations(c["proxyWatch"]), to: &t.proxyWatch)
    assign(durations(c["proxySync"]), to: &t.proxySync)
    assign(c["filterCommitShare"]?.number, to: &t.filterCommitShare)
    assign(durations(c["proxyRestart"]), to: &t.proxyRestart)
    assign(durations(c["leaseRenewal"]), to: &t.leaseRenewal)
    assign(c["nodeMonitorPeriod"]?.duration, to: &t.nodeMonitorPeriod)
    assign(c["nodeMonitorGrace"]?.duration, to: &t.nodeMonitorGrace)
    assign(c["evictionToleration"]?.duration, to: &t.evictionToleration)
    assign(durations(c["nodeAddressUpdate"]), to: &t.nodeAddressUpdate)
    assign(durations(c["routePropagation"]), to: &t.routePropagation)
    assign(durations(c["nodeBoot"]), to: &t.nodeBoot)
    refuseZeroInterval(c["leaseRenewal"], t.leaseRenewal)
    scenario.cluster.timing = t
  }

  private func decodeLoadBalancer(_ c: Cursor) {
    var l = LoadBalancerSettings()
    assign(c["addressPool"]?.block, to: &l.addressPool)
    assign(durations(c["provisioning"]), to: &l.provisioning)
    assign(c["checkInterval"]?.duration, to: &l.checkInterval)
    assign(c["checkTimeout"]?.duration, to: &l.checkTimeout)
    assign(c["healthyThreshold"]?.integer, to: &l.healthyThreshold)
    assign(c["unhealthyThreshold"]?.integer, to: &l.unhealthyThreshold)
    if l.checkTimeout > l.checkInterval, let place = c["checkTimeout"] ?? c["checkInterval"] {
      mistake(place, "expected a checkTimeout not longer than checkInterval, \(l.checkInterval)")
    }
    scenario.cluster.loadBalancer = l
  }

  private func decodeDNS(_ c: Cursor) {
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

  func decodeNetwork() {
    guard let c = root["network"] else { return }
    var n = NetworkSettings()
    assign(durations(c["sameNode"]), to: &n.sameNode)
    assign(durations(c["sameZone"]), to: &n.sameZone)
    assign(durations(c["betweenZones"]), to: &n.betweenZones)
    assign(durations(c["outside"]), to: &n.outside)
    assign(c["loss"]?.number, to: &n.loss)
    assign(c["masqueradePodTraffic"]?.bool, to: &n.masqueradesPodTraffic)
    assign(c["deadPodIP"]?.string.flatMap { DeadAddressAnswer(rawValue: $0) }, to: &n.deadPodIP)
    decodeCosts(c, &n)
    scenario.network = n
  }

  /// What happens again after a time of zero happens for ever at one instant.
  func refuseZeroInterval(_ cursor: Cursor?, _ distribution: Distribution?) {
    guard let cursor, let distribution else { return }
    if distribution.mean <= 1e-9 { mistake(cursor, "expected a time between occurrences longer than zero") }
  }
}

extension Distribution {
  /// Mean before bounds apply; enough to tell whether there is anything but zero.
  fileprivate var mean: Double {
    switch self {
    case .constant(let value): value
    case .uniform(let low, let high): (low + high) / 2
    case .exponential(let mean), .erlang(_, let mean), .poisson(let mean), .normal(let mean, _, _, nil): mean
    case .normal(let mean, _, _, let max?): Swift.min(mean, max)
    case .lognormal(let median, _, _, let max): Swift.min(median, max ?? median)
    case .gamma(let shape, let scale): shape * scale
    case .weibull(_, let scale), .pareto(_, let scale): scale
    case .geometric(let probability): 1 / probability
    case .hyperexponential(let probabilities, let means):
      zip(probabilities, means).map { $0 * $1 }.reduce(0, +)
    case .discrete(let values, let weights): zip(values, weights).map { $0 * $1 }.reduce(0, +)
    case .empirical(let values): values.reduce(0, +) / Double(Swift.max(1, values.count))
    case .mixture(let weights, let parts): zip(weights, parts).map { $0 * $1.mean }.reduce(0, +)
    }
  }
}
