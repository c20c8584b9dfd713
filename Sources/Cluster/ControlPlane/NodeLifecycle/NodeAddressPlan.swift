// SPDX-License-Identifier: GPL-3.0-or-later
//
// Addresses of nodes that bring none: InternalIPs as Docker gives them to kind's containers, pod CIDRs as
// the node IPAM controller gives them (blocks of /24 in order: kube-controller-manager
// --node-cidr-mask-size-ipv4).

import NetworkTypes

struct NodeAddressPlan: Sendable {
  private let podCIDR: IPv4CIDR
  private var takenAddresses: Set<IPv4Address> = []
  private var takenBlocks: [IPv4CIDR] = []

  /// Docker's network for kind; .1 is its gateway.
  static let nodeNetwork = IPv4CIDR(base: IPv4Address(bits: 0xAC12_0000), prefixLength: 16)
  static let nodeMask: UInt8 = 24

  init(podCIDR: IPv4CIDR) { self.podCIDR = podCIDR }

  mutating func reserve(_ addresses: [IPv4Address], _ block: IPv4CIDR?) {
    takenAddresses.formUnion(addresses)
    if let block { takenBlocks.append(block) }
  }

  /// The lowest free address from .2 on.
  mutating func nextAddress() -> IPv4Address {
    var offset: UInt64 = 2
    while takenAddresses.contains(Self.nodeNetwork.address(at: offset)) { offset += 1 }
    let address = Self.nodeNetwork.address(at: offset)
    takenAddresses.insert(address)
    return address
  }

  /// The lowest free block; when the cluster's range is used up, the blocks after it.
  mutating func nextBlock() -> IPv4CIDR {
    let length = max(Self.nodeMask, podCIDR.prefixLength)
    var base = podCIDR.base
    while true {
      let block = IPv4CIDR(base: base, prefixLength: length)
      if !takenBlocks.contains(where: { $0.overlaps(block) }) {
        takenBlocks.append(block)
        return block
      }
      base = IPv4Address(bits: base.bits &+ UInt32(truncatingIfNeeded: block.size))
    }
  }
}
