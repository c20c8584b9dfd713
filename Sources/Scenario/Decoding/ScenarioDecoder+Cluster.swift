// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cluster and its subnets. Each of its parts has a file of its own next door.

import Cluster
import NetworkTypes

extension ScenarioDecoder {
  func decodeCluster() {
    let cluster = root["cluster"]
    assign(cluster?["serviceCIDR"]?.block ?? contents.kindServiceCIDR, to: &scenario.cluster.serviceCIDR)
    assign(cluster?["podCIDR"]?.block ?? contents.kindPodCIDR, to: &scenario.cluster.podCIDR)
    if root["kubernetes"] == nil {
      assign(contents.kindMinorVersion, to: &scenario.cluster.minorVersion)
      if let minor = contents.kindMinorVersion, !ModelledVersions.minors.contains(minor),
        let place = cluster?["kind"]
      {
        mistake(place, "its nodes are of Kubernetes 1.\(minor); modelled are \(ModelledVersions.text)")
      }
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
    if let sysctls = cluster?["sysctls"] {
      scenario.cluster.kernel = kernel(sysctls, base: KernelSettings(), proxy: defaultProxy)
    }
    decodeNodes(cluster?["nodes"])
    if let timing = cluster?["timing"] { decodeTiming(timing) }
    decodeProxySync(cluster?["proxySync"])
    if let kubelet = cluster?["kubelet"] { decodeKubelet(kubelet) }
    if let loadBalancer = cluster?["loadBalancer"] { decodeLoadBalancer(loadBalancer) }
    if let addresses = cluster?["nodeAddresses"] { decodeNodeAddresses(addresses) }
    if let dns = cluster?["dns"] { decodeDNS(dns) }
    if let controller = cluster?["endpointController"] { decodeEndpointController(controller) }
    if let watch = cluster?["watch"] { decodeWatch(watch) }
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
}
