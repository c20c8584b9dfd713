// SPDX-License-Identifier: GPL-3.0-or-later
//
// `proxy.ipvs`. Defaults are those of IPVSSettings, where their sources stand.

import Cluster

extension ScenarioFormat {
  static let ipvs = Shape.object(
    ObjectShape([
      Field(
        "scheduler", .word(IPVSScheduler.allCases.map(\.rawValue)), standard: "\"rr\"",
        "How a virtual server chooses a real server. All weights are 1, so wrr is rr and wlc is lc."),
      Field(
        "excludeCIDRs", .list(.text(.block)), standard: "none",
        "Blocks whose virtual servers kube-proxy does not clean up; without effect here."),
      Field("strictARP", .boolean, standard: "false", "arp_ignore and arp_announce; without effect here."),
      Field(
        "tcpTimeout", .duration(), standard: "\"0s\"",
        "Idle time of established connections; 0s leaves the kernel's 15m."),
      Field("tcpFinTimeout", .duration(), standard: "\"0s\"", "In FIN_WAIT; 0s leaves the kernel's 2m."),
      Field("udpTimeout", .duration(), standard: "\"0s\"", "Of UDP; 0s leaves the kernel's 5m."),
      Field(
        "kernelVersion", .text(.kernelVersion), standard: "\"6.1\"",
        "Linux on the node: decides how sh and dh hash (4.18), and what becomes of reused client ports and "
          + "of connections whose server is removed (5.9)."),
      Field(
        "connReuseMode", .integer(0...1), standard: "0 before Linux 5.9, else 1",
        "net.ipv4.vs.conn_reuse_mode: 1 lets a SYN on a closed connection's ports choose another server."),
    ]))
}
