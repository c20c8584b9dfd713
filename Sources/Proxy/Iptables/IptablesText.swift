// SPDX-License-Identifier: GPL-3.0-or-later
//
// iptables rules as `iptables-save` prints them (iptables 1.8.9 on nf_tables, golden/cluster/iptables):
// tables mangle, filter, nat; chain declarations, the kernel's own first, the others by name; then all rules,
// chains in the same order. Counters are zero, and the lines that tell when the text was made are left out.

import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func iptablesTexts(nat: TableState, filter: TableState) -> [RuleText] {
    let rules = iptablesRules(nat: nat, filter: filter)
    let skeleton = iptablesSkeletonIPv6(eyes[Int(nat.eyes)])
    let writer = IptablesTextWriter(names: iptablesNames)
    return [
      RuleText(command: "iptables-save", text: writer.text(rules)),
      RuleText(
        command: "ip6tables-save",
        text: IptablesTextWriter(names: IptablesNames(), isIPv6: true).text(skeleton)),
    ]
  }

  /// The names of everything that rules of any node can be about.
  var iptablesNames: IptablesNames {
    IptablesNames(
      servicePorts: history.servicePorts.values.map { port in
        let service = history.serviceNames[port.service.index]
        let name = "\(service.namespace)/\(service.name)" + (port.name.isEmpty ? "" : ":\(port.name)")
        return IptablesNames.ServicePort(name: name, transport: port.transport)
      },
      endpoints: history.backends.targets.map { "\($0.address):\($0.port)" })
  }
}

/// What numbers in rules stand for.
struct IptablesNames {
  struct ServicePort {
    /// `namespace/name` or `namespace/name:port`
    var name: String
    var transport: TransportProtocol
  }
  /// By ServicePortID.
  var servicePorts: [ServicePort] = []
  /// `address:port`, by BackendID.
  var endpoints: [String] = []

  func name(_ port: ServicePortID) -> String { servicePorts[port.index].name }

  func chain(_ chain: IptablesChainName) -> String {
    switch chain {
    case .prerouting: "PREROUTING"
    case .input: "INPUT"
    case .forward: "FORWARD"
    case .output: "OUTPUT"
    case .postrouting: "POSTROUTING"
    case .services: "KUBE-SERVICES"
    case .nodePorts: "KUBE-NODEPORTS"
    case .externalServices: "KUBE-EXTERNAL-SERVICES"
    case .proxyFirewall: "KUBE-PROXY-FIREWALL"
    case .kubeForward: "KUBE-FORWARD"
    case .kubeFirewall: "KUBE-FIREWALL"
    case .canary: "KUBE-PROXY-CANARY"
    case .markMasquerade: "KUBE-MARK-MASQ"
    case .kubePostrouting: "KUBE-POSTROUTING"
    case .clusterPolicy(let port): "KUBE-SVC-" + hash(port)
    case .localPolicy(let port): "KUBE-SVL-" + hash(port)
    case .external(let port): "KUBE-EXT-" + hash(port)
    case .firewall(let port): "KUBE-FW-" + hash(port)
    case .endpoint(let port, let backend): "KUBE-SEP-" + hash(port, endpoint: endpoints[backend.index])
    }
  }

  private func hash(_ port: ServicePortID, endpoint: String = "") -> String {
    let port = servicePorts[port.index]
    return iptablesChainHash(servicePort: port.name, transport: port.transport, endpoint: endpoint)
  }
}

/// Writes rules in the language of iptables-save.
struct IptablesTextWriter {
  var names: IptablesNames
  var isIPv6 = false

  func text(_ rules: IptablesRuleset) -> String {
    [rules.mangle, rules.filter, rules.nat].map { text($0) }.joined()
  }

  func text(_ table: IptablesTable) -> String {
    let hooks = table.name.hooks
    let others = table.names.filter { !hooks.contains($0) }
      .map { (chain: $0, name: names.chain($0)) }.sorted { $0.name < $1.name }
    var text = "*\(table.name.rawValue)\n"
    for hook in hooks { text += ":\(names.chain(hook)) ACCEPT [0:0]\n" }
    for other in others { text += ":\(other.name) - [0:0]\n" }
    for hook in hooks { append(table[hook], names.chain(hook), to: &text) }
    for other in others { append(table[other.chain], other.name, to: &text) }
    return text + "COMMIT\n"
  }

  private func append(_ rules: [IptablesRule], _ chain: String, to text: inout String) {
    for rule in rules { text += "-A \(chain)\(specification(rule))\n" }
  }

  /// The rule as a line, without a line end.
  func line(_ rule: IptablesRule, in chain: IptablesChainName) -> String {
    "-A \(names.chain(chain))\(specification(rule))"
  }

  private func specification(_ rule: IptablesRule) -> String {
    var text = ""
    let transport = rule.transport
    for match in rule.matches { text += word(match, rule, transport) }
    return text + word(rule.target)
  }
}

extension IptablesRule {
  fileprivate var transport: TransportProtocol {
    for case .transport(let transport) in matches { return transport }
    return .tcp
  }
}

// MARK: Words, each with a blank before it

