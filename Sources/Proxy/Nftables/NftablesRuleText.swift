// SPDX-License-Identifier: GPL-3.0-or-later
//
// One rule or element as nft 1.0.6 prints it. Compared with golden/cluster/nftables; what a kernel gives back
// for anonymous sets and blocks was tried out with nft 1.0.6 on Linux 6.x.

import NetworkTypes
import SimKernel

struct NftablesWriter {
  let family: NftablesFamily
  let names: NftablesNames

  private var ip: String { family == .ip ? "ip" : "ip6" }
  /// Bit 14, kube-proxy's default masquerade bit (FACTS C1), as nft prints marks.
  private static let bit = "0x00004000"

  func text(_ rule: NftablesRule) -> String {
    var words = rule.matches.map { text($0) }
    words += rule.statements.map { text($0) }
    if let comment = rule.comment { words.append("comment \"\(comment)\"") }
    return words.joined(separator: " ")
  }

  func text(_ match: NftablesMatch) -> String {
    switch match {
    case .isNew: "ct state new"
    case .destinationIn(let set): "\(ip) daddr @\(names.text(set))"
    case .destination(let blocks): "\(ip) daddr \(anonymousSet(blocks))"
    case .notDestination(let block): "\(ip) daddr != \(family == .ip ? plain(block) : "::1")"
    case .destinationIsLocal: "fib daddr type local"
    case .source(let block): "\(ip) saddr \(plain(block))"
    case .notSource(let block): "\(ip) saddr != \(plain(block))"
    case .sourceOutside(let blocks): "\(ip) saddr != \(anonymousSet(blocks))"
    case .sourceIn(let set): "\(ip) saddr @\(names.text(set))"
    case .sourceIsLocal: "fib saddr type local"
    case .transport(let transport): "meta l4proto \(transport.name)"
    case .isMarked: "meta mark & \(Self.bit) != 0x00000000"
    case .isNotMarked: "meta mark & \(Self.bit) == 0x00000000"
    case .isTranslated: "ct status dnat"
    case .isHairpin:
      "\(ip) saddr . \(ip) daddr . meta l4proto . th dport @\(names.text(.hairpinConnections))"
    }
  }

  func text(_ statement: NftablesStatement) -> String {
    switch statement {
    case .jump(let chain): return "jump \(names.text(chain))"
    case .goto(let chain): return "goto \(names.text(chain))"
    case .lookup(let map):
      let address = map.isAboutNodePorts ? "" : "\(ip) daddr . "
      return "\(address)meta l4proto . th dport vmap @\(names.text(map))"
    case .mark: return "meta mark set meta mark | \(Self.bit)"
    case .clearMark: return "meta mark set meta mark ^ \(Self.bit)"
    case .masquerade: return "masquerade fully-random"
    case .reject: return "reject"
    case .drop: return "drop"
    case .returnToCaller: return "return"
    case .translate(let endpoint): return "dnat to \(endpoint.address):\(endpoint.port)"
    case .translateToRandom(let endpoints):
      let list = endpoints.enumerated().map { "\($0) : \($1.address) . \($1.port)" }
      return "dnat ip to numgen random mod \(list.count) map { \(list.joined(separator: ", ")) }"
    case .gotoRandom(_, let chains):
      let list = chains.enumerated().map { "\($0) : goto \(names.text(.endpoint($1)))" }
      return "numgen random mod \(list.count) vmap { \(list.joined(separator: ", ")) }"
    case .remember(let chain): return "update @\(names.text(.affinity(chain))) { \(ip) saddr }"
    }
  }

  func text(_ map: NftablesMap, _ key: NftablesKey, _ element: NftablesElement) -> String {
    let address = map.isAboutNodePorts ? "" : "\(key.address) . "
    let isRefusal = map == .noEndpointServices || map == .noEndpointNodePorts
    let comment = isRefusal ? " comment \"\(names.label(element.port))\"" : ""
    return "\(address)\(key.transport.name) . \(key.port)\(comment) : \(text(element.verdict))"
  }

  func text(_ verdict: NftablesElement.Verdict) -> String {
    switch verdict {
    case .goto(let chain): "goto \(names.text(chain))"
    case .drop: "drop"
    }
  }

  /// Without the length where it is that of a single address.
  private func plain(_ block: IPv4CIDR) -> String {
    block.prefixLength == 32 ? "\(block.base)" : "\(block)"
  }

  /// One element is printed as itself; several are merged where they touch or overlap, as nft does with sets
  /// of blocks, and sorted.
  private func anonymousSet(_ blocks: [IPv4CIDR]) -> String {
    if blocks.count == 1 { return plain(blocks[0]) }
    var ranges: [ClosedRange<UInt64>] = []
    for block in blocks.sorted(by: { $0.base < $1.base }) {
      let first = UInt64(block.base.bits)
      let last = first + block.size - 1
      if let open = ranges.last, first <= open.upperBound + 1 {
        ranges[ranges.count - 1] = open.lowerBound...max(open.upperBound, last)
      } else {
        ranges.append(first...last)
      }
    }
    return "{ \(ranges.map { text($0) }.joined(separator: ", ")) }"
  }

  /// As a block where it is one.
  private func text(_ range: ClosedRange<UInt64>) -> String {
    let first = IPv4Address(bits: UInt32(range.lowerBound))
    let size = range.upperBound - range.lowerBound + 1
    if size.nonzeroBitCount == 1 && range.lowerBound % size == 0 {
      return plain(IPv4CIDR(base: first, prefixLength: UInt8(32 - size.trailingZeroBitCount)))
    }
    return "\(first)-\(IPv4Address(bits: UInt32(range.upperBound)))"
  }
}
