// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about what happens: one key names the action, others say more.

extension ScenarioFormat {
  static let nodeTarget = Shape.either([
    .text(.dnsName),
    .object(
      ObjectShape(
        [Field("labels", labels, standard: "any", "Only nodes with these labels.")],
        variants: [
          .init(Field("random", .yes, required: true, "One node, drawn at random among those that are up.")),
          .init(Field("all", .yes, required: true, "All nodes.")),
        ])),
  ])

  static let podTarget = Shape.either([
    .text(.namespacedName),
    .object(
      ObjectShape(
        [
          Field("namespace", .text(.dnsName), standard: "\"default\"", "Namespace."),
          Field("labels", labels, standard: "any", "Only pods with these labels."),
        ],
        variants: [
          .init(
            Field(
              "random", .yes, required: true,
              "One pod, drawn at random among those that run and do not terminate.")),
          .init(Field("all", .yes, required: true, "All of them.")),
        ])),
  ])

  static let link = Shape.object(
    ObjectShape([
      Field(
        "from", .text(.nonEmpty), required: true,
        "A node's name, \"zone/\" with the name of one, \"any\" (node), \"outside\" or \"controlPlane\"."),
      Field("to", .text(.nonEmpty), required: true, "The other end, likewise."),
    ]))

  static let event = Shape.object(
    ObjectShape([Field("at", .duration(), required: true, "When.")], variants: actions))

  static let process = Shape.object(
    ObjectShape(
      [
        Field("name", .text(.nonEmpty), required: true, "Name in the results; also names the random stream."),
        Field("every", .named("durationQuantity"), required: true, "Time between two occurrences."),
        Field("from", .duration(), standard: "\"0s\"", "The first wait begins then."),
        Field("until", .duration(), standard: "the end", "Nothing happens later."),
        Field("limit", .integer(1...1_000_000_000), standard: "none", "Occurrences at most."),
      ], variants: actions))

  private static let target = Shape.named("nodeTarget")
  private static let pods = Shape.named("podTarget")
  private static func newAddress(required: Bool = false) -> Field {
    Field(
      "newAddress", .text(.address), required: required, standard: "the old one", "The node's new InternalIP."
    )
  }

  private static let taint = Field(
    "taint", .text(.nonEmpty), required: true,
    "As `key[=value]:effect`; the autoscaler's is `ToBeDeletedByClusterAutoscaler:NoSchedule`.")

  private static func action(
    _ key: String, _ shape: Shape, _ description: String, with extras: [Field] = []
  ) -> ObjectShape.Variant {
    .init(Field(key, shape, required: true, description), with: extras)
  }

  private static let actions: [ObjectShape.Variant] = 
    nodeActions + podActions + objectActions + pathActions + controlPlaneActions

  private static let nodeActions: [ObjectShape.Variant] = [
    action(
      "joinNode", .either([.text(.dnsName), .named("node")]),
      "A node joins: a new one, or the name of one with joinsAtStart false."),
    action(
      "drainNode", target, "Cordon, then evict the node's pods, but not a DaemonSet's.", with: drainFields),
    action("cordonNode", target, "No new pods."),
    action("uncordonNode", target, "New pods again."),
    action(
      "crashNode", target, "Power off at once.",
      with: [
        Field("returnAfter", quantity, standard: "never", "Power on again after this time."), newAddress(),
      ]),
    action(
      "rebootNode", target, "Orderly shutdown and return.",
      with: [
        Field("downFor", quantity, standard: "\"0s\"", "Time between shutdown and power on."), newAddress(),
      ]),
    action("returnNode", target, "A node that is down is switched on.", with: [newAddress()]),
    action(
      "changeNodeAddress", target, "The primary InternalIP changes while the node runs.",
      with: [newAddress(required: true)]),
    action(
      "taintNode", target, "The Node object gets a taint; pods that do not tolerate NoExecute go.",
      with: [taint]),
    action("untaintNode", target, "The taint is taken away.", with: [taint]),
    action("deleteNode", target, "The Node object is deleted from the API."),
  ]

