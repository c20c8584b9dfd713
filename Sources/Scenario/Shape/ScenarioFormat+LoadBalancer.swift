// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about the external load balancer. Defaults are those of LoadBalancerSettings and
// LoadBalancerProvider, where their sources stand.

import Cluster

extension ScenarioFormat {
  static let loadBalancer = Shape.object(
    ObjectShape(balancerIdentity + balancerChecks + balancerConnections + balancerDelays))

  private static let balancerIdentity: [Field] = [
    Field(
      "provider", .word(LoadBalancerProvider.allCases.map(\.rawValue)), standard: "none",
      "Take this provider's values for all other keys."),
    Field(
      "addressPool", .text(.block), standard: "\"192.0.2.0/24\"",
      "Ingress addresses for Services whose manifest has none."),
    Field("provisioning", quantity, standard: "\"2s\"", "Service created until its address is written."),
    Field(
      "targets", .word(LoadBalancerSettings.TargetKind.allCases.map(\.rawValue)),
      standard: "\"instance\" or the provider's",
      "Nodes are known by machine, or by an address that has to be registered anew when it changes."),
  ]

  private static let balancerChecks: [Field] = [
    Field(
      "checkPort", .word(LoadBalancerSettings.CheckPort.allCases.map(\.rawValue)),
      standard: "\"healthz\" or the provider's",
      "What checks ask for Services with policy Cluster: kube-proxy's healthz, or the first node port."),
    Field(
      "checkInterval", .duration(isPositive: true), standard: "\"8s\" or the provider's",
      "Time between health checks of a node."),
    Field(
      "checkTimeout", .duration(isPositive: true), standard: "\"1s\" or the provider's",
      "A check fails without an answer by then."),
    Field(
      "healthyThreshold", .integer(1...1000), standard: "1 or the provider's",
      "Good checks in a row that bring a node in."),
    Field(
      "unhealthyThreshold", .integer(1...1000), standard: "3 or the provider's",
      "Failed checks in a row that put a node out."),
    Field(
      "localCheckInterval", .duration(isPositive: true), standard: "checkInterval or the provider's",
      "Time between checks for Services with policy Local."),
    Field(
      "localHealthyThreshold", .integer(1...1000), standard: "healthyThreshold or the provider's",
      "Likewise, good checks."),
    Field(
      "localUnhealthyThreshold", .integer(1...1000), standard: "unhealthyThreshold or the provider's",
      "Likewise, failed checks."),
    Field(
      "failOpen", .boolean, standard: "false or the provider's",
      "With no healthy node, all of them get connections."),
  ]

  private static let balancerConnections: [Field] = [
    Field(
      "steering", .word(LoadBalancerSettings.Steering.allCases.map(\.rawValue)),
      standard: "\"stateful\" or the provider's",
      "How a packet finds its node: by a table of connections, or by a hash over the nodes of the moment."),
    Field(
      "drain", .duration(), standard: "never or the provider's",
      "A node left the set until its open connections are cut."),
    Field(
      "resetsUnhealthy", .boolean, standard: "false or the provider's",
      "Open connections of a node that fails its checks are cut."),
    Field(
      "idleTimeout", .duration(isPositive: true), standard: "never or the provider's",
      "An idle connection is forgotten."),
    Field(
      "idleAction", .word(LoadBalancerSettings.IdleAction.allCases.map(\.rawValue)),
      standard: "\"reset\" or the provider's",
      "What a forgotten connection's next packet meets: RST, silence, or a choice as for a new connection."),
  ]

  private static let balancerDelays: [Field] = [
    Field(
      "registration", quantity, standard: "\"0s\" or the provider's",
      "Node in the set until it may get connections; with targets by ip also for a changed address."),
    Field(
      "deregistration", quantity, standard: "\"0s\" or the provider's",
      "Node out of the set until it gets no new connections."),
    Field(
      "unhealthyDelay", quantity, standard: "\"0s\" or the provider's",
      "Node found unhealthy until it gets no new connections."),
  ]
}