extension IptablesTextWriter {
  /// Matches stand in their order, which has addresses and protocol first as iptables-save has them.
  private func word(_ match: IptablesMatch, _ rule: IptablesRule, _ transport: TransportProtocol) -> String {
    switch match {
    case .source(let block): " -s \(block)"
    case .notSource(let block): " ! -s \(block)"
    case .destination(let block): " -d \(block)"
    case .notDestination(let block): " ! -d \(block)"
    case .notIPv6Loopback: " ! -d ::1/128"
    case .transport(let transport): " -p \(transport.name)"
    case .destinationPort(let port): " -m \(transport.name) --dport \(port)"
    case .transportModule(let transport): " -m \(transport.name)"
    case .destinationIsLocal: " -m addrtype --dst-type LOCAL"
    case .sourceIsLocal: " -m addrtype --src-type LOCAL"
    case .oneIn(let n): " -m statistic --mode random --probability \(Self.printedProbability(oneIn: n))"
    case .seenRecently(let list, let within):
      " -m recent --rcheck --seconds \(within.nanoseconds / 1_000_000_000) --reap" + word(list: list)
    case .stamp(let list): " -m recent --set" + word(list: list)
    // Bit 14 (FACTS C1)
    case .isMarked: " -m mark --mark 0x4000/0x4000"
    case .isNotMarked: " -m mark ! --mark 0x4000/0x4000"
    case .state(let state): " -m conntrack --ctstate \(Self.word(state))"
    case .notState(let state): " -m conntrack ! --ctstate \(Self.word(state))"
    case .comment(let comment): " -m comment --comment \"\(text(comment, rule.servicePort))\""
    // libxt_nfacct prints two blanks before the name.
    case .counted(let counter): " -m nfacct --nfacct-name  \(counter.rawValue)"
    }
  }

  private func word(list: IptablesChainName) -> String {
    " --name \(names.chain(list)) --mask 255.255.255.255 --rsource"
  }

  private static func word(_ state: ConnectionState) -> String {
    switch state {
    case .new: "NEW"
    case .invalid: "INVALID"
    case .relatedOrEstablished: "RELATED,ESTABLISHED"
    case .relatedEstablishedOrTranslated: "RELATED,ESTABLISHED,DNAT"
    }
  }

  private func word(_ target: IptablesTarget) -> String {
    switch target {
    case .none: ""
    case .jump(let chain): " -j \(names.chain(chain))"
    case .dnat(_, let address, let port): " -j DNAT --to-destination \(address):\(port)"
    case .mark: " -j MARK --set-xmark 0x4000/0x4000"
    case .clearMark: " -j MARK --set-xmark 0x4000/0x0"
    case .masquerade: " -j MASQUERADE --random-fully"
    case .accept: " -j ACCEPT"
    case .reject: " -j REJECT --reject-with \(isIPv6 ? "icmp6" : "icmp")-port-unreachable"
    case .drop: " -j DROP"
    case .returnToCaller: " -j RETURN"
    }
  }

  private func text(_ comment: IptablesComment, _ port: ServicePortID) -> String {
    switch comment {
    case .loadBalancerFirewall: "kubernetes load balancer firewall"
    case .healthCheckPorts: "kubernetes health check service ports"
    case .externallyVisible: "kubernetes externally-visible service portals"
    case .forwardingRules: "kubernetes forwarding rules"
    case .portals: "kubernetes service portals"
    case .forwardingConntrack: "kubernetes forwarding conntrack rule"
    case .postrouting: "kubernetes postrouting rules"
    case .nodePorts: "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
    case .needsSNAT: "kubernetes service traffic requiring SNAT"
    case .localnet: "block incoming localnet connections"
    case .service: names.name(port)
    case .clusterIP: "\(names.name(port)) cluster IP"
    case .externalIP: "\(names.name(port)) external IP"
    case .loadBalancerIP: "\(names.name(port)) loadbalancer IP"
    case .noEndpoints: "\(names.name(port)) has no endpoints"
    case .noLocalEndpoints: "\(names.name(port)) has no local endpoints"
    case .notAcceptedByFirewall: "\(names.name(port)) traffic not accepted by \(names.chain(.firewall(port)))"
    case .droppedByFirewall: "other traffic to \(names.name(port)) will be dropped by KUBE-PROXY-FIREWALL"
    case .healthCheckNodePort: "\(names.name(port)) health check node port"
    case .masqueradeExternal: "masquerade traffic for \(names.name(port)) external destinations"
    case .podsToExternal: "pod traffic for \(names.name(port)) external destinations"
    case .masqueradeLocal: "masquerade LOCAL traffic for \(names.name(port)) external destinations"
    case .routeLocal: "route LOCAL traffic for \(names.name(port)) external destinations"
    case .choice(let address, let endpointPort): "\(names.name(port)) -> \(address):\(endpointPort)"
    }
  }

  /// 1/n as it comes back from the kernel: kube-proxy writes 10 decimals, libxt_statistic rounds that to a
  /// multiple of 2⁻³¹ (`lround(p * 0x80000000)`) and prints 11 decimals of it, halves to even.
  static func printedProbability(oneIn n: Int) -> String {
    let written = decimals(numerator: 1, denominator: UInt64(n), digits: 10)
    let product = written.multipliedFullWidth(by: 1 << 31)
    let (quotient, remainder) = UInt64(10_000_000_000).dividingFullWidth(product)
    let threshold = quotient + (remainder * 2 >= 10_000_000_000 ? 1 : 0)
    let printed = String(decimals(numerator: threshold, denominator: 1 << 31, digits: 11))
    return printed.count > 11
      ? "1." + printed.dropFirst() : "0." + String(repeating: "0", count: 11 - printed.count) + printed
  }

  /// `numerator / denominator` in units of 10⁻ᵈⁱᵍⁱᵗˢ, rounded to nearest, halves to even.
  private static func decimals(numerator: UInt64, denominator: UInt64, digits: Int) -> UInt64 {
    let scale = (0..<digits).reduce(UInt64(1)) { power, _ in power * 10 }
    let (quotient, remainder) = denominator.dividingFullWidth(numerator.multipliedFullWidth(by: scale))
    let twice = remainder * 2
    return quotient + (twice > denominator || (twice == denominator && quotient % 2 == 1) ? 1 : 0)
  }
}
