// SPDX-License-Identifier: GPL-3.0-or-later
//
// What each node believes is the next hop to another node's pods. The Node object says where; every peer's
// route agent hears of it after its own delay (FACTS J: ordinary pods keep their IP, overlay peers and routes
// must learn the new next hop). A route to a deleted node stays until the machine comes again.

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// The Node object has the machine's primary address: peers will hear of it if it is another one than
  /// before.
  mutating func publishRoute(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    let before = nodes[node.index].routeAddress
    guard let address = store.node(node)?.internalIPs.first, before != address else { return }
    guard settings.nodeAddresses.routes == .overlay else {
      return out.schedule.append((now + draw(.routeReconciliation, node: node), .reconcileRoute(node)))
    }
    nodes[node.index].routeAddress = address
    for peer in nodes.indices where peer != node.index && nodes[peer].hasJoined {
      let on = NodeID(peer)
      if nodes[node.index].outdatedRoutes[on] == nil {
        nodes[node.index].outdatedRoutes[on] = before ?? .unspecified
      }
      let heard = now + draw(.routePropagation, node: on)
      out.schedule.append((heard, .learnRoute(node, on: UInt16(peer))))
    }
  }

  /// The route controller makes the cloud's route to the node's pods where there is none, and replaces one
  /// that leads to a former address if the provider lets it (k/k PR 108095). One table serves all nodes.
  mutating func reconcileRoute(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    let before = nodes[node.index].routeAddress
    guard let address = store.node(node)?.internalIPs.first, before != address,
      before == nil || settings.nodeAddresses.routesFollowAddress
    else { return }
    nodes[node.index].routeAddress = address
    log(object(node), "route written", "\(nodes[node.index].podCIDR) via \(address)", &out)
    for peer in nodes.indices where peer != node.index {
      out.changes.append(.routeLearned(on: NodeID(peer), about: node))
    }
  }

  mutating func learnRoute(about node: NodeID, on peer: NodeID, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].outdatedRoutes[peer] != nil else { return }
    // Down: its route agent reads everything anew when it starts.
    guard canReach(peer) else {
      return deferUntilReachable(.learnRoute(node, on: UInt16(peer.index)), peer)
    }
    nodes[node.index].outdatedRoutes[peer] = nil
    out.changes.append(.routeLearned(on: peer, about: node))
  }

  /// The route agent of a node that starts learns every route at once.
  mutating func learnAllRoutes(on peer: NodeID, _ out: inout ControlPlaneOutput) {
    for node in nodes.indices where nodes[node].outdatedRoutes[peer] != nil {
      nodes[node].outdatedRoutes[peer] = nil
      out.changes.append(.routeLearned(on: peer, about: NodeID(node)))
    }
  }

  /// A node that is new has no routes until its agent starts.
  mutating func forgetRoutes(on peer: NodeID) {
    for node in nodes.indices where node != peer.index && nodes[node].routeAddress != nil {
      nodes[node].outdatedRoutes[peer] = .unspecified
    }
  }
}
