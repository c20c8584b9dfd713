// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which UDP conntrack entries kube-proxy deletes after it wrote its rules (FACTS C10,
// k/k pkg/proxy/conntrack/cleanup.go). TCP and SCTP entries are never deleted.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// Upstream looks at all UDP Services after any UDP change; those that did not change have nothing stale, so
  /// only the touched ones are named, or all after the first sync of a process.
  mutating func collectCleanups(
    _ index: Int, _ target: SyncTarget, _ now: SimTime, _ output: inout ProxyOutput
  ) {
    if processes[index].hasSynced {
      for service in touched {
        for port in history.portsOfService[service.index] { cleanup(port, index, now, &output) }
      }
    } else {
      for port in 0..<history.heads.count { cleanup(PortNameID(port), index, now, &output) }
    }
  }

  private func cleanup(_ port: PortNameID, _ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    guard history.portNames.values[port.index].transport == .udp else { return }
    let table = tables[index].nat
    guard let spec = history.spec(history.specVersion(port, at: table.services)) else { return }
    let serving = history.endpointList(history.endpointsVersion(port, at: table.slices))
      .filter { $0.conditions.contains(.serving) }
      .map { record in
        let target = history.backends.target(record.backend)
        return ConntrackCleanup.Target(address: target.address, port: target.port)
      }
    // With nothing serving the Service is skipped, and entries to its last endpoint live on.
    guard !serving.isEmpty else { return }
    let addresses = uniqued([spec.clusterIP] + spec.externalIPs + spec.loadBalancerVIPs)
    output.cleanups.append(
      ConntrackCleanup(
        node: NodeID(index), at: now, servicePort: spec.servicePort,
        frontends: addresses.map { ConntrackCleanup.Target(address: $0, port: spec.port) },
        nodePort: spec.nodePort, serving: serving))
  }
}
