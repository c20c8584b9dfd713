// SPDX-License-Identifier: GPL-3.0-or-later
//
// The filter table's rules in the order in which kube-proxy writes them: what refuses packets that nat left
// alone, and what lets packets through that it marked.

import NetworkTypes
import SimKernel

struct IptablesFilterBuilder {
  let eyes: NodeEyes
  private(set) var table = IptablesTable(.filter)

  init(eyes: NodeEyes) {
    self.eyes = eyes
    func new(_ comment: IptablesComment, _ chain: IptablesChainName) -> IptablesRule {
      IptablesRule([.state(.new), .comment(comment)], .jump(chain))
    }
    let firewall = new(.loadBalancerFirewall, .proxyFirewall)
    let services = new(.portals, .services)
    let external = new(.externallyVisible, .externalServices)
    table.append(.input, IptablesRule([], .jump(.kubeFirewall)))
    table.append(.input, firewall)
    table.append(.input, IptablesRule([.comment(.healthCheckPorts)], .jump(.nodePorts)))
    table.append(.input, external)
    table.append(.forward, firewall)
    table.append(.forward, IptablesRule([.comment(.forwardingRules)], .jump(.kubeForward)))
    table.append(.forward, services)
    table.append(.forward, external)
    table.append(.output, IptablesRule([], .jump(.kubeFirewall)))
    table.append(.output, firewall)
    table.append(.output, services)
    let dispatch: [IptablesChainName] = [
      .externalServices, .kubeFirewall, .kubeForward, .nodePorts, .proxyFirewall, .services,
    ]
    for chain in dispatch { table.declare(chain) }
    guard eyes.localhostNodePorts else { return }
    // route_localnet opens loopback addresses to neighbours; only translated packets may use that (FACTS C9).
    // The kubelet writes an identical rule.
    table.append(
      .kubeFirewall,
      IptablesRule(
        [
          .notSource(loopbackBlock), .destination(loopbackBlock), .comment(.localnet),
          .notState(.relatedEstablishedOrTranslated),
        ], .drop))
  }

  /// FACTS C9: INVALID packets are dropped unless tcpBeLiberal.
  mutating func finish() {
    if eyes.dropsInvalid {
      table.append(.kubeForward, IptablesRule([.state(.invalid), .counted(.invalidDropped)], .drop))
    }
    table.append(.kubeForward, IptablesRule([.comment(.forwardingRules), .isMarked], .accept))
    table.append(
      .kubeForward, IptablesRule([.comment(.forwardingConntrack), .state(.relatedOrEstablished)], .accept))
  }

  /// FACTS C6.
  mutating func add(_ port: ProgrammedPort) {
    let hasEndpoints = port.traits.contains(.hasEndpoints)
    let refusal: IptablesTarget = hasEndpoints ? .drop : .reject
    let reason: IptablesComment = hasEndpoints ? .noLocalEndpoints : .noEndpoints
    if !port.traits.contains(.hasInternal) {
      append(.services, port.to(port.spec.clusterIP, reason), refusal, port)
    }
    if port.traits.contains(.usesFirewall) {
      for address in port.spec.loadBalancerVIPs {
        append(.proxyFirewall, port.to(address, .notAcceptedByFirewall), .drop, port)
      }
    }
    if !port.traits.contains(.hasExternal) {
      for address in port.spec.externalIPs + port.spec.loadBalancerVIPs {
        append(.externalServices, port.to(address, reason), refusal, port)
      }
      if port.spec.nodePort != 0 {
        let matches: [IptablesMatch] = [
          .transport(port.spec.transport), .comment(reason), .destinationIsLocal,
          .destinationPort(port.spec.nodePort),
        ]
        append(.externalServices, matches, refusal, port)
      }
    }
    if port.spec.healthCheckNodePort != 0 {
      let matches: [IptablesMatch] = [
        .transport(.tcp), .comment(.healthCheckNodePort), .destinationPort(port.spec.healthCheckNodePort),
      ]
      append(.nodePorts, matches, .accept, port)
    }
  }

  private mutating func append(
    _ chain: IptablesChainName, _ matches: [IptablesMatch], _ target: IptablesTarget, _ port: ProgrammedPort
  ) {
    table.append(chain, IptablesRule(matches, target, servicePort: port.id))
  }
}
