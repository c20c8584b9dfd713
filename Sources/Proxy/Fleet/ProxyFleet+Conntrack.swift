// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which UDP conntrack entries kube-proxy deletes after it wrote its rules (FACTS C10, k/k
// pkg/proxy/conntrack/cleanup.go), by the generation of the clean-up. TCP and SCTP entries are never deleted.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// Upstream looks at all UDP Services after any UDP change; those that did not change have nothing stale,
  /// so only the touched ones are named, or all after the first sync of a process.
  /// - Parameter old: the table that the sync replaced.
  mutating func collectCleanups(
    _ index: Int, _ target: SyncTarget, from old: TableState, _ now: SimTime, _ output: inout ProxyOutput
  ) {
    let cleaning = SyncRules(minorVersion: minorVersion).conntrackCleaning
    func clean(_ port: PortNameID, _ output: inout ProxyOutput) {
      guard history.portNames.values[port.index].transport == .udp else { return }
      switch cleaning {
      case .byEvents: cleanByEvents(port, index, old, now, &output)
      case .reconciling(let includesUnserved):
        reconcile(port, index, includesUnserved: includesUnserved, now, &output)
      }
    }
    if processes[index].hasSynced {
      for service in touched {
        for port in history.portsOfService[service.index] { clean(port, &output) }
      }
    } else {
      for port in 0..<history.heads.count { clean(PortNameID(port), &output) }
    }
  }

  /// From 1.32 on.
  private func reconcile(
    _ port: PortNameID, _ index: Int, includesUnserved: Bool, _ now: SimTime, _ output: inout ProxyOutput
  ) {
    let table = tables[index].nat
    guard let spec = history.spec(history.specVersion(port, at: table.services)) else { return }
    let serving = servingTargets(port, table)
    // With nothing serving the Service is skipped, and entries to its last endpoint live on; not from 1.37
    // on.
    guard !serving.isEmpty || includesUnserved else { return }
    output.cleanups.append(cleanup(spec, index, now, serving, .otherThanServing))
  }

  /// Up to 1.31 (pkg/proxy/endpointschangetracker.go, detectStaleConntrackEntries; servicechangetracker.go):
  /// entries to an endpoint that has ceased to serve, all entries of a Service that gets its first serving
  /// endpoint, and all of a cluster IP that is no more. A new process does not know what was before it: every
  /// Service with a serving endpoint is newly active to it.
  private func cleanByEvents(
    _ port: PortNameID, _ index: Int, _ old: TableState, _ now: SimTime, _ output: inout ProxyOutput
  ) {
    let table = tables[index].nat
    let knowsOld = processes[index].hasSynced && old.eyes >= 0
    let before = knowsOld ? history.spec(history.specVersion(port, at: old.services)) : nil
    let served = knowsOld ? servingTargets(port, old) : []
    guard let spec = history.spec(history.specVersion(port, at: table.services)) else {
      guard let before else { return }
      var all = cleanup(before, index, now, [], .everything)
      // Only the cluster IP's; entries of external addresses stay.
      all.frontends = [ConntrackCleanup.Target(address: before.clusterIP, port: before.port)]
      all.nodePort = 0
      return output.cleanups.append(all)
    }
    let serving = servingTargets(port, table)
    if served.isEmpty {
      if !serving.isEmpty { output.cleanups.append(cleanup(spec, index, now, serving, .everything)) }
      return
    }
    let gone = served.filter { !serving.contains($0) }.map(\.address)
    if !gone.isEmpty { output.cleanups.append(cleanup(spec, index, now, serving, .leadingTo(gone))) }
  }

  /// Serving endpoints of a port, terminating ones included.
  private func servingTargets(_ port: PortNameID, _ table: TableState) -> [ConntrackCleanup.Target] {
    history.endpointList(history.endpointsVersion(port, at: table.slices))
      .filter { $0.conditions.contains(.serving) }
      .map { record in
        let target = history.backends.target(record.backend)
        return ConntrackCleanup.Target(address: target.address, port: target.port)
      }
  }

  private func cleanup(
    _ spec: PortSpec, _ index: Int, _ now: SimTime, _ serving: [ConntrackCleanup.Target],
    _ scope: ConntrackCleanup.Scope
  ) -> ConntrackCleanup {
    let addresses = uniqued([spec.clusterIP] + spec.externalIPs + spec.loadBalancerVIPs)
    return ConntrackCleanup(
      node: NodeID(index), at: now, servicePort: spec.servicePort,
      frontends: addresses.map { ConntrackCleanup.Target(address: $0, port: spec.port) },
      nodePort: spec.nodePort, serving: serving, scope: scope)
  }
}
