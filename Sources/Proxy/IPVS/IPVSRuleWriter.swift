// SPDX-License-Identifier: GPL-3.0-or-later
//
// The iptables rules of ipvs mode in kube-proxy's order (writeIptablesRules, acceptIPVSTraffic,
// iptablesJumpChain and ipsetWithIptablesChain in k/k pkg/proxy/ipvs/proxier.go). A set without entries has
// no rule of its own in the nat table.

import NetworkTypes

struct IPVSRuleWriter {
  var sets: IPVSSets
  var eyes: NodeEyes

  /// Rules where every set has entries: those written always and one to three for each set.
  static var ruleCount: Int { 50 }

  func rules(_ firewalled: [IPVSRule]) -> [IPVSRule] { jumps + nat + filter(firewalled) }

  private func rule(
    _ table: IPVSTable, _ chain: String, _ matches: [IPVSMatch], _ target: IPVSTarget,
    comment: String? = nil
  ) -> IPVSRule {
    IPVSRule(table: table, chain: chain, comment: comment, matches: matches, target: target)
  }

  /// Each jump is put at the head of its chain, so that the last one written comes first.
  private var jumps: [IPVSRule] {
    func jump(_ table: IPVSTable, _ from: String, _ to: String, _ comment: String) -> IPVSRule {
      rule(table, from, [], .jump(to), comment: comment)
    }
    return [
      jump(.nat, "PREROUTING", "KUBE-SERVICES", "kubernetes service portals"),
      jump(.nat, "OUTPUT", "KUBE-SERVICES", "kubernetes service portals"),
      jump(.nat, "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"),
      jump(.filter, "INPUT", "KUBE-IPVS-FILTER", "kubernetes ipvs access filter"),
      jump(.filter, "INPUT", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"),
      jump(.filter, "INPUT", "KUBE-NODE-PORT", "kubernetes health check rules"),
      jump(.filter, "FORWARD", "KUBE-PROXY-FIREWALL", "kube-proxy firewall rules"),
      jump(.filter, "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"),
      jump(.filter, "OUTPUT", "KUBE-IPVS-OUT-FILTER", "kubernetes ipvs access filter"),
    ]
  }

  /// A rule with a set, where the set has entries.
  private func ofSet(
    _ table: IPVSTable, _ chain: String, _ name: IPVSSetName, _ fields: String, _ target: IPVSTarget,
    transport: TransportProtocol? = nil
  ) -> [IPVSRule] {
    if sets.isEmpty(name) { return [] }
    let head: [IPVSMatch] = transport.map { [.transport($0)] } ?? []
    return [rule(table, chain, head + [.set(name, fields)], target, comment: name.comment)]
  }

  private var nat: [IPVSRule] {
    let services = "KUBE-SERVICES"
    var all = [rule(.nat, services, [.source(loopbackBlock)], .goBack)]
    all += ofSet(.nat, "KUBE-POSTROUTING", .loopBack, "dst,dst,src", .masquerade)
    all += ofSet(.nat, services, .loadBalancer, "dst,dst", .jump("KUBE-LOAD-BALANCER"))
    all += ofSet(.nat, "KUBE-LOAD-BALANCER", .loadBalancerLocal, "dst,dst", .goBack)
    all += nodePort(.tcp, .nodePortLocalTCP, .nodePortTCP, "dst")
    all += nodePort(.udp, .nodePortLocalUDP, .nodePortUDP, "dst")
    all += nodePort(.sctp, .nodePortLocalSCTP, .nodePortSCTP, "dst,dst")
    all += clusterIP
    if !sets.isEmpty(.externalIP) {
      all += ofSet(.nat, services, .externalIP, "dst,dst", .jump("KUBE-MARK-MASQ"))
      all += external(.externalIP)
    }
    all += external(.externalIPLocal)
    all.append(rule(.nat, services, [.destinationIsLocal], .jump("KUBE-NODE-PORT")))
    all.append(rule(.nat, "KUBE-LOAD-BALANCER", [], .jump("KUBE-MARK-MASQ")))
    for name in [IPVSSetName.clusterIP, .loadBalancer] where !sets.isEmpty(name) {
      all.append(rule(.nat, services, [.set(name, "dst,dst")], .accept))
    }
    all.append(rule(.nat, "KUBE-POSTROUTING", [.notMarked], .goBack))
    all.append(rule(.nat, "KUBE-POSTROUTING", [], .unmark))
    all.append(
      rule(
        .nat, "KUBE-POSTROUTING", [], .masquerade, comment: "kubernetes service traffic requiring SNAT"))
    all.append(rule(.nat, "KUBE-MARK-MASQ", [], .mark))
    return all
  }

  private func nodePort(
    _ transport: TransportProtocol, _ local: IPVSSetName, _ all: IPVSSetName, _ fields: String
  ) -> [IPVSRule] {
    ofSet(.nat, "KUBE-NODE-PORT", local, fields, .goBack, transport: transport)
      + ofSet(.nat, "KUBE-NODE-PORT", all, fields, .jump("KUBE-MARK-MASQ"), transport: transport)
  }

  /// FACTS C7. Without a detector what a process of the node sends from a cluster IP is masqueraded.
  private var clusterIP: [IPVSRule] {
    if sets.isEmpty(.clusterIP) { return [] }
    var matches: [IPVSMatch] = [.set(.clusterIP, "dst,dst")]
    if !eyes.masqueradesAll {
      if eyes.hasDetector {
        let length = UInt8(eyes.podMask.nonzeroBitCount)
        matches.append(
          .notSource(IPv4CIDR(base: IPv4Address(bits: eyes.podBase), prefixLength: length)))
      } else {
        matches = [.set(.clusterIP, "src,dst")]
      }
    }
    return [
      rule(.nat, "KUBE-SERVICES", matches, .jump("KUBE-MARK-MASQ"), comment: IPVSSetName.clusterIP.comment)
    ]
  }

  /// externalIPRules: what comes from other machines, and what is for a local address, leaves the chain.
  private func external(_ name: IPVSSetName) -> [IPVSRule] {
    if sets.isEmpty(name) { return [] }
    let set = IPVSMatch.set(name, "dst,dst")
    return [
      rule(
        .nat, "KUBE-SERVICES", [set, .notFromBridge, .sourceIsNotLocal], .accept, comment: name.comment),
      rule(.nat, "KUBE-SERVICES", [set, .destinationIsLocal], .accept, comment: name.comment),
    ]
  }

  private func filter(_ firewalled: [IPVSRule]) -> [IPVSRule] {
    let ranges = "KUBE-SOURCE-RANGES-FIREWALL"
    var all = ofSet(.filter, "KUBE-PROXY-FIREWALL", .loadBalancerFirewall, "dst,dst", .jump(ranges))
    all += ofSet(.filter, ranges, .loadBalancerSourceCIDR, "dst,dst,src", .goBack)
    all += ofSet(.filter, ranges, .loadBalancerSourceIP, "dst,dst,src", .goBack)
    all.append(rule(.filter, ranges, [], .drop))
    all += firewalled
    all.append(
      rule(.filter, "KUBE-FORWARD", [.marked], .accept, comment: "kubernetes forwarding rules"))
    all.append(
      rule(
        .filter, "KUBE-FORWARD", [.stateKnown], .accept, comment: "kubernetes forwarding conntrack rule"))
    let health = IPVSSetName.healthCheckNodePort
    all.append(rule(.filter, "KUBE-NODE-PORT", [.set(health, "dst")], .accept, comment: health.comment))
    for name in [IPVSSetName.loadBalancer, .clusterIP, .externalIP, .externalIPLocal] {
      all.append(rule(.filter, "KUBE-IPVS-FILTER", [.set(name, "dst,dst")], .goBack))
    }
    all.append(rule(.filter, "KUBE-IPVS-FILTER", [.set(health, "dst")], .goBack))
    all.append(
      rule(.filter, "KUBE-IPVS-FILTER", [.stateNew, .set(.boundAddresses, "dst")], .reject))
    return all
  }
}
