// SPDX-License-Identifier: GPL-3.0-or-later
//
// The scenario format, declared once: the top level and what is named in several places. The parts are in
// ScenarioFormat+*.swift. ScenarioDecoder reads what is declared here; a test holds the two together.

/// Declaration of the scenario file format.
public enum ScenarioFormat {
  /// The whole file.
  public static let root = Shape.object(
    ObjectShape([
      Field(
        "$schema", .text(.any), "Where an editor finds the schema of this file: scenario.schema.json.",
        isCommentary: true),
      Field(
        "name", .text(.scenarioName), standard: "the file's name without extension",
        "Folder of the results under results/."),
      Field(
        "question", .text(.any), "The question that the scenario answers.", isCommentary: true),
      Field(
        "issues", .list(.text(.url)), "Addresses of the public issues behind the question.",
        isCommentary: true),
      Field(
        "notes", .list(.text(.any)),
        "Remarks for those who read or edit the scenario, such as where an imported one comes from.",
        isCommentary: true),
      Field(
        "kubernetes", .text(.version), standard: "that of a kind config's image, else \"1.36\"",
        "Version of Kubernetes whose behaviour is modelled where versions differ."),
      Field(
        "seed", .integer(0...9_007_199_254_740_991), standard: "1",
        "Seed of every random draw; the same seed gives the same results.", isCommentary: true),
      Field(
        "duration", .duration(isPositive: true), required: true,
        "Time during which clients begin operations; the run ends when every attempt is decided."
      ),
      Field(
        "warmUp", .duration(), standard: "\"0s\"", "What happens before this time is left out of the results."
      ),
      Field(
        "manifests", .list(.text(.path)),
        "Files with Kubernetes manifests, or folders of such files, relative to this file. Applied in this "
          + "order before the run begins."),
      Field(
        "objects", .list(.anyObject), "Kubernetes objects in their own form, applied after the manifests."),
      Field(
        "accept", .list(.text(.nonEmpty)),
        "Kinds in the manifests that would change the answer but are not modelled, such as "
          + "NetworkPolicy, and without which the run may go on."),
      Field("cluster", cluster, "Nodes, kube-proxy, delays of the control plane, load balancer and DNS."),
      Field("network", network, "Delays and losses of network paths."),
      Field("servers", .list(server), "How the processes behind pods and outside addresses behave."),
      Field("clients", .list(client), "Who connects to what, how often, and how patiently."),
      Field("events", .list(.named("event")), "What happens at given times."),
      Field("processes", .list(.named("process")), "What happens again and again at random times."),
      Field("report", report, "What the results contain."),
      Field(
        "answer", answer, "How `sim answers` answers the question: variants, figures, a sentence.",
        isCommentary: true),
      Field(
        "thresholds", thresholds,
        "What must hold for `sim run` to end with exit code 0, such as \"loss_ratio{service=web} < 0.1%\": a "
          + "list, or an object with `all` and settings.",
        isCommentary: true),
    ]))

  /// Shapes that are used in several places or inside themselves, by name, in the order of the schema.
  public static let definitions: [(name: String, shape: Shape, description: String)] = [
    (
      "durationDistribution", distribution(of: .duration),
      "A random span of time. A value below zero counts as zero."
    ),
    ("countDistribution", distribution(of: .count), "A random number."),
    ("durationQuantity", durationQuantity, "A span of time, fixed or random."),
    ("labels", .map(.text(.any)), "Labels with their values."),
    ("node", .object(nodeShape(isGroup: false)), "A node that joins."),
    ("proxy", proxy, "Configuration of kube-proxy."),
    ("nodeTarget", nodeTarget, "The nodes that an action is about."),
    ("podTarget", podTarget, "The pods that an action is about."),
    ("link", link, "The network paths between two places, both directions."),
    ("event", event, "An action at a given time."),
    ("process", process, "An action that is repeated at random times."),
  ]

  private static let definitionsByName: [String: Shape] = Dictionary(
    uniqueKeysWithValues: definitions.map { ($0.name, $0.shape) })

  static func definition(_ name: String) -> Shape {
    guard let shape = definitionsByName[name] else { preconditionFailure("no definition \(name)") }
    return shape
  }

  static func isDistribution(_ name: String) -> Bool { name.hasSuffix("Distribution") }

  private static let report = Shape.object(
    ObjectShape([
      Field(
        "bin", .duration(isPositive: true), standard: "\"1s\"",
        "Width of the time bins of timeline.csv, staleness.csv and loss_ledger.csv."),
      Field(
        "lostConnectionsMax", .integer(0...100_000_000), standard: "100000",
        "Rows of lost_connections.csv at most; counts elsewhere are never cut."),
      Field(
        "counterfactuals", .boolean, standard: "false",
        "Fill the column saved_by of lost_connections.csv from runs of the scenario with one thing changed "
          + "each: fresh tables, every other mode, a longer preStop, draining. Nine runs instead of one."),
    ]))

  // MARK: Shapes that occur often

  static let quantity = Shape.named("durationQuantity")
  static let labels = Shape.named("labels")
  static let share = Shape.number(.from(0, to: 1))
  static let port = Shape.integer(1...65535)
  static let transport = Shape.word(["TCP", "UDP", "SCTP"])
}
