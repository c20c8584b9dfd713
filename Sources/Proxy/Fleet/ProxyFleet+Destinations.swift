// SPDX-License-Identifier: GPL-3.0-or-later
//
// What all modes ask about a packet's destination: whether it is the node's own, whether it is a node port on
// an address that has none, and in which order Service ports come that claim the same one.

import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// The address is one of the node's own, by the kernel's present addresses: `-m addrtype --dst-type LOCAL`,
  /// `fib daddr type local`.
  @inline(__always) func isLocal(_ address: IPv4Address, _ node: NodeTables) -> Bool {
    if address.isLoopback { return true }
    for i in Int(node.firstAddress)..<Int(node.firstAddress + node.addressCount)
    where addressPool[i] == address {
      return true
    }
    return false
  }

  /// Notes that the packet would have met a node port, did nodePortAddresses cover its destination.
  mutating func explainNodePort(_ nodePortKey: UInt64, _ nat: TableState, _ verdict: inout Verdict) {
    let frontend = history.frontends.find(nodePortKey)
    if frontend == .max { return }
    var index = history.frontendHeads[Int(frontend)].latest
    while index >= 0 {
      let claim = history.claims[Int(index)]
      if claim.isActive(at: nat.services) {
        let plan = self.plan(claim.portName, nat, locality: eyes[Int(nat.eyes)].locality)
        verdict.reason = .nodePortAddress
        verdict.servicePort = plan.servicePort
        return
      }
      index = claim.previous
    }
  }

  /// The place of a Service port in the arbitrary order of a sync: kube-proxy walks a Go map. The mixing is
  /// SplitMix64's.
  @inline(__always) func dispatchOrder(_ port: PortNameID, _ orderKey: UInt64) -> UInt64 {
    var z = orderKey ^ (UInt64(port.rawValue) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
