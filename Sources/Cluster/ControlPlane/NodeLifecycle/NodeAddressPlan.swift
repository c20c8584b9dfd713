// SPDX-License-Identifier: GPL-3.0-or-later
//
// Addresses of nodes that bring none: InternalIPs as Docker gives them to kind's containers, pod CIDRs as
// the node IPAM controller gives them (blocks of /24 in order: kube-controller-manager
// --node-cidr-mask-size-ipv4).

import NetworkTypes

struct NodeAddressPlan: Sendable {
  private let podCIDR: IPv4CIDR
  private var takenAddresses: Set<IPv4Address> = []
  /// Blocks that nodes brought; those given out lie before `nextBase`.
  private var takenBlocks: [IPv4CIDR] = []
  /// Nothing is ever given back, so that the lowest free address and block only move up.
  private var nextOffset: UInt64 = 2
  private var nextBase: IPv4Address

  /// Docker's network for kind; .1 is its gateway.
  static let nodeNetwork = IPv4CIDR(base: IPv4Address(bits: 0xAC12_0000), prefixLength: 16)
  static let nodeMask: UInt8 = 24

  init(podCIDR: IPv4CIDR) {
    self.podCIDR = podCIDR
    nextBase = podCIDR.base
  }

  mutating func reserve(_ addresses: [IPv4Address], _ block: IPv4CIDR?) {
    takenAddresses.formUnion(addresses)
    if let block { takenBlocks.append(block) }
  }

  /// The lowest free address from .2 on.
  mutating func nextAddress() -> IPv4Address {
    while takenAddresses.contains(Self.nodeNetwork.address(at: nextOffset)) { nextOffset += 1 }
    let address = Self.nodeNetwork.address(at: nextOffset)
    takenAddresses.insert(address)
    nextOffset += 1
    return address
  }

  /// The lowest free block; when the cluster's range is used up, the blocks after it.
  mutating func nextBlock() -> IPv4CIDR {
    let length = max(Self.nodeMask, podCIDR.prefixLength)
    while true {
      let block = IPv4CIDR(base: nextBase, prefixLength: length)
      nextBase = IPv4Address(bits: nextBase.bits &+ UInt32(truncatingIfNeeded: block.size))
      if !takenBlocks.contains(where: { $0.overlaps(block) }) { return block }
    }
  }
}
