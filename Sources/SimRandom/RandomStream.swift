// SPDX-License-Identifier: GPL-3.0-or-later
//
// A stream of random numbers: a key and a position. Draw number n is a pure function of (key, n), so a
// stream costs 32 bytes, is copied freely and can be picked up anywhere. Which distribution the numbers
// become is Sampler's business.

/// Independent uniform numbers from Philox4x32-10. One block gives two 64-bit draws; position 2k and
/// 2k + 1 are the two halves of block k.
@frozen public struct RandomStream: Sendable, BitwiseCopyable {
  /// The stream that this is a place in.
  public let key: RandomKey
  @usableFromInline var counter: UInt64
  /// The draw at an odd `counter`, already worked out; without meaning at an even one.
  @usableFromInline var second: UInt64

  /// The stream of `key`, from draw number `counter` on.
  @inlinable
  public init(key: RandomKey, counter: UInt64 = 0) {
    self.key = key
    self.counter = counter
    self.second = 0
    if counter & 1 == 1 { second = block(at: counter).high }
  }

  /// The number of the next 64-bit draw.
  @inlinable public var position: UInt64 { counter }

  /// Goes to draw number `counter`.
  @inlinable
  public mutating func seek(to counter: UInt64) {
    self = RandomStream(key: key, counter: counter)
  }

  @inlinable
  func block(at counter: UInt64) -> (low: UInt64, high: UInt64) {
    Philox4x32.block(counterLow: counter &>> 1, counterHigh: key.high, key: key.low)
  }

  /// 64 random bits.
  @inlinable
  public mutating func next() -> UInt64 {
    let current = counter
    counter = current &+ 1
    if current & 1 == 1 { return second }
    let block = block(at: current)
    second = block.high
    return block.low
  }

  /// Uniform on [0, 1), a multiple of 2^-53. One draw.
  @inlinable
  public mutating func uniform() -> Double {
    Double(next() &>> 11) * 0x1p-53
  }

  /// Uniform on (0, 1), never 0 and never 1: the middles of 2^52 equal cells. One draw.
  @inlinable
  public mutating func uniformPositive() -> Double {
    (Double(next() &>> 12) + 0.5) * 0x1p-52
  }

  /// A whole number in 0 ..< n, each equally likely without bias (Lemire, "Fast random integer
  /// generation in an interval", TOMACS 2019). One draw, more with probability below n / 2^64.
  /// - Precondition: `n > 0`.
  @inlinable
  public mutating func below(_ n: UInt64) -> UInt64 {
    precondition(n > 0, "nothing to choose from")
    var product = next().multipliedFullWidth(by: n)
    if product.low < n {
      let threshold = (0 &- n) % n
      while product.low < threshold { product = next().multipliedFullWidth(by: n) }
    }
    return product.high
  }

  /// True with the given probability. One draw whatever the probability.
  @inlinable
  public mutating func bernoulli(_ probability: Double) -> Bool {
    uniform() < probability
  }
}
