// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API server's allocators for cluster IPs and node ports: which numbers exist, which are kept back, what
// is said when one cannot be had. Sources: FACTS A1-A3, texts from golden/errors; those of the exhausted
// pools from k/k `pkg/registry/core/service/storage/alloc.go`.

import NetworkTypes

/// Why an allocator said no: the inner reason of the API server's answer.
struct AllocationFailure: Error {
  var text: String
}

/// Cluster IPs of one service CIDR. The base address and the broadcast address are never handed out.
struct ClusterIPAllocator: Sendable {
  let cidr: IPv4CIDR
  private var pool: BandedPool

  /// - Parameter keepsBand: the low end is for those who pick by hand.
  init(cidr: IPv4CIDR, keepsBand: Bool = true) {
    self.cidr = cidr
    let size = max(0, Int(cidr.size) - 2)
    pool = BandedPool(size: size, band: keepsBand ? BandedPool.addressBand(size: size) : 0)
  }

  mutating func take(_ address: IPv4Address) throws(AllocationFailure) {
    guard cidr.contains(address) else {
      throw AllocationFailure(text: "the provided network does not match the current range")
    }
    guard let number = number(of: address) else {
      throw AllocationFailure(
        text: "the provided IP (\(address)) is not in the valid range. The range of valid IPs is \(cidr)")
    }
    if !pool.take(number) { throw AllocationFailure(text: "provided IP is already allocated") }
  }

  mutating func takeAny(draw: UInt64) throws(AllocationFailure) -> IPv4Address {
    guard let number = pool.takeAny(draw: draw) else { throw AllocationFailure(text: "range is full") }
    return cidr.address(at: UInt64(number) + 1)
  }

  mutating func release(_ address: IPv4Address) {
    if cidr.contains(address), let number = number(of: address) { pool.release(number) }
  }

  private func number(of address: IPv4Address) -> Int? {
    let number = Int(address.bits) - Int(cidr.base.bits) - 1
    return (0..<pool.size).contains(number) ? number : nil
  }
}

/// Node ports, health check node ports included. A port is taken for all protocols at once.
struct NodePortAllocator: Sendable {
  let range: ClosedRange<Int>
  private var pool: BandedPool

  /// - Parameter keepsBand: the low end is for those who pick by hand.
  init(range: ClosedRange<Int>, keepsBand: Bool = true) {
    self.range = range
    pool = BandedPool(size: range.count, band: keepsBand ? BandedPool.portBand(size: range.count) : 0)
  }

  mutating func take(_ port: Int) throws(AllocationFailure) {
    guard range.contains(port) else {
      let valid = "\(range.lowerBound)-\(range.upperBound)"
      throw AllocationFailure(
        text: "provided port is not in the valid range. The range of valid ports is \(valid)")
    }
    if !pool.take(port - range.lowerBound) {
      throw AllocationFailure(text: "provided port is already allocated")
    }
  }

  mutating func takeAny(draw: UInt64) throws(AllocationFailure) -> Int {
    guard let number = pool.takeAny(draw: draw) else { throw AllocationFailure(text: "range is full") }
    return range.lowerBound + number
  }

  mutating func release(_ port: Int) {
    if range.contains(port) { pool.release(port - range.lowerBound) }
  }
}
