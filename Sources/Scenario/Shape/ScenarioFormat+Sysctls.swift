// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about sysctls, by their Linux names. One that is not here decides nothing in the
// model, and is refused with the nearest name that does.

import Cluster

extension ScenarioFormat {
  private static let seconds = Shape.integer(0...31_536_000)

  /// Of a node.
  static let nodeSysctls = Shape.object(
    ObjectShape(
      KernelSettings.Timeout.allCases.map {
        Field(
          $0.sysctl, seconds, standard: defaults[$0] ?? "", "Idle time of flows in this state, in seconds.")
      } + [
        Field(
          "net.netfilter.nf_conntrack_max", .integer(1...1_000_000_000), standard: "what kube-proxy sets",
          "Flows at most. kube-proxy overwrites it unless its conntrack.maxPerCore is 0."),
        Field(
          "net.netfilter.nf_conntrack_tcp_loose", .integer(0...1), standard: "1",
          "0: a packet from the middle of an unknown connection is INVALID."),
        Field(
          "net.netfilter.nf_conntrack_tcp_be_liberal", .integer(0...1), standard: "0",
          "1: packets out of their window are not INVALID."),
        Field(
          "net.ipv4.icmp_ratelimit", .integer(0...86_400_000), standard: "1000",
          "Milliseconds between ICMP errors to one peer, after a burst of six; 0: no limit."),
        Field(
          "net.ipv4.icmp_msgs_per_sec", .integer(1...1_000_000_000), standard: "1000",
          "ICMP errors per second to all peers together."),
        Field(
          "net.ipv4.icmp_msgs_burst", .integer(1...1_000_000_000), standard: "50",
          "ICMP errors at once to all peers together."),
      ]))

  /// Of a client's network namespace: those of a node do not reach into its pods.
  static let clientSysctls = Shape.object(
    ObjectShape([
      Field("net.ipv4.tcp_syn_retries", .integer(1...127), standard: "6", "SYNs sent again."),
      Field(
        "net.ipv4.tcp_syn_linear_timeouts", .integer(0...127), standard: "4",
        "SYNs sent again at a constant distance first; 0 for kernels before 6.5."),
      Field("net.ipv4.tcp_retries2", .integer(1...255), standard: "15", "Data sent again."),
      Field(
        "net.ipv4.ip_local_port_range", .text(.portRange), standard: "\"32768-60999\"",
        "Source ports of connections."),
    ]))

  private static let defaults: [KernelSettings.Timeout: String] = [
    .synSent: "120", .synReceived: "60", .established: "432000; kube-proxy sets 86400", .finWait: "120",
    .closeWait: "60; kube-proxy sets 3600", .lastAck: "30", .timeWait: "120", .close: "10", .udp: "30",
    .udpStream: "120",
  ]
}
