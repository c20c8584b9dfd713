// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about delays: of the control plane and of network paths. Keys and defaults are those
// of TimingSettings and NetworkSettings, where their sources stand.

import Traffic

extension ScenarioFormat {
  static let timing = Shape.object(
    ObjectShape([
      Field(
        "kubeletStatus", quantity, standard: "uniform 50ms to 1s",
        "A container changed until its pod's status is in the API."),
      Field(
        "kubeletWatch", quantity, standard: "uniform 5ms to 50ms",
        "Pod object written until its kubelet acts."),
      Field(
        "podStart", quantity, standard: "lognormal, median 1.5s, sigma 0.4, at most 30s",
        "Pod scheduled until its containers run."),
      Field("podReady", quantity, standard: "uniform 500ms to 2s", "Containers run until the pod is ready."),
      Field("scheduler", quantity, standard: "uniform 5ms to 50ms", "Pod pending until it has a node."),
      Field(
        "workloadController", quantity, standard: "uniform 5ms to 50ms",
        "A pod is missing or too many until the controller acts."),
      Field(
        "endpointController", quantity, standard: "uniform 10ms to 50ms",
        "Pod or Service changed until the EndpointSlice is written."),
      Field(
        "proxyWatch", quantity, standard: "uniform 2ms to 20ms",
        "Object written until a node's kube-proxy has it."),
      Field(
        "proxySync", quantity, standard: "gamma, shape 9, scale 6.7ms",
        "Duration of one sync of a node's tables."),
      Field(
        "filterCommitShare", share, standard: "0.5",
        "Share of a sync after which the filter table is in force; nat follows at its end."),
      Field(
        "proxyRestart", quantity, standard: "uniform 2s to 5s",
        "kube-proxy ends until its successor's first sync."),
      Field("leaseRenewal", quantity, standard: "\"10s\"", "Time between heartbeats of a node."),
      Field(
        "nodeMonitorPeriod", .duration(isPositive: true), standard: "\"5s\"",
        "Time between checks of all heartbeats."),
      Field(
        "nodeMonitorGrace", .duration(isPositive: true), standard: "\"50s\", up to Kubernetes 1.31 \"40s\"",
        "A node silent for longer is not ready."),
      Field(
        "evictionToleration", .duration(), standard: "\"300s\"",
        "A node not ready until its pods are evicted."),
      Field(
        "nodeAddressUpdate", quantity, standard: "uniform 0s to 10s",
        "A node's address changed until its Node object says so."),
      Field(
        "routePropagation", quantity, standard: "uniform 100ms to 2s",
        "Node object changed until other nodes route to the new address."),
      Field(
        "nodeBoot", quantity, standard: "uniform 20s to 40s", "Power on until kubelet and kube-proxy start."),
    ]))

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
