// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sysctls of nodes and of clients. What kube-proxy overwrites when it starts is refused: it would be without
// effect.

import Cluster
import NetworkTypes
import SimKernel
import Traffic

extension ScenarioDecoder {
  /// - Parameter proxy: the kube-proxy that starts on top of these.
  func kernel(_ c: Cursor, base: KernelSettings, proxy: ProxySettings) -> KernelSettings {
    var k = base
    for timeout in KernelSettings.Timeout.allCases {
      if let seconds = c[timeout.sysctl]?.integer { k.timeouts[timeout] = .seconds(Int64(seconds)) }
    }
    assign(c["net.netfilter.nf_conntrack_max"]?.integer, to: &k.conntrackMax)
    if let loose = c["net.netfilter.nf_conntrack_tcp_loose"]?.integer { k.tcpLoose = loose == 1 }
    if let liberal = c["net.netfilter.nf_conntrack_tcp_be_liberal"]?.integer { k.tcpBeLiberal = liberal == 1 }
    assign(c["net.ipv4.icmp_ratelimit"]?.integer, to: &k.icmpRateLimit)
    assign(c["net.ipv4.icmp_msgs_per_sec"]?.integer, to: &k.icmpMessagesPerSecond)
    assign(c["net.ipv4.icmp_msgs_burst"]?.integer, to: &k.icmpMessagesBurst)
    refuse(c["net.netfilter.nf_conntrack_max"], "maxPerCore", proxy.conntrackMaxPerCore > 0, "0")
    refuse(
      c[KernelSettings.Timeout.established.sysctl], "tcpEstablishedTimeout",
      proxy.tcpEstablishedTimeout > .zero, "\"0s\"")
    refuse(
      c[KernelSettings.Timeout.closeWait.sysctl], "tcpCloseWaitTimeout", proxy.tcpCloseWaitTimeout > .zero,
      "\"0s\"")
    refuse(c[KernelSettings.Timeout.udp.sysctl], "udpTimeout", proxy.udpTimeout > .zero, "\"0s\"")
    refuse(
      c[KernelSettings.Timeout.udpStream.sysctl], "udpStreamTimeout", proxy.udpStreamTimeout > .zero, "\"0s\""
    )
    return k
  }

  private func refuse(_ place: Cursor?, _ key: String, _ isOverwritten: Bool, _ none: String) {
    guard let place, isOverwritten else { return }
    mistake(place, "kube-proxy overwrites it at its start: expected \(none) for \"proxy.conntrack.\(key)\"")
  }

  func decodeSysctls(of c: Cursor?, into s: inout ClientSettings) {
    guard let c else { return }
    assign(c["net.ipv4.tcp_syn_retries"]?.integer, to: &s.synRetries)
    assign(c["net.ipv4.tcp_syn_linear_timeouts"]?.integer, to: &s.synLinearTimeouts)
    assign(c["net.ipv4.tcp_retries2"]?.integer, to: &s.dataRetries)
    guard let range = c["net.ipv4.ip_local_port_range"], let text = range.string else { return }
    let ends = text.split(separator: "-").map { UInt16($0) }
    guard ends.count == 2, let low = ends[0], let high = ends[1], low > 0, low <= high else {
      return mistake(range, "expected two ports from 1 to 65535 in ascending order")
    }
    s.localPorts = low...high
  }
}
