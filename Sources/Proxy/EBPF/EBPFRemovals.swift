// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which backends a sync took out of an agent's maps: conntrack entries of Services that lead to them choose
// again (bpf/lib/lb.h, lb4_local), and UDP sockets connected to them are destroyed
// (pkg/loadbalancer/reconciler/termination.go). A backend that two Services share counts as gone with the
// first of them; the agent keeps it until the second is written, a few milliseconds later.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// The node has an agent in place of kube-proxy.
  @inline(__always) public func hasAgent(_ node: NodeID) -> Bool {
    programmedMode(of: node) == .ebpf
  }

  mutating func collectRemovals(
    _ index: Int, from old: TableState, _ now: SimTime, _ output: inout ProxyOutput
  ) {
    guard old.eyes >= 0 else { return }
    let new = tables[index].nat
    let destroysSockets = ebpf.agents[Int(eyes[Int(new.eyes)].agent)].terminatesSockets
    for service in touched {
      for port in history.portsOfService[service.index] {
        let before = endpoints(of: port, old)
        if before.isEmpty { continue }
        let after = endpoints(of: port, new)
        let known = chains(after)
        let alive = chains(after.filter(\.isUsable))
        let deleted = before.filter { !known.contains(chain($0)) }
        let dead = before.filter { !alive.contains(chain($0)) }
        if deleted.isEmpty && dead.isEmpty { continue }
        let transport = history.portNames.values[port.index].transport
        output.removals.append(
          BackendRemoval(
            node: NodeID(index), at: now, transport: transport, deleted: targets(deleted),
            dead: destroysSockets && transport == .udp ? targets(dead) : []))
      }
    }
  }

  private func endpoints(of port: PortNameID, _ table: TableState) -> [EndpointRecord] {
    guard history.spec(history.specVersion(port, at: table.services)) != nil else { return [] }
    return history.endpointList(history.endpointsVersion(port, at: table.slices))
  }

  /// Address and port of an endpoint of one Service port, as a number.
  private func chain(_ record: EndpointRecord) -> UInt32 { history.backends.target(record.backend).chain }

  private func chains(_ records: [EndpointRecord]) -> Set<UInt32> { Set(records.map { chain($0) }) }

  private func targets(_ records: [EndpointRecord]) -> [ConntrackCleanup.Target] {
    records.map { record in
      let target = history.backends.target(record.backend)
      return ConntrackCleanup.Target(address: target.address, port: target.port)
    }
  }
}
