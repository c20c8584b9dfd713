// SPDX-License-Identifier: GPL-3.0-or-later
//
// Maglev lookup tables as the paper (Eisenbud et al., NSDI 2016, section 3.4) and Cilium build them
// (cilium pkg/maglev/maglev.go): each backend has a permutation of the table's places, made of its offset and
// skip, and takes its first free place when its turn comes. Decides which backend holds which place.

import NetworkTypes

/// The three numbers in maglev.hashSeed, as pkg/maglev reads its twelve bytes.
public struct MaglevSeeds: Sendable, Equatable {
  /// Of the hash that places backends.
  public var murmur: UInt32
  /// Of the hash that places IPv4 flows (HASH_INIT4_SEED).
  public var flow: UInt32

  /// nil unless the text is twelve bytes in base64.
  public init?(_ text: String) {
    guard let bytes = Self.decoded(text), bytes.count == 12 else { return nil }
    func word(_ from: Int) -> UInt32 {
      bytes[from..<from + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
    murmur = word(0)
    flow = word(4)
  }

  private static func decoded(_ text: String) -> [UInt8]? {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    guard text.utf8.count == 16 else { return nil }
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    for (i, character) in text.utf8.enumerated() {
      guard let value = alphabet.firstIndex(of: character) else { return nil }
      bits = bits << 6 | UInt32(value)
      if i % 4 == 3 {
        bytes += [UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8)]
        bytes.append(UInt8(truncatingIfNeeded: bits))
        bits = 0
      }
    }
    return bytes
  }
}

/// A backend as the table's builder sees it.
public struct MaglevBackend: Sendable {
  public var name: String
  public var weight: UInt64
  /// Cilium gives each backend weight 100 unless an annotation says otherwise (DefaultBackendWeight); equal
  /// weights above one take turns like weights of one.
  public init(name: String, weight: UInt64 = 100) {
    self.name = name
    self.weight = weight
  }

  /// The text that Cilium hashes: it must not change between versions, so it says `active` always.
  public static func name(_ address: IPv4Address, _ port: UInt16, _ transport: TransportProtocol) -> String {
    "[\(address):\(port)/\(transport.apiName),State:active]"
  }
}

/// Which backend each place of a table leads to.
public struct MaglevTable: Sendable {
  /// By place: position in the list of backends that the table was made from.
  public private(set) var places: ContiguousArray<UInt32>

  /// - Parameter size: a prime.
  public init(_ backends: [MaglevBackend], size: Int, seed: UInt32) {
    precondition(size > 2, "Maglev table of \(size)")
    places = ContiguousArray(repeating: .max, count: backends.isEmpty ? 0 : size)
    guard !backends.isEmpty else { return }
    // The order of the names, not of node-local IDs, makes all nodes' tables equal.
    let order = backends.indices.sorted { (backends[$0].name, $0) < (backends[$1].name, $1) }
    var walks = order.map { Permutation(backends[$0].name, size: size, seed: seed) }
    var turns = Turns(order.map { backends[$0].weight })
    for turn in 0..<size {
      let next = turns.backend(of: turn)
      var place = walks[next].next()
      while places[place] != .max { place = walks[next].next() }
      places[place] = UInt32(order[next])
    }
  }

  /// Position of the backend of a flow with this hash.
  public func backend(of hash: UInt32) -> UInt32 { places[Int(hash % UInt32(places.count))] }
}

/// One backend's walk through the places.
private struct Permutation {
  private var place: Int
  private let skip: Int
  private let size: Int

  init(_ name: String, size: Int, seed: UInt32) {
    let (h1, h2) = murmur128(Array(name.utf8), seed: seed)
    place = Int(h1 % UInt64(size))
    skip = Int(h2 % UInt64(size - 1)) + 1
    self.size = size
  }

  mutating func next() -> Int {
    defer { place = (place + skip) % size }
    return place
  }
}

/// Whose turn it is: everybody's in rotation, or as often as the weights say (computeLookupTable; the idea is
/// Envoy's).
private struct Turns {
  private let weights: [UInt64]
  private let sum: UInt64
  private var counters: [Double]
  private let areWeighted: Bool

  init(_ weights: [UInt64]) {
    self.weights = weights
    sum = weights.reduce(0, +)
    counters = weights.map { Double($0) / Double(weights.count) }
    areWeighted = sum / UInt64(weights.count) > 1
  }

  mutating func backend(of turn: Int) -> Int {
    var i = turn % weights.count
    guard areWeighted else { return i }
    while UInt64(turn + 1) * weights[i] < UInt64(counters[i]) { i = (i + 1) % weights.count }
    counters[i] += Double(sum)
    return i
  }
}
