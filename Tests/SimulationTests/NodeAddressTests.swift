// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a node's new address sets in motion beyond the packets: kube-proxy by generation (FACTS J).

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Simulation

struct NodeAddressTests {
  /// The Node object has the new address 3 s after the change, a new process needs 2 s to its first full
  /// sync.
  @Test(arguments: [(36, 0), (37, 1)])
  func kubeProxyStartsAnewFromVersion137On(_ minorVersion: Int, _ fullSyncs: Int) throws {
    var w = SmallWorld()
    w.file.cluster.minorVersion = minorVersion
    w.at(1, .nodeAddressChange(.named("node-1"), newAddress: IPv4Address("172.18.0.77")!))
    let result = try w.run()
    let full = result.syncs.filter { $0.kind == "full" && $0.node == "node-1" }
    #expect(full.count == fullSyncs)
    #expect(full.allSatisfy { $0.start == .zero + .seconds(6) })
    #expect(!result.syncs.contains { $0.kind == "full" && $0.node == "node-0" })
  }
}
