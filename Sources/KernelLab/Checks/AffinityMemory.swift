// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which clients a node remembers for session affinity after each has connected once.

/// Clients by their number in the order of their connections.
public struct AffinityMemory: Sendable, Equatable {
  /// Addresses that xt_recent keeps per list, the least recently stamped going first: its ip_list_tot
  /// (iptables-extensions(8), FACTS D1).
  public static let recentLimit = 100

  /// In rising order.
  public private(set) var remembered: [Int] = []
  public private(set) var forgotten: [Int] = []

  /// - Parameters:
  ///   - ends: the endpoint that each client met, in the order of the connections; nil: none.
  ///   - limit: clients per endpoint; nil: no limit that matters.
  public init(_ ends: [LabEnd?], limit: Int?) {
    var later: [LabEnd: Int] = [:]
    for (client, end) in ends.enumerated().reversed() {
      guard let end else { continue }
      let newer = later[end, default: 0]
      later[end] = newer + 1
      if let limit, newer >= limit { forgotten.append(client) } else { remembered.append(client) }
    }
    remembered.reverse()
    forgotten.reverse()
  }
}
