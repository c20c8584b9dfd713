// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about how the cluster learns of a node's new address. Defaults are those of
// NodeAddressSettings, where their sources stand.

import Cluster

extension ScenarioFormat {
  static let nodeAddresses = Shape.object(
    ObjectShape([
      Field(
        "reporter", .word(NodeAddressSettings.Reporter.allCases.map(\.rawValue)), standard: "\"kubelet\"",
        "Who writes a node's addresses: its kubelet, or an external cloud provider."),
      Field(
        "cloudRefresh", quantity, standard: "uniform 0s to 5m",
        "Address changed until the cloud provider has written it."),
      Field(
        "routes", .word(NodeAddressSettings.Routes.allCases.map(\.rawValue)), standard: "\"overlay\"",
        "Routes to pods: agents on all nodes, or the route controller in the cloud's table."),
      Field(
        "routeReconciliation", quantity, standard: "uniform 0s to 10s",
        "Node object changed until the route controller comes by."),
      Field(
        "routesFollowAddress", .boolean, standard: "false",
        "The route controller replaces a route to a former address."),
    ]))
}
