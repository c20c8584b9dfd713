// SPDX-License-Identifier: GPL-3.0-or-later
//
// `proxy.ebpf`: what Cilium's agent is told.

import Cluster

extension ScenarioDecoder {
  func decodeEBPF(_ c: Cursor, into e: inout EBPFSettings) {
    assign(c["algorithm"]?.string.flatMap { EBPFSettings.Algorithm(rawValue: $0) }, to: &e.algorithm)
    if let place = c["maglevTableSize"], let size = place.integer {
      if EBPFSettings.maglevTableSizes.contains(size) {
        e.maglevTableSize = size
      } else {
        let sizes = EBPFSettings.maglevTableSizes.map(String.init).joined(separator: ", ")
        mistake(place, "expected one of \(sizes)")
      }
    }
    if let place = c["maglevHashSeed"], let seed = place.string {
      if EBPFSettings.isMaglevHashSeed(seed) {
        e.maglevHashSeed = seed
      } else {
        mistake(place, "expected 12 bytes in base64, which are 16 characters")
      }
    }
    assign(
      c["loadBalancerMode"]?.string.flatMap { EBPFSettings.Forwarding(rawValue: $0) }, to: &e.forwarding)
    assign(c["externalClusterIP"]?.bool, to: &e.externalClusterIP)
    assign(c["serviceTopology"]?.bool, to: &e.serviceTopology)
    assign(c["externalIPMitigation"]?.bool, to: &e.externalIPMitigation)
    assign(
      c["noBackendResponse"]?.string.flatMap { EBPFSettings.NoBackendResponse(rawValue: $0) },
      to: &e.noBackendResponse)
    assign(c["terminatesSockets"]?.bool, to: &e.terminatesSockets)
    assign(c["healthz"]?.bool, to: &e.healthz)
    assign(c["reflectorWaitTime"]?.duration, to: &e.reflectorWaitTime)
    assign(c["reconcileTime"]?.duration, to: &e.reconcileTime)
    if let sizes = c["mapSizes"] { decode(sizes, into: &e.maps) }
    if let timeouts = c["ctTimeouts"] { decode(timeouts, into: &e.conntrack) }
  }

  private func decode(_ c: Cursor, into sizes: inout EBPFMapSizes) {
    assign(c["services"]?.integer, to: &sizes.services)
    assign(c["backends"]?.integer, to: &sizes.backends)
    assign(c["affinity"]?.integer, to: &sizes.affinity)
    assign(c["conntrackTCP"]?.integer, to: &sizes.conntrackTCP)
    assign(c["conntrackOther"]?.integer, to: &sizes.conntrackOther)
    assign(c["nat"]?.integer, to: &sizes.nat)
  }

  private func decode(_ c: Cursor, into timeouts: inout EBPFConntrackTimeouts) {
    assign(c["tcp"]?.duration, to: &timeouts.tcp)
    assign(c["tcpSyn"]?.duration, to: &timeouts.tcpSyn)
    assign(c["tcpFin"]?.duration, to: &timeouts.tcpFin)
    assign(c["other"]?.duration, to: &timeouts.other)
  }
}
