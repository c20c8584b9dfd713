// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who tells the API that a node has another address: its kubelet in its status loop, unless it was started
// with --node-ip, or the cloud's controller, which reads all machines every five minutes (FACTS F4, J; k/k
// pkg/kubelet/nodestatus NodeAddress, cloud-provider node controller).

import NetworkTypes
import SimKernel

extension ControlPlane {
  var isAddressReportedByCloud: Bool { settings.nodeAddresses.reporter == .cloud }

  /// A status that its kubelet writes carries the machine's addresses. A kubelet with --node-ip refuses to
  /// report an interface without that address, and leaves the old ones as they are.
  func reportsAddress(_ node: NodeID) -> Bool { !isAddressReportedByCloud && !nodes[node.index].pinsAddress }

  /// The machine has another address; whoever is to report it will.
  mutating func addressIsReported(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    guard isAddressReportedByCloud else { return queueNodeStatus(node, after: .nodeAddressUpdate, &out) }
    out.schedule.append((now + draw(.cloudAddressRefresh, node: node), .cloudReportsAddress(node)))
  }

  /// The cloud knows its machines whether or not the node can be reached.
  mutating func cloudReportsAddress(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    guard var object = store.node(node), object.internalIPs != nodes[node.index].addresses else { return }
    object.internalIPs = nodes[node.index].addresses
    write(object, node, &out)
    log(self.object(node), "address reported", "\(nodes[node.index].primaryAddress), by the cloud", &out)
    publishRoute(node, &out)
    membershipChanged(&out)
  }
}
