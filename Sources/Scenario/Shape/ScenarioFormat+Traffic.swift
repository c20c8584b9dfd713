// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about servers and clients. Keys and defaults are those of ServerSettings and
// ClientSettings.

extension ScenarioFormat {
  private static let count = Shape.integer(1...1_000_000_000)

  private static let podSelection = Shape.object(
    ObjectShape([
      Field("namespace", .text(.dnsName), standard: "\"default\"", "Namespace of the pods."),
      Field("labels", labels, standard: "all pods of the namespace", "Labels that the pods have."),
    ]))

  static let server = Shape.object(
    ObjectShape(
      [
        Field("name", .text(.nonEmpty), required: true, "Name in the results."),
        Field("port", port, standard: "every port that the containers declare", "Port on which they listen."),
        Field("protocol", transport, standard: "\"TCP\"", "Transport protocol."),
        Field(
          "serviceTime", quantity, standard: "exponential, mean 5ms",
          "Time that a worker spends on a request."),
        Field("concurrency", count, standard: "unlimited", "Workers of each process."),
        Field(
          "cpu", .number(.from(0, to: 1000)), standard: "1",
          "Cores that a worker takes while it serves a request; what autoscalers see."),
        Field(
          "queue", .integer(0...1_000_000_000), standard: "unlimited",
          "Requests that may wait for a worker; one more is never answered."),
        Field(
          "maxConnections", count, standard: "unlimited", "Connections that a process holds open at a time."),
        Field("backlog", count, standard: "4096", "Accept queue; a SYN beyond is dropped."),
        Field(
          "onTermination", .word(["exit", "drain", "ignore"]), standard: "\"exit\"",
          "At SIGTERM: close everything at once; finish open connections first; go on until SIGKILL."),
        Field("drain", .duration(), standard: "\"10s\"", "Longest time from SIGTERM to exit with `drain`."),
        Field(
          "preStop", .duration(), standard: "as in the pods' manifests",
          "preStop hook: SIGTERM comes so much later. Replaces the hook of the manifests."),
        Field(
          "startup", quantity, standard: "`cluster.timing.podReady`",
          "Process started until it listens; connections are refused until then."),
        Field("readiness", readiness, "What the pods' readiness does by itself."),
        Field(
          "idleTimeout", .duration(isPositive: true), standard: "never", "Idle connections are closed then."),
      ],
      variants: [
        .init(Field("pods", podSelection, required: true, "In the pods with these labels.")),
        .init(
          Field(
            "outside", .list(.text(.address), minimum: 1), required: true,
            "Outside the cluster, at these addresses.")),
      ]))

  static let client = Shape.object(
    ObjectShape(
      [
        Field("name", .text(.nonEmpty), required: true, "Name in the results."),
        Field("from", origin, required: true, "Where the clients are."),
        Field("to", destination, required: true, "What they connect to."),
        Field("protocol", transport, standard: "\"TCP\"", "Transport protocol."),
        Field(
          "connections", connections, standard: "\"perOperation\"",
          "A connection for each operation, or a pool of kept ones."),
        Field(
          "requests", .either([.integer(1...1_000_000), .named("countDistribution")]), standard: "1",
          "Requests of one operation, one after the other."),
        Field("requestGap", quantity, standard: "\"0s\"", "Response until the next request of an operation."),
        Field(
          "connectTimeout", .duration(isPositive: true), standard: "\"5s\"", "Longest wait for one."),
        Field(
          "requestTimeout", .duration(isPositive: true), standard: "\"10s\"", "Longest wait for a response."),
        Field("retries", retries, standard: "none", "What happens when an attempt failed."),
        Field(
          "dnsCache", dnsCache, standard: "the record's time to live",
          "How long an answer of DNS is kept; 0s asks each time. Or the cache of a runtime by name."),
        Field(
          "dnsName", .text(.queryName),
          standard: "the Service's name, with its namespace if it is another one",
          "The name that the client looks up; a dot at the end leaves the search list alone."),
        Field(
          "keepalive", .duration(isPositive: true), standard: "off", "Time between TCP keepalive probes."),
        Field(
          "synLinearTimeouts", .integer(0...127), standard: "4",
          "net.ipv4.tcp_syn_linear_timeouts; 0 for kernels before 6.5."),
        Field(
          "sysctls", clientSysctls, "Sysctls of the client's network namespace, by their Linux names."),
        Field("start", .duration(), standard: "\"0s\"", "Time of the first operation at the earliest."),
        Field("stop", .duration(), standard: "the scenario's duration", "No operation begins later."),
      ],
      variants: [
        .init(
          Field(
            "rate", .rate(isPositive: true), required: true,
            "Operations of each client, at exponentially distributed distances.")),
        .init(Field("arrivals", arrivals, required: true, "When operations begin.")),
      ]))

