// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about where pods can be and how they are made to leave: what nodes have for them,
// and drains. Workloads themselves come as Kubernetes objects.

extension ScenarioFormat {
  static let allocatable = Field(
    "allocatable",
    .object(
      ObjectShape([
        Field(
          "cpu", .either([.text(.nonEmpty), .number(.from(0, to: 1_000_000))]), standard: "no limit",
          "Cores, as Kubernetes writes quantities: \"3800m\", 4."),
        Field("memory", .text(.nonEmpty), standard: "no limit", "Memory: \"15Gi\"."),
        Field("pods", .integer(0...100_000), standard: "110", "Pods at a time (kubelet's maxPods)."),
      ])), standard: "110 pods and no other limit",
    "What the scheduler can give to pods; else what a Node object says.")

  static let drainFields = [
    Field(
      "by", .word(["kubectl", "autoscaler"]), standard: "\"kubectl\"",
      "Whose way: kubectl cordons and repeats refused evictions every 5 s; the cluster autoscaler sets its "
        + "taint, waits 5 s and repeats them every 10 s for 2 min."),
    Field(
      "timeout", .duration(isPositive: true), standard: "none; autoscaler \"2m\"",
      "Gives up after so long (`--timeout`)."),
    Field(
      "gracePeriod", .duration(), standard: "each pod's own", "Instead of the pods' (`--grace-period`)."),
    Field(
      "disableEviction", .boolean, standard: "false",
      "Deletes pods without asking PodDisruptionBudgets (`--disable-eviction`)."),
    Field(
      "force", .boolean, standard: "true",
      "If false, a pod without a controller stops the drain before it begins (kubectl without `--force`)."),
    Field(
      "deleteNode", .boolean, standard: "false",
      "When the pods have left, the machine is switched off and its Node object deleted."),
  ]
}
