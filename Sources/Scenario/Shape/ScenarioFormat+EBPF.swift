// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about Cilium's kube-proxy replacement. Defaults are those of EBPFSettings, where
// their sources stand.

import Cluster

extension ScenarioFormat {
  static let ebpf = Shape.object(
    ObjectShape([
      Field(
        "algorithm", .word(["random", "maglev"]), standard: "\"random\"",
        "How traffic from outside is spread; sockets inside the cluster choose at random."),
      Field(
        "maglevTableSize", .integer(1...1_000_000), standard: "16381",
        "Places in a Maglev table: one of 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071."),
      Field(
        "maglevHashSeed", .text(.nonEmpty), standard: "\"JLfvgnHc2kaSUFaI\"",
        "12 bytes in base64, the same on all nodes."),
      Field(
        "loadBalancerMode", .word(["snat", "dsr", "hybrid"]), standard: "\"snat\"",
        "How traffic from outside reaches other nodes' backends; hybrid is DSR for TCP and SNAT for UDP."),
      Field(
        "externalClusterIP", .boolean, standard: "false", "Serve cluster IPs to traffic from outside."),
      Field("serviceTopology", .boolean, standard: "false", "Zone hints of EndpointSlices count."),
      Field(
        "externalIPMitigation", .boolean, standard: "true",
        "Sockets inside the cluster are not translated for external IPs (CVE-2020-8554)."),
      Field(
        "noBackendResponse", .word(["reject", "drop"]), standard: "\"reject\"",
        "Answer to packets from outside for a Service without backends."),
      Field(
        "terminatesSockets", .boolean, standard: "true",
        "Connected UDP sockets of a backend that goes are destroyed."),
      Field(
        "healthz", .boolean, standard: "true",
        "Something answers health checks of port 10256; Cilium's own default is off."),
      Field("mapSizes", ebpfMapSizes, "Entries that the maps have room for."),
      Field("ctTimeouts", ebpfTimeouts, "Lifetimes of conntrack entries."),
      Field(
        "reflectorWaitTime", .duration(), standard: "\"100ms\"",
        "Time for which the agent collects events before it works on them."),
      Field(
        "reconcileTime", .duration(), standard: "\"10ms\"",
        "From there until the maps are written (assumed)."),
    ]))

  private static let ebpfMapSizes = Shape.object(
    ObjectShape([
      Field("services", mapSize, standard: "65536", "Frontends and backend slots."),
      Field("backends", mapSize, standard: "65536", "Backends."),
      Field("affinity", mapSize, standard: "65536", "Clients with session affinity."),
      Field("conntrackTCP", mapSize, standard: "524288", "TCP flows."),
      Field("conntrackOther", mapSize, standard: "262144", "Other flows."),
      Field("nat", mapSize, standard: "524288", "NAT entries, two for each masqueraded flow."),
    ]))

  private static let mapSize = Shape.integer(1...1_000_000_000)

  private static let ebpfTimeouts = Shape.object(
    ObjectShape([
      Field("tcp", .duration(isPositive: true), standard: "\"8000s\"", "Open TCP connections."),
      Field("tcpSyn", .duration(isPositive: true), standard: "\"60s\"", "Before the handshake is over."),
      Field("tcpFin", .duration(isPositive: true), standard: "\"10s\"", "After both sides have closed."),
      Field("other", .duration(isPositive: true), standard: "\"60s\"", "UDP and the rest."),
    ]))
}
