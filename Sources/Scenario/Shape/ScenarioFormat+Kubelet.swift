// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about kubelets and what pods do by themselves. Defaults are those of KubeletSettings,
// where their sources stand.

extension ScenarioFormat {
  static let kubelet = Shape.object(
    ObjectShape([
      Field(
        "relistPeriod", .duration(isPositive: true), standard: "\"1s\"",
        "Time between two looks at the container runtime (PLEG)."),
      Field(
        "eventedPLEG", .boolean, standard: "false", "The runtime tells of changes by itself: seen at once."),
      Field(
        "statusWrite", quantity, standard: "uniform 5ms to 30ms",
        "One update of a pod's status; updates of a node come one after the other."),
      Field(
        "kubeAPIQPS", .integer(1...1_000_000), standard: "50, before Kubernetes 1.27 5",
        "Requests per second of a kubelet; a status takes two."),
      Field(
        "kubeAPIBurst", .integer(1...1_000_000), standard: "100, before Kubernetes 1.27 10",
        "Requests that may come at once."),
      Field(
        "imagePull", quantity, standard: "lognormal, median 3s, sigma 0.6, at most 120s",
        "Pull of an image that a node does not have; images of pods that run at the start are there."),
      Field(
        "imageCheck", quantity, standard: "uniform 100ms to 500ms",
        "Asking whether a present image is current (imagePullPolicy Always)."),
      Field("serializeImagePulls", .boolean, standard: "true", "One pull at a time on each node."),
      Field("initContainer", quantity, standard: "uniform 500ms to 2s", "Run of an init container."),
      Field(
        "containerStart", quantity, standard: "uniform 100ms to 500ms",
        "Starting a container once more in its pod's sandbox."),
      Field("crashLoopBackOff", crashLoop, "How long a container that keeps ending waits."),
      Field(
        "shutdownGracePeriod", .duration(), standard: "\"0s\"",
        "Part that the kubelet takes in an orderly shutdown (`rebootNode`); 0s: none."),
      Field(
        "shutdownGracePeriodCriticalPods", .duration(), standard: "\"0s\"",
        "Of that, what is kept for critical pods."),
      Field(
        "withoutReadinessProbe", .word(["ready", "probed"]), standard: "\"ready\"",
        "A container without readiness probe is ready when it runs, as in Kubernetes, or while it answers."),
    ]))

  private static let crashLoop = Shape.object(
    ObjectShape([
      Field("first", .duration(isPositive: true), standard: "\"10s\"", "After the second end in a row."),
      Field(
        "maxContainerRestartPeriod", .duration(isPositive: true), standard: "\"300s\"",
        "Longest wait; each is twice the one before."),
    ]))

  static let readiness = Shape.object(
    ObjectShape([
      Field(
        "flap",
        .object(
          ObjectShape([
            Field(
              "every", .named("durationQuantity"), required: true, "How long a pod is ready before it is not."
            ),
            Field("for", quantity, required: true, "How long it then is not."),
          ])), required: true, "The readiness probe fails again and again."),
    ]))
}
