// SPDX-License-Identifier: GPL-3.0-or-later
//
// Interned backends and interned lists of backends.

import Cluster
import NetworkTypes
import SimKernel

/// What the packet path needs of a backend, without strings.
struct BackendTarget: BitwiseCopyable {
  var address: IPv4Address
  var port: UInt16
  /// The endpoint chain of this (Service port, address, port): it carries the affinity list, whichever pod is
  /// behind the address.
  var chain: UInt32
}

struct BackendTable {
  private struct ChainKey: Hashable {
    var portName: PortNameID
    var address: IPv4Address
    var port: UInt16
  }
  private struct Key: Hashable {
    var chain: UInt32
    var pod: PodID
    var node: NameIndex
  }
  private var keys = Interner<Key>()
  private var chains = Interner<ChainKey>()
  private(set) var targets: ContiguousArray<BackendTarget> = []
  /// Text order of "ip:port", by which kube-proxy sorts endpoints, as three big-endian words.
  private(set) var textOrder: ContiguousArray<SIMD3<UInt64>> = []
  private(set) var pods: ContiguousArray<PodID> = []
  private(set) var nodes: ContiguousArray<NameIndex> = []
  private(set) var portNames: ContiguousArray<PortNameID> = []

  mutating func intern(
    portName: PortNameID, address: IPv4Address, port: UInt16, pod: PodID, node: NameIndex
  ) -> BackendID {
    let chain = chains(ChainKey(portName: portName, address: address, port: port))
    let id = keys(Key(chain: chain, pod: pod, node: node))
    if id == targets.count {
      targets.append(BackendTarget(address: address, port: port, chain: chain))
      textOrder.append(Self.textKey(address, port))
      pods.append(pod)
      nodes.append(node)
      portNames.append(portName)
    }
    return BackendID(id)
  }

  func portName(ofChain chain: UInt32) -> PortNameID { chains.values[Int(chain)].portName }

  /// What an endpoint chain is named for.
  func endpoint(ofChain chain: UInt32) -> (portName: PortNameID, address: IPv4Address, port: UInt16) {
    let key = chains.values[Int(chain)]
    return (key.portName, key.address, key.port)
  }

  @inline(__always) func target(_ id: BackendID) -> BackendTarget { targets[id.index] }

  /// kube-proxy orders endpoints by the text of `ip:port` (pkg/proxy/endpointslicecache.go).
  func isOrderedBefore(_ a: BackendID, _ b: BackendID) -> Bool {
    let (x, y) = (textOrder[a.index], textOrder[b.index])
    if x.x != y.x { return x.x < y.x }
    if x.y != y.y { return x.y < y.y }
    return x.z < y.z
  }

  private static func textKey(_ address: IPv4Address, _ port: UInt16) -> SIMD3<UInt64> {
    var words = SIMD3<UInt64>(repeating: 0)
    for (i, byte) in "\(address):\(port)".utf8.enumerated() {
      words[i / 8] |= UInt64(byte) << UInt64(56 - 8 * (i % 8))
    }
    return words
  }
}

/// Interned candidate lists; equal lists get equal numbers.
struct CandidateSets: ~Copyable {
  private struct Span: BitwiseCopyable {
    var start: UInt32
    var count: UInt32
  }
  private var members: ContiguousArray<BackendID> = []
  private var spans: ContiguousArray<Span> = []
  /// Hash of a list → set; lists with equal hashes take the next key.
  private var index = FlatMap()
  /// The one-element set of a backend, by backend; none = not made yet.
  private var singletons: ContiguousArray<CandidateSetID> = []
  /// (set, endpoint chain) → position, for sets that affinity asked about.
  private var positions = FlatMap()
  private var isIndexed: ContiguousArray<Bool> = []

  mutating func intern(_ list: [BackendID]) -> CandidateSetID {
    if list.isEmpty { return .none }
    var key = Self.hash(list)
    while true {
      let known = index.find(key)
      if known == .max { break }
      let id = CandidateSetID(known)
      if self.list(id).elementsEqual(list) { return id }
      key = key == .max ? 1 : key + 1
    }
    let id = CandidateSetID(spans.count)
    spans.append(Span(start: UInt32(members.count), count: UInt32(list.count)))
    members.append(contentsOf: list)
    index.set(key, id.rawValue)
    return id
  }

  /// FNV-1a over the numbers; never zero.
  private static func hash(_ list: [BackendID]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for backend in list { hash = (hash ^ UInt64(backend.rawValue)) &* 0x100_0000_01B3 }
    return max(1, hash)
  }

  mutating func singleton(_ backend: BackendID) -> CandidateSetID {
    while singletons.count <= backend.index { singletons.append(.none) }
    if singletons[backend.index].isNone { singletons[backend.index] = intern([backend]) }
    return singletons[backend.index]
  }

  @inline(__always) func count(_ id: CandidateSetID) -> UInt32 { spans[id.index].count }

  @inline(__always) func member(_ id: CandidateSetID, _ position: UInt32) -> BackendID {
    members[Int(spans[id.index].start + position)]
  }

  /// Position of the first member of `set` whose endpoint chain is among `chains`, or UInt32.max. The first
  /// call for a set indexes it; later ones take one probe per chain.
  mutating func firstPosition(of chains: [UInt32], in set: CandidateSetID, _ backends: borrowing BackendTable)
    -> UInt32
  {
    while isIndexed.count <= set.index { isIndexed.append(false) }
    if !isIndexed[set.index] {
      isIndexed[set.index] = true
      for position in 0..<count(set) {
        positions.set(Self.key(set, backends.target(member(set, position)).chain), position)
      }
    }
    var first = UInt32.max
    for chain in chains { first = min(first, positions.find(Self.key(set, chain))) }
    return first
  }

  private static func key(_ set: CandidateSetID, _ chain: UInt32) -> UInt64 {
    UInt64(set.rawValue + 1) << 32 | UInt64(chain)
  }

  /// Empty for `none`.
  func list(_ id: CandidateSetID) -> ArraySlice<BackendID> {
    guard !id.isNone else { return [] }
    let span = spans[id.index]
    return ArraySlice(members[Int(span.start)..<Int(span.start + span.count)])
  }
}