  private static let origin = Shape.object(
    ObjectShape(
      [],
      variants: [
        .init(
          Field("pods", podSelection, required: true, "One client in each running pod with these labels.")),
        .init(
          Field(
            "nodes", .either([.word(["all"]), .list(.text(.dnsName), minimum: 1)]), required: true,
            "One client on each of these nodes, outside of pods.")),
        .init(
          Field(
            "outside",
            .object(
              ObjectShape([
                Field("address", .text(.address), required: true, "Address of the first client."),
                Field(
                  "count", .integer(1...65536), standard: "1",
                  "Number of clients; their addresses are consecutive."),
              ])), required: true, "Clients outside the cluster.")),
      ]))

  private static let servicePort = Field(
    "port", .either([port, .text(.nonEmpty)]), standard: "the Service's first", "Port, by number or by name.")
  private static let numberedPort = Field("port", port, required: true, "Port.")

  private static func virtual(_ key: String, _ description: String, _ more: [Field] = [])
    -> ObjectShape.Variant
  {
    .init(Field(key, .text(.namespacedName), required: true, description), with: [servicePort] + more)
  }

  private static let destination = Shape.object(
    ObjectShape(
      [],
      variants: [
        virtual(
          "service", "A Service by its DNS name: its cluster IP, its pods if headless, or what it names."),
        virtual(
          "nodePort", "A Service's node port.",
          [
            Field(
              "node", .text(.dnsName), standard: "all in turn",
              "The node whose address is used, as known at the start.")
          ]),
        virtual("loadBalancer", "A Service's load balancer address."),
        virtual("externalIP", "A Service's external IPs in turn."),
        .init(
          Field("address", .text(.address), required: true, "An address as it is."), with: [numberedPort]),
        .init(Field("name", .text(.dnsName), required: true, "A DNS name."), with: [numberedPort]),
      ]))

  private static let arrivals = Shape.object(
    ObjectShape(
      [],
      variants: [
        .init(Field("every", quantity, required: true, "Time between two operations of a client.")),
        .init(
          Field(
            "rates",
            .list(
              .object(
                ObjectShape([
                  Field("at", .duration(), required: true, "Time."),
                  Field("rate", .rate(), required: true, "Rate at that time; straight lines between."),
                ])), minimum: 1), required: true, "Poisson arrivals whose rate changes.")),
        .init(
          Field(
            "trace",
            .object(
              ObjectShape([
                Field("file", .text(.path), required: true, "CSV file with a header, relative to this file."),
                Field("column", .text(.nonEmpty), required: true, "Name of the column with the times."),
                timeUnit,
              ])), required: true, "Operations at exactly the times in a file.")),
        .init(
          Field(
            "users", .integer(1...1_000_000), required: true,
            "Users of each client; each waits for its answer."),
          with: [
            Field("think", quantity, required: true, "Time between a user's answer and the next operation.")
          ]),
      ]))

  private static let connections = Shape.either([
    .word(["perOperation"]),
    .object(
      ObjectShape([
        Field("pool", .integer(1...100_000), required: true, "Connections that are kept."),
        Field("idleTimeout", .duration(isPositive: true), standard: "never", "An idle one is closed then."),
        Field("maxAge", .duration(isPositive: true), standard: "none", "One is not used for longer."),
      ])),
  ])

  private static let retries = Shape.object(
    ObjectShape([
      Field("limit", .integer(0...1000), required: true, "Further attempts after the first."),
      Field("backoff", quantity, standard: "\"100ms\"", "Wait before the first retry."),
      Field(
        "factor", .number(.from(1, to: 1000)), standard: "2", "Each wait is so many times the one before."),
      Field("max", .duration(), standard: "\"10s\"", "Longest wait."),
    ]))
}
