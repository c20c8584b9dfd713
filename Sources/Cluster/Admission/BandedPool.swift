// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers to be handed out, of which the low end (the band) is kept for people who pick by hand: automatic
// picks come from above the band and enter it only when nothing else is left (KEP-3070, KEP-3668; FACTS
// A1, A2). What the numbers stand for, addresses or ports, is the caller's business.

struct BandedPool: Sendable {
  /// Numbers are 0 ..< size.
  let size: Int
  /// Width of the band at the low end.
  let band: Int
  private var taken: Set<Int> = []

  init(size: Int, band: Int) {
    precondition(size >= 0 && band >= 0 && band <= size, "band \(band) of a pool of \(size)")
    self.size = size
    self.band = band
  }

  /// Width of the band for cluster IPs: size/16, at least 16, at most 256; none in a pool of up to 16
  /// (FACTS A1).
  static func addressBand(size: Int) -> Int { size <= 16 ? 0 : Swift.min(Swift.max(16, size / 16), 256) }
  /// Width of the band for node ports: size/32, at least 16, at most 128; none in a pool of up to 16
  /// (FACTS A2).
  static func portBand(size: Int) -> Int { size <= 16 ? 0 : Swift.min(Swift.max(16, size / 32), 128) }

  var isFull: Bool { taken.count == size }
  func contains(_ number: Int) -> Bool { taken.contains(number) }

  /// False if the number is taken already.
  mutating func take(_ number: Int) -> Bool {
    precondition((0..<size).contains(number), "\(number) is outside a pool of \(size)")
    return taken.insert(number).inserted
  }

  /// The first free number at or after a drawn place, above the band if possible; nil when the pool is full.
  /// Linear in the length of the run of taken numbers met.
  mutating func takeAny(draw: UInt64) -> Int? {
    if isFull { return nil }
    for range in [band..<size, 0..<band] where !range.isEmpty {
      let offset = Int(draw % UInt64(range.count))
      for step in 0..<range.count {
        let number = range.lowerBound + (offset + step) % range.count
        if taken.insert(number).inserted { return number }
      }
    }
    return nil
  }

  mutating func release(_ number: Int) { taken.remove(number) }
}
