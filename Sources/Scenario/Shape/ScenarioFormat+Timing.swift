// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about delays of the control plane. Keys and defaults are those of TimingSettings,
// where their sources stand.

extension ScenarioFormat {
  static let timing = Shape.object(
    ObjectShape([
      Field(
        "kubeletStatus", quantity, standard: "as `cluster.kubelet` has it",
        "A container or its readiness changed until its pod's status is in the API, as one delay."),
      Field(
        "kubeletWatch", quantity, standard: "uniform 5ms to 50ms",
        "Pod object written until its kubelet acts."),
      Field(
        "podStart", quantity, standard: "lognormal, median 1.5s, sigma 0.4, at most 30s",
        "Sandbox, network and containers of a pod, without pulls and init containers."),
      Field(
        "podReady", quantity, standard: "uniform 500ms to 2s", "Containers run until the application listens."),
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
        "proxySync", quantity, standard: "worked out by `cluster.proxySync`",
        "Duration of every sync of a node's tables, whatever it writes."),
      Field(
        "filterCommitShare", share, standard: "worked out; 0.5 beside a given `proxySync`",
        "Share of a sync after which the filter table is in force; nat follows at its end."),
      Field(
        "proxyRestart", quantity, standard: "uniform 2s to 5s",
        "kube-proxy ends until its successor's first sync."),
      Field(
        "proxyListing", quantity, standard: "uniform 300ms to 1s",
        "The last part of `proxyRestart`: another mode's rules removed until the first sync."),
      Field("leaseRenewal", quantity, standard: "uniform 10s to 10.4s", "Time between heartbeats of a node."),
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
}
