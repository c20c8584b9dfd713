// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about DNS. Defaults are those of DNSSettings, where their sources stand.

extension ScenarioFormat {
  static let dns = Shape.object(
    ObjectShape([
      Field("ttl", .duration(), standard: "\"30s\"", "Time to live of cluster records."),
      Field("latency", quantity, standard: "\"500us\"", "Round trip of a query."),
      Field("loss", share, standard: "0", "Share of queries that get no answer; asked again after 5s."),
      Field("clusterDomain", .text(.dnsName), standard: "\"cluster.local\"", "Domain of Services."),
      Field("records", .list(record), standard: "none", "Names outside the cluster."),
    ]))

  private static let record = Shape.object(
    ObjectShape([
      Field("name", .text(.dnsName), required: true, "Name."),
      Field("addresses", .list(.text(.address), minimum: 1), required: true, "Its addresses."),
      Field("ttl", .duration(), standard: "\"60s\"", "Time to live."),
    ]))
}
