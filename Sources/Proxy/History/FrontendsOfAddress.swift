// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which frontends an address ever had: modes that treat a Service's address as a whole ask whether anybody
// claims it on any port.

import NetworkTypes

struct FrontendsOfAddress: ~Copyable {
  private struct Link: BitwiseCopyable {
    var frontend: UInt32
    /// Older link of the same address, `.max`: none.
    var previous: UInt32
  }
  private var newest = FlatMap()
  private var links: ContiguousArray<Link> = []

  /// Never zero.
  private static func key(_ address: UInt32) -> UInt64 { 1 << 32 | UInt64(address) }

  /// - Parameter key: a frontend's; those of node ports have no address of their own.
  mutating func insert(_ key: UInt64, _ frontend: UInt32) {
    let address = UInt32(truncatingIfNeeded: key >> 32)
    if address == 0 { return }
    links.append(Link(frontend: frontend, previous: newest.find(Self.key(address))))
    newest.set(Self.key(address), UInt32(links.count - 1))
  }

  /// The first frontend of the address for which `matches` holds exists.
  func contains(_ address: IPv4Address, where matches: (UInt32) -> Bool) -> Bool {
    var link = newest.find(Self.key(address.bits))
    while link != .max {
      if matches(links[Int(link)].frontend) { return true }
      link = links[Int(link)].previous
    }
    return false
  }
}

extension ClusterHistory {
  /// Some Service has this address at this revision: as cluster IP, external IP or load-balancer address.
  func isClaimed(_ address: IPv4Address, at revision: UInt32) -> Bool {
    frontendsOfAddress.contains(address) { frontend in
      var index = frontendHeads[Int(frontend)].latest
      while index >= 0 {
        if claims[Int(index)].isActive(at: revision) { return true }
        index = claims[Int(index)].previous
      }
      return false
    }
  }
}
