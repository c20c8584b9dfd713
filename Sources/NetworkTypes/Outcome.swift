// SPDX-License-Identifier: GPL-3.0-or-later
//
// The closed lists of docs/results.md: what can become of a connection, and why.

/// What became of an attempt. Exactly one per attempted connection.
public enum Outcome: String, CaseIterable, Sendable, Hashable {
  case completed
  // Lost:
  case refused
  case unreachable
  case connectTimeout = "connect_timeout"
  case reset
  /// Established, then silent until the client gave up.
  case broken
  case requestTimeout = "request_timeout"
  /// UDP: no answer in time.
  case noReply = "no_reply"
  case dnsFailed = "dns_failed"
  case localError = "local_error"
  // Apart from both:
  /// Answered by something that is not an endpoint of the addressed Service.
  case misdelivered
  /// The client's own pod or node went away.
  case clientGone = "client_gone"
  case unfinished

  public var isLost: Bool {
    switch self {
    case .completed, .misdelivered, .clientGone, .unfinished: false
    default: true
    }
  }
  /// Counts in the denominator of `loss_ratio`: attempted − unfinished − client_gone.
  public var countsAsAttempted: Bool { self != .clientGone && self != .unfinished }
}

/// Why a connection was lost or misdelivered: the first part, along the path of the packet that failed,
/// whose state, had it been fresh and sufficient, would have saved the connection. The order of the cases
/// is the order of the but-for test.
public enum Cause: String, CaseIterable, Sendable, Hashable {
  // client
  case clientPortsExhausted = "client_ports_exhausted"
  // DNS
  case nameNotFound = "name_not_found"
  case staleDNS = "stale_dns"
  case dnsLost = "dns_lost"
  case insertRace = "insert_race"
  // load balancer
  case lbNoTarget = "lb_no_target"
  case lbStaleTarget = "lb_stale_target"
  /// It moved an open connection to another node.
  case lbMoved = "lb_moved"
  /// It cut an open connection, because the target left or failed its checks.
  case lbDrained = "lb_drained"
  case idleTimeout = "idle_timeout"
  // network path
  case partition
  case networkLoss = "network_loss"
  case staleRoute = "stale_route"
  case nodeAddressChanged = "node_address_changed"
  case nodeDown = "node_down"
  // proxy table
  /// The API's own view lagged: readiness, controller.
  case staleAPI = "stale_api"
  /// The verdict differs from that of a table made from the API's present state.
  case staleTable = "stale_table"
  /// Kernel tables are committed one after the other.
  case tableSwap = "table_swap"
  case noEndpoints = "no_endpoints"
  case localPolicy = "local_policy"
  case sourceRange = "source_range"
  case nodePortAddress = "nodeport_address"
  case notProxied = "not_proxied"
  // conntrack
  case conntrackFull = "conntrack_full"
  case conntrackExpired = "conntrack_expired"
  case conntrackInvalid = "conntrack_invalid"
  case staleConntrack = "stale_conntrack"
  case snatPortsExhausted = "snat_ports_exhausted"
  case mapFull = "map_full"
  case icmpLimited = "icmp_limited"
  // destination
  case ipReused = "ip_reused"
  case portClosed = "port_closed"
  /// It ended with everybody informed.
  case podTerminated = "pod_terminated"
  case serverCrashed = "server_crashed"
  case backlogFull = "backlog_full"
  case serverTimeout = "server_timeout"
}