  private static let podActions: [ObjectShape.Variant] = [
    action(
      "deletePod", pods, "Graceful deletion through the API.",
      with: [
        Field(
          "gracePeriod", .duration(), standard: "the pod's",
          "Whole seconds, as `kubectl delete --grace-period`; 0s means 1s, unless by force."),
        Field("force", .boolean, standard: "false", "With 0s: the object goes at once (`--force`)."),
      ]),
    action(
      "hangPod", pods, "The process takes connections and answers nothing.",
      with: [Field("for", quantity, standard: "until it is restarted", "For so long.")]),
    action("crashPod", pods, "The container's process dies and is restarted."),
    action(
      "unreadyPod", pods, "The readiness probe fails.",
      with: [Field("for", quantity, standard: "until an event `readyPod`", "For so long.")]),
    action("readyPod", pods, "The readiness probe succeeds again."),
  ]

  private static let objectActions: [ObjectShape.Variant] = [
    action(
      "scale", .text(.namespacedName), "A workload gets another number of pods.",
      with: [Field("replicas", .integer(0...replicaLimit), required: true, "That number.")]),
    action(
      "rollout", .text(.namespacedName), "Rolling replacement of all pods, as `kubectl rollout restart`."),
    action(
      "undoRollout", .text(.namespacedName),
      "A Deployment goes back to the template before the present one, as `kubectl rollout undo`."),
    action(
      "pauseRollout", .text(.namespacedName),
      "A Deployment's rollout stops where it is, as `kubectl rollout pause`."),
    action("resumeRollout", .text(.namespacedName), "A paused rollout goes on."),
    action(
      "apply", .either([.text(.path), .list(.anyObject, minimum: 1)]),
      "Kubernetes objects, or a file with them, are applied."),
    action(
      "delete",
      .object(
        ObjectShape([
          Field("kind", .word(deletableKinds), required: true, "Kind."),
          Field("name", .text(.namespacedName), required: true, "Name."),
        ])), "An object is deleted."),
    action("restartProxy", target, "kube-proxy is restarted.", with: restartProxyExtras),
    action(
      "failProxySync", target, "Syncs fail: kube-proxy writes nothing and tries again.",
      with: failProxySyncExtras),
    action(
      "configureProxy", target, "kube-proxy gets another configuration.",
      with: [
        Field(
          "proxy", .named("proxy"), required: true,
          "What differs from the configuration that the node started with."),
        Field("restart", .boolean, standard: "true", "Restart kube-proxy, so that it takes effect at once."),
      ]),
    action(
      "rolloutProxy", target, "kube-proxy gets another configuration, node after node.",
      with: [
        Field(
          "proxy", .named("proxy"), required: true,
          "What differs from the configuration that the node started with."),
        Field(
          "every", .duration(), required: true, "From one group of nodes to the next; \"0s\": all at once."),
        Field("maxUnavailable", .integer(1...nodeLimit), standard: "1", "Nodes of a group."),
        Field(
          "drainFirst", .duration(), standard: "not drained",
          "Each node is drained for so long before its kube-proxy restarts."),
        Field(
          "uncordonAfter", .duration(), standard: "\"10s\"",
          "A drained node takes pods again so long after its kube-proxy's restart."),
      ]),
  ]

  private static let pathActions: [ObjectShape.Variant] = [
    action(
      "degrade", .named("link"), "Network paths get slow or lossy.",
      with: [
        Field("delay", quantity, standard: "unchanged", "Added to the one-way delay."),
        Field("loss", share, standard: "unchanged", "Share of packets lost."),
        Field("for", quantity, standard: "to the end", "For so long."),
      ]),
    action(
      "partition", .named("link"), "Nothing passes.",
      with: [Field("for", quantity, standard: "to the end", "For so long.")]),
    action(
      "changeDNS",
      .object(
        ObjectShape([
          Field("name", .text(.dnsName), required: true, "A name of `cluster.dns.records`."),
          Field("addresses", .list(.text(.address), minimum: 1), required: true, "Its new addresses."),
        ])), "A DNS name gets other addresses."),
  ]

  /// Pods that a cluster may have (FACTS F5: 150,000).
  static let replicaLimit = 150_000
  private static let deletableKinds = [
    "Service", "EndpointSlice", "Endpoints", "Pod", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet",
  ]
}
