// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about network paths and what packets cost. Keys and defaults are those of
// NetworkSettings, where their sources stand.

import Traffic

extension ScenarioFormat {
  static let network = Shape.object(
    ObjectShape([
      Field("sameNode", quantity, standard: "\"20us\"", "One-way delay between a pod and its node."),
      Field("sameZone", quantity, standard: "\"100us\"", "One-way delay between two nodes of a zone."),
      Field("betweenZones", quantity, standard: "\"500us\"", "One-way delay between nodes of two zones."),
      Field(
        "outside", quantity, standard: "\"2ms\"",
        "One-way delay between a node and what is not in the cluster."),
      Field(
        "loss", share, standard: "0", "Share of packets lost on each path between nodes or to the outside."),
      Field(
        "masqueradePodTraffic", .boolean, standard: "true",
        "What a pod sends out of the pod network leaves with its node's address."),
      Field(
        "masqueradeRandomFully", .boolean, standard: "true",
        "Masquerading draws source ports at random; if not, it keeps a client's port where that is free."),
      Field(
        "insertRace", .duration(), standard: "\"0s\"",
        "Time in which two processors do not see each other's new flows: of two that choose one source port the second is dropped."
      ),
      Field(
        "outOfWindow", share, standard: "0",
        "Share of TCP responses that conntrack finds outside of their window and calls INVALID."),
      Field(
        "deadPodIP", .word(["host_unreachable", "blackhole", "reset"]), standard: "\"host_unreachable\"",
        "What answers for the IP of a pod that is gone."),
      Field(
        "iptablesBackend", .word(IptablesBackend.allCases.map(\.rawValue)), standard: "\"nft\"",
        "What holds the rules of iptables: nf_tables, or the older x_tables with cheaper rules."),
      Field(
        "calibration", .text(.path), "File that `sim calibrate` wrote: costs in place of the defaults."),
      Field(
        "costs", .either([.word(["none"]), costs]),
        "What packets cost in nodes' tables, instead of what the calibration says; \"none\": nothing."),
      Field(
        "costPerRule", .duration(), "Time for one iptables rule, of either backend: short for both `costs`."),
    ]))

  private static let costs = Shape.object(
    ObjectShape(
      DataPath.allCases.map { Field($0.rawValue, dataPathCosts, "Costs of a node in this mode.") }))

  private static let dataPathCosts = Shape.object(
    ObjectShape([
      Field("firstPacket", .duration(), "Of a flow's first packet, before rules and lookups."),
      Field(
        "perRule", .duration(), "Of each rule that a first packet is compared with; fractions of 1ns count."),
      Field("perLookup", .duration(), "Of each lookup of a first packet in a map or set."),
      Field("establishedPacket", .duration(), "Of each later packet of a flow."),
    ]))
}
