// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about DNS. Defaults are those of DNSSettings and its parts, where their sources
// stand.

import Cluster
import Traffic

extension ScenarioFormat {
  static let dns = Shape.object(
    ObjectShape([
      Field(
        "servers",
        .either([
          .word(["ideal"]),
          .object(
            ObjectShape([
              Field("service", .text(.namespacedName), required: true, "The DNS Service, with port 53.")
            ])),
        ]), standard: "\"ideal\"",
        "Who answers: ideal DNS, which knows the API at once, or the CoreDNS pods of a Service, reached by "
          + "packets."),
      Field("ttl", .duration(), standard: "\"30s\"", "Time to live of cluster records."),
      Field("latency", quantity, standard: "\"500us\"", "Ideal DNS only: round trip of a query."),
      Field(
        "loss", share, standard: "0",
        "Ideal DNS only: share of queries that get no answer; asked again after 5s."),
      Field("clusterDomain", .text(.dnsName), standard: "\"cluster.local\"", "Domain of Services."),
      Field("records", .list(record), standard: "none", "Names outside the cluster."),
      Field("coreDNS", coreDNS, "The DNS Service's pods."),
      Field("upstream", upstream, "The resolver that names outside the cluster are forwarded to."),
      Field("resolver", resolver, "resolv.conf of pods and the library that reads it."),
      Field("insertRace", insertRace, "Two queries of one socket that pass conntrack at once."),
      Field("nodeLocal", nodeLocal, standard: "none", "NodeLocal DNSCache."),
    ]))

  private static let record = Shape.object(
    ObjectShape([
      Field("name", .text(.dnsName), required: true, "Name."),
      Field("addresses", .list(.text(.address), minimum: 1), required: true, "Its addresses."),
      Field("ttl", .duration(), standard: "\"60s\"", "Time to live."),
    ]))

  private static let coreDNS = Shape.object(
    ObjectShape([
      Field(
        "serviceTime", quantity, standard: "exponential, mean 100us",
        "Time that a query takes, where no entry of `servers` describes the pods."),
      Field(
        "watchDelay", quantity, standard: "uniform, 5ms to 100ms",
        "Change in the API until a pod answers by it."
      ),
      Field(
        "cacheTTL", .duration(), standard: "\"30s\"", "cache plugin: longest time that an answer is kept."),
      Field("cacheMinimum", .duration(), standard: "\"5s\"", "cache plugin: shortest time."),
      Field(
        "cachesClusterDomain", .boolean, standard: "false",
        "The cache plugin works for cluster records too, as without kubeadm's `disable`."),
    ]))

  private static let upstream = Shape.object(
    ObjectShape([
      Field("latency", quantity, standard: "\"5ms\"", "Round trip of a forwarded query."),
      Field(
        "caches", .boolean, standard: "false",
        "It keeps records and says what is left of their time; else it asks the zone's own server each time."),
      Field(
        "negativeTTL", .duration(), standard: "\"30s\"", "How long it is believed that a name does not exist."
      ),
    ]))

  private static let resolver = Shape.object(
    ObjectShape([
      Field(
        "library", .word(ResolverSettings.Library.allCases.map(\.rawValue)), standard: "\"glibc\"",
        "Whose getaddrinfo the clients have."),
      Field(
        "ndots", .integer(0...15), standard: "5", "Names with fewer dots go through the search list first."),
      Field("timeout", .duration(isPositive: true), standard: "\"5s\"", "Wait for an answer."),
      Field("attempts", .integer(1...5), standard: "2", "Attempts for a name."),
      Field("rotate", .boolean, standard: "false", "Nameservers in turn: without effect where there is one."),
      Field(
        "singleRequest", .boolean, standard: "false", "A and AAAA one after the other, from one socket."),
      Field(
        "singleRequestReopen", .boolean, standard: "false",
        "A and AAAA one after the other, from two sockets."
      ),
      Field("useVC", .boolean, standard: "false", "Queries over TCP."),
      Field("asksAAAA", .boolean, standard: "true", "AAAA is asked beside A."),
      Field(
        "nodeSearch", .list(.text(.dnsName)), standard: "none",
        "Search domains of the nodes, behind those of the pod's namespace."),
    ]))

  private static let insertRace = Shape.object(
    ObjectShape([
      Field(
        "probability", share, standard: "0",
        "Of the second of two queries sent together to be at confirmation before the first is confirmed."),
      Field(
        "kernel", .text(.kernelVersion), standard: "\"6.1\"",
        "Linux of the nodes: before 4.19 the second query is dropped, before 5.6 if it got another endpoint."),
    ]))

  private static let nodeLocal = Shape.object(
    ObjectShape([
      Field(
        "daemonSet", .text(.namespacedName), standard: "\"kube-system/node-local-dns\"",
        "The DaemonSet whose pods are the caches."),
      Field(
        "address", .text(.address), standard: "\"169.254.20.10\"", "Its link-local address."),
      Field(
        "clusterDNS", .word(NodeLocalDNSSettings.ClusterDNS.allCases.map(\.rawValue)),
        standard: "\"service\"",
        "What pods' resolv.conf names: the Service's address, taken over by the cache except where ipvs binds "
          + "it, or the cache's own."),
      Field("successTTL", .duration(), standard: "\"30s\"", "Longest time that a cluster record is kept."),
      Field("denialTTL", .duration(), standard: "\"5s\"", "Longest time that a denial is kept."),
    ]))

  /// Of a client: a duration, or the name of a policy.
  static let dnsCache = Shape.text(
    TextForm(
      "a duration such as \"30s\", or one of " + presetNames.joined(separator: ", "),
      "^(([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+|" + presetNames.joined(separator: "|") + ")$"))

  private static let presetNames = DNSCachePolicy.presets.map(\.name)
}
