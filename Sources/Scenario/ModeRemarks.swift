// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a scenario uses and a proxy mode does not have, or serves otherwise: told by name before a run, so
// that nobody takes a loss for a finding about Services that is a finding about the mode.

import Cluster
import NetworkTypes
import Traffic

extension ScenarioFile {
  /// Sentences about the modes in use, or about those given; empty if everything exists in all of them.
  public func modeRemarks(for chosen: [ProxyMode]? = nil) -> [String] {
    let inUse = Set(chosen ?? modes.map(\.mode) + (hasNodesOfDefaultMode ? [.iptables] : []))
    var remarks: [String] = []
    for mode in ProxyMode.allCases where inUse.contains(mode) {
      let sentences: [String]
      switch mode {
      case .iptables: sentences = []
      case .nftables: sentences = nftablesRemarks
      case .ipvs: sentences = loopbackRemarks("ipvs serves no node ports on loopback")
      case .ebpf: sentences = ebpfRemarks
      }
      remarks += sentences.map { "mode \(mode.rawValue): \($0)" }
    }
    return remarks + workloadRemarks
  }

  private var hasNodesOfDefaultMode: Bool { cluster.proxy == nil }

  /// Services from the beginning and those that events bring, by name, the first version of each.
  private var services: [Service] {
    var found: [Service] = []
    var names = Set<NamespacedName>()
    func take(_ objects: [APIObject]) {
      for case .service(let service) in objects
      where names.insert(service.metadata.namespacedName).inserted {
        found.append(service)
      }
    }
    take(objects)
    for event in events { if case .apply(let objects) = event.action { take(objects) } }
    return found
  }

  private func names(_ services: [Service]) -> String {
    services.map { "\($0.metadata.namespacedName)" }.joined(separator: ", ")
  }

  /// FACTS C1, D2: loopback takes node ports in iptables mode only.
  private func loopbackRemarks(_ sentence: String) -> [String] {
    let callers = clients.filter { client in
      if case .address(let address, _) = client.target { return address.isLoopback }
      return false
    }
    if callers.isEmpty { return [] }
    return ["\(sentence), which \(callers.map(\.name).joined(separator: ", ")) would use"]
  }

  private var nftablesRemarks: [String] {
    var remarks = loopbackRemarks("nftables serves no node ports on loopback")
    let several = cluster.nodes.filter { node in
      node.addresses.count > 1 && (node.proxy ?? cluster.proxy)?.nodePortAddresses.isEmpty ?? true
    }
    let exposed = services.filter { $0.spec.type == "NodePort" || $0.spec.type == "LoadBalancer" }
    if !several.isEmpty, !exposed.isEmpty {
      let list = several.map(\.name).joined(separator: ", ")
      remarks.append("node ports are served on the primary address only, but \(list) have more addresses")
    }
    return remarks
  }

  // MARK: eBPF

  /// Settings of all nodes that may run Cilium.
  private var agents: [ProxySettings] {
    [cluster.proxy ?? ProxySettings()] + cluster.nodes.compactMap(\.proxy)
  }

  private var ebpfRemarks: [String] {
    var remarks: [String] = []
    let sctp = services.filter { $0.spec.ports.contains { $0.protocol == "SCTP" } }
    if !sctp.isEmpty {
      remarks.append("SCTP Services are not programmed, so nothing answers for \(names(sctp))")
    }
    let external = services.filter { !$0.spec.externalIPs.isEmpty }
    if !external.isEmpty, agents.contains(where: \.ebpf.externalIPMitigation) {
      remarks.append(
        "clients inside the cluster are not led to external IPs unless externalIPMitigation is off: "
          + names(external))
    }
    let balanced = services.filter { $0.spec.type == "LoadBalancer" && !$0.usesLocalExternalPolicy }
    if !balanced.isEmpty {
      let isAnswered = agents.allSatisfy(\.ebpf.healthz)
      remarks.append(
        isAnswered
          ? "Cilium answers health checks of port 10256 only if kubeProxyReplacementHealthzBindAddr is set; "
            + "taken as set for \(names(balanced))"
          : "without healthz some nodes fail the load balancer's checks for \(names(balanced))")
    }
    let spread = services.filter { $0.spec.trafficDistribution != nil }
    if !spread.isEmpty, agents.contains(where: { !$0.ebpf.serviceTopology }) {
      remarks.append("trafficDistribution has no effect unless serviceTopology is on: \(names(spread))")
    }
    if agents.contains(where: \.masqueradeAll) { remarks.append("masqueradeAll has no effect") }
    remarks += switchRemarks
    return remarks
  }

  /// Neither knows the other's translations (World+Migration).
  private var switchRemarks: [String] {
    let isSwitched = events.contains { event in
      switch event.action {
      case .proxyConfigure(_, let proxy, _), .proxyRollout(_, let proxy, _):
        (proxy.mode == .ebpf) != ((cluster.proxy ?? ProxySettings()).mode == .ebpf)
      default: false
      }
    }
    if !isSwitched { return [] }
    return [
      "a node that changes between Cilium and kube-proxy forgets the translations of its open connections"
    ]
  }
}
