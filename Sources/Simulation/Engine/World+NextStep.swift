// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a packet goes from here, and with which source address: answered from the state of this instant,
// without changing it. The packet path and `sim trace` ask the same functions, so they cannot disagree.

import Cluster
import NetworkTypes
import Proxy
import Traffic

/// What routing does with a packet that has left a place.
enum NextStep {
  /// Up the stack of a host on this very node: the node itself or one of its pods.
  case localStack(HostReference)
  /// Over the network, into the tables of this node.
  case node(Int)
  case outsideHost(HostReference)
  /// To the load balancer, which picks a target.
  case loadBalancer(ServiceID)
  /// To routers outside the cluster, which spread over the nodes.
  case upstreamRouters
  /// The pod network of this node owns the address, but no pod has it (FACTS E5).
  case deadAddress
  /// The route leads to where that node no longer is.
  case staleRoute(to: Int)
  case lost(Loss)
}

/// `NextStep` towards a pod, small enough for the packet path.
enum PodStep {
  case localStack
  case node(Int)
  case staleRoute(to: Int)
}

extension World {
  /// Where a packet goes that leaves the tables of `node`.
  func nextStep(_ tuple: FlowTuple, from node: Int, _ origin: FlowOrigin) -> NextStep {
    let owner = addresses.owner(of: tuple.destination)
    guard owner.kind == .pod else { return stepElsewhere(tuple, to: owner, from: node, origin) }
    switch stepToPod(owner, from: node) {
    case .localStack: return .localStack(owner)
    case .node(let home): return .node(home)
    case .staleRoute(let home): return .staleRoute(to: home)
    }
  }

  /// To a pod that has its address. The way of nearly all packets.
  @inline(__always) func stepToPod(_ owner: HostReference, from node: Int) -> PodStep {
    let home = Int(podNodes[Int(owner.id)])
    if home == node { return .localStack }
    return isMisrouted(home, from: node) ? .staleRoute(to: home) : .node(home)
  }

  /// The next hop that `node` believes in for pods of another node is not that node.
  @inline(__always) private func isMisrouted(_ home: Int, from node: Int) -> Bool {
    nodePlanes[home].hasStaleRoutes && !hasRoute(node, home)
  }

  /// The next hop that `node` believes in is `home`.
  func hasRoute(_ node: Int, _ home: Int) -> Bool {
    guard let next = control.nextHop(on: .init(node), to: .init(home)) else { return false }
    return addresses.owner(of: next) == HostReference(.node, UInt32(home))
  }

  /// To a destination that is no pod.
  func stepElsewhere(
    _ tuple: FlowTuple, to owner: HostReference, from node: Int, _ origin: FlowOrigin
  ) -> NextStep {
    switch owner.kind {
    case .node: return Int(owner.id) == node ? .localStack(owner) : .node(Int(owner.id))
    case .outside: return .outsideHost(owner)
    case .loadBalancer: return .loadBalancer(ServiceID(owner.id))
    case .routedToNodes: return .lost(.unrouted(node: node, tuple, origin))
    case .none: return stepToUnowned(tuple, from: node, origin)
    case .pod: preconditionFailure("asked of stepToPod")
    }
  }

  private func stepToUnowned(_ tuple: FlowTuple, from node: Int, _ origin: FlowOrigin) -> NextStep {
    let destination = tuple.destination
    if destination.isLoopback, origin == .node { return .localStack(HostReference(.node, UInt32(node))) }
    guard podNetwork.contains(destination),
      let home = nodePlanes.indices.first(where: { nodePlanes[$0].podCIDR.contains(destination) })
    else { return .lost(.unrouted(node: node, tuple, origin)) }
    if home == node { return .deadAddress }
    return isMisrouted(home, from: node) ? .staleRoute(to: home) : .node(home)
  }

  /// Where a packet goes that a host outside the cluster sends.
  func stepFromOutside(_ destination: IPv4Address) -> NextStep {
    let owner = addresses.owner(of: destination)
    switch owner.kind {
    case .node: return .node(Int(owner.id))
    case .loadBalancer: return .loadBalancer(ServiceID(owner.id))
    case .routedToNodes: return .upstreamRouters
    case .outside: return .outsideHost(owner)
    case .pod, .none: return .lost(.unknownAddress(destination))
    }
  }

  /// Nodes over which routers outside spread traffic to external IPs: all that the API lists.
  func upstreamNodes() -> [Int] {
    let listed = control.nodes.indices.filter { control.store.node(.init($0)) != nil }
    return listed.isEmpty ? [0] : listed
  }

  // MARK: The source address

  /// A pod's traffic to anything outside the pod network leaves with its node's address. What stays on the
  /// node does not leave.
  @inline(__always)
  func leavesPodNetwork(_ node: Int, _ origin: FlowOrigin, _ destination: IPv4Address) -> Bool {
    origin == .pod && masqueradesPodTraffic && !podNetwork.contains(destination)
      && addresses.owner(of: destination) != HostReference(.node, UInt32(node))
  }

  /// The address of the interface by which the packet leaves (FACTS C7).
  func masqueradeAddress(_ node: Int, towards destination: IPv4Address) -> IPv4Address {
    nodePlanes[node].podCIDR.contains(destination) ? nodePlanes[node].gateway : nodePlanes[node].address
  }
}
