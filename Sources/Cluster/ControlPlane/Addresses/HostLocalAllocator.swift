// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which address the next pod of a node gets. The rule is that of the host-local plugin, which kind, flannel
// and bridge networks use: the first free address after the last one given, so that an address is used again
// only after the whole block has been gone round.
// (containernetworking/plugins plugins/ipam/host-local/backend/allocator.)

import NetworkTypes

/// The pod addresses of one node.
struct HostLocalAllocator: Sendable {
  let block: IPv4CIDR
  private var lastOffset: UInt64
  private var taken: Set<IPv4Address> = []

  init(block: IPv4CIDR) {
    self.block = block
    // The gateway has .1, so the first pod gets .2.
    lastOffset = 1
  }

  /// Offsets that pods may have: not the network address, the gateway (.1) or the broadcast address.
  private var usable: ClosedRange<UInt64>? { block.size > 3 ? 2...(block.size - 2) : nil }

  var takenCount: Int { taken.count }

  /// The next free address after the last one given; nil when none is free.
  mutating func allocate() -> IPv4Address? {
    guard let usable, UInt64(taken.count) < usable.upperBound - usable.lowerBound + 1 else { return nil }
    var offset = lastOffset
    for _ in usable {
      offset = offset + 1 > usable.upperBound ? usable.lowerBound : offset + 1
      let address = block.address(at: offset)
      if taken.insert(address).inserted {
        lastOffset = offset
        return address
      }
    }
    return nil
  }

  /// Marks an address as taken, as a pod of a dump has it. An address outside the usable range is not in the
  /// pool and takes nothing from it.
  /// - Returns: false if another pod has it.
  mutating func reserve(_ address: IPv4Address) -> Bool {
    guard let usable, block.contains(address), usable.contains(UInt64(address.bits - block.base.bits)) else {
      return true
    }
    return taken.insert(address).inserted
  }

  mutating func release(_ address: IPv4Address) { taken.remove(address) }
}
