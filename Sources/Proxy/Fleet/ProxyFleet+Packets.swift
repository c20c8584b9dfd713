// SPDX-License-Identifier: GPL-3.0-or-later
//
// The packet path: what a node's tables do with the first packet of a connection, and what tables made from
// other states would do with it.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// The verdict on a NEW connection's first packet at `node`; stamps affinity lists.
  /// - Parameter random: uniform bits that choose among the candidates.
  public mutating func decide(
    node: NodeID, flow: FlowTuple, origin: FlowOrigin, at: SimTime, random: UInt64
  ) -> Verdict {
    let state = tables[node.index]
    let packet = Packet(
      flow: flow, origin: origin, node: node.rawValue, at: at, random: random, stamps: true)
    if state.hasLeftovers { return verdictAmongLeftovers(packet, state) }
    return verdict(packet, nat: state.nat, filter: state.filter)
  }

  /// What a table made from the API's present state, by a process with this node's present settings, would
  /// do. No side effects but caches; affinity lists are read as they are.
  public mutating func decideFresh(
    node: NodeID, flow: FlowTuple, origin: FlowOrigin, at: SimTime, random: UInt64
  ) -> Verdict {
    let packet = Packet(
      flow: flow, origin: origin, node: node.rawValue, at: at, random: random, stamps: false)
    let fresh = freshTable(node)
    return verdict(packet, nat: fresh, filter: fresh)
  }

  /// What the node would do had its two tables been committed at one instant, the nat table together with
  /// the filter table that is in force. Equal to `decide` without stamps unless a sync is between its two
  /// commits (the cause `table_swap`).
  public mutating func decideWithoutSwapGap(
    node: NodeID, flow: FlowTuple, origin: FlowOrigin, at: SimTime, random: UInt64
  ) -> Verdict {
    let packet = Packet(
      flow: flow, origin: origin, node: node.rawValue, at: at, random: random, stamps: false)
    let state = tables[node.index].filter
    return verdict(packet, nat: state, filter: state)
  }

  /// A sync of this node has committed its filter table and not yet its nat table. Not said of a kernel that
  /// has no nat rules at all, or those of another mode: there the first sync is still under way.
  public func isBetweenCommits(_ node: NodeID) -> Bool {
    let state = tables[node.index]
    return state.nat.orderKey != state.filter.orderKey && mode(state.nat) == mode(state.filter)
  }

  /// Whether a table made from the API's present state could send this flow to `backend`.
  public mutating func isCandidateFresh(
    node: NodeID, flow: FlowTuple, origin: FlowOrigin, at: SimTime, backend: BackendID
  ) -> Bool {
    let verdict = decideFresh(node: node, flow: flow, origin: origin, at: at, random: 0)
    return verdict.kind == .forward && candidateSets.list(verdict.candidates).contains(backend)
  }

  func freshTable(_ node: NodeID) -> TableState {
    let state = tables[node.index]
    return TableState(
      services: history.latestRevision, slices: history.latestRevision, eyes: state.freshEyes,
      orderKey: state.nat.orderKey, totals: history.totals)
  }

  /// The backends behind a verdict's `candidates`; empty for `none`.
  public func candidates(_ id: CandidateSetID) -> ArraySlice<BackendID> { candidateSets.list(id) }

  public func backend(_ id: BackendID) -> Backend {
    let target = history.backends.target(id)
    let port = history.portNames.values[history.backends.portNames[id.index].index]
    let pod = history.backends.pods[id.index]
    let node = history.backends.nodes[id.index]
    return Backend(
      service: port.service, portName: port.name, transport: port.transport, address: target.address,
      port: target.port, pod: pod.isNone ? nil : pod,
      nodeName: node == .none ? nil : history.nodeNames.values[Int(node.rawValue)])
  }

  /// The pod behind a backend, `none` for hand-written endpoints. O(1), for the packet path.
  public func pod(of id: BackendID) -> PodID { history.backends.pods[id.index] }

  /// The node behind a backend as its slice says it, `none` where that is no node of the fleet. O(1).
  public func node(of id: BackendID) -> NodeID {
    let name = Int(history.backends.nodes[id.index].rawValue)
    return name < nodeOfName.count ? nodeOfName[name] : .none
  }

  public func servicePort(_ id: ServicePortID) -> ServicePortKey { history.servicePorts.values[id.index] }

  /// Numbers of Service ports and backends interned so far; IDs count from 0.
  public var servicePortCount: Int { history.servicePorts.values.count }
  public var backendCount: Int { history.backends.targets.count }
}
