// SPDX-License-Identifier: GPL-3.0-or-later
//
// `proxy.ipvs`.

import Cluster

extension ScenarioDecoder {
  func decodeIPVS(_ c: Cursor, into i: inout IPVSSettings) {
    assign(c["scheduler"]?.string.flatMap { IPVSScheduler(rawValue: $0) }, to: &i.scheduler)
    assign(c["excludeCIDRs"]?.items.compactMap(\.block), to: &i.excludeCIDRs)
    assign(c["strictARP"]?.bool, to: &i.strictARP)
    assign(c["tcpTimeout"]?.duration, to: &i.tcpTimeout)
    assign(c["tcpFinTimeout"]?.duration, to: &i.tcpFinTimeout)
    assign(c["udpTimeout"]?.duration, to: &i.udpTimeout)
    assign(c["kernelVersion"]?.string.flatMap { KernelVersion($0) }, to: &i.kernelVersion)
    if let mode = c["connReuseMode"]?.integer { i.connReuseMode = mode }
  }
}
