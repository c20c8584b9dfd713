// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about the external load balancer. Defaults are those of LoadBalancerSettings, where
// their sources stand.

extension ScenarioFormat {
  static let loadBalancer = Shape.object(
    ObjectShape([
      Field(
        "addressPool", .text(.block), standard: "\"192.0.2.0/24\"",
        "Ingress addresses for Services whose manifest has none."),
      Field("provisioning", quantity, standard: "\"2s\"", "Service created until its address is written."),
      Field(
        "checkInterval", .duration(isPositive: true), standard: "\"8s\"",
        "Time between health checks of a node."),
      Field(
        "checkTimeout", .duration(isPositive: true), standard: "\"1s\"",
        "A check fails without an answer by then."),
      Field(
        "healthyThreshold", .integer(1...1000), standard: "1", "Good checks in a row that bring a node in."),
      Field(
        "unhealthyThreshold", .integer(1...1000), standard: "3", "Failed checks in a row that put a node out."
      ),
    ]))
}
