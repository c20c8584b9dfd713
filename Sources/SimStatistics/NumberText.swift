// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers as results files show them: at most nine significant digits, the shortest text, the same on
// every machine whatever its locale. Nine digits hide the last bits in which libm differs between CPUs.

/// Text of numbers in results.
public enum NumberText {
  /// Digits that are kept, as docs/results.md promises.
  static let significantDigits = 9

  /// At most nine significant digits, rounded half up from the shortest decimal text of the number;
  /// without exponent for magnitudes in 1e-4 ..< 1e15, else as `1.5e-7`. NaN is the empty text, infinite
  /// values are `inf` and `-inf`, and zero has no sign.
  public static func format(_ value: Double) -> String {
    var bytes: [UInt8] = []
    append(value, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// As `format`, onto the end of a buffer.
  static func append(_ value: Double, to out: inout [UInt8]) {
    if value.isNaN || value == 0 {
      if value == 0 { out.append(UInt8(ascii: "0")) }
      return
    }
    if value < 0 { out.append(UInt8(ascii: "-")) }
    let magnitude = value.magnitude
    if magnitude.isInfinite {
      out.append(contentsOf: "inf".utf8)
    } else if magnitude < 1e9, magnitude == magnitude.rounded(.towardZero) {
      append(UInt64(magnitude), to: &out)
    } else {
      var decimal = Decimal(magnitude)
      decimal.round(to: significantDigits)
      decimal.append(to: &out)
    }
  }

  /// Decimal digits of a whole number.
  static func append(_ value: UInt64, to out: inout [UInt8]) {
    let start = out.count
    var rest = value
    repeat {
      out.append(UInt8(ascii: "0") + UInt8(rest % 10))
      rest /= 10
    } while rest > 0
    out[start...].reverse()
  }
}

/// A positive number 0.d1d2d3… · 10^point, first and last digit not zero.
private struct Decimal {
  /// d1d2d3… as a whole number; 17 digits at most, which is what a Double needs.
  private var digits: UInt64 = 0
  private var count = 0
  private var point = 0

  /// The digits of Swift's shortest text that reads back as the same number: `123.45`, `1.5e-07`.
  init(_ magnitude: Double) {
    var text = magnitude.description
    text.withUTF8 { read($0) }
    trim()
  }

  private mutating func read(_ text: UnsafeBufferPointer<UInt8>) {
    var seenPoint = false
    var i = 0
    while i < text.count, text[i] != UInt8(ascii: "e") {
      let byte = text[i]
      i += 1
      if byte == UInt8(ascii: ".") {
        seenPoint = true
      } else if byte == UInt8(ascii: "0"), count == 0 {
        // Zeros in front only say where the point is.
        if seenPoint { point -= 1 }
      } else {
        digits = digits * 10 + UInt64(byte - UInt8(ascii: "0"))
        count += 1
        if !seenPoint { point += 1 }
      }
    }
    var exponent = 0
    for byte in text[min(i + 1, text.count)...] where byte != UInt8(ascii: "+") {
      if byte != UInt8(ascii: "-") { exponent = exponent * 10 + Int(byte - UInt8(ascii: "0")) }
    }
    point += text[min(i + 1, text.count)...].first == UInt8(ascii: "-") ? -exponent : exponent
  }

  private mutating func trim() {
    while digits % 10 == 0 {
      digits /= 10
      count -= 1
    }
  }

  /// Half up. 9.99 becomes 10.0, that is a single digit with the point one further.
  mutating func round(to kept: Int) {
    guard count > kept else { return }
    var unit: UInt64 = 1
    for _ in kept..<count { unit *= 10 }
    digits = (digits + unit / 2) / unit
    if digits == Self.power(kept) { point += 1 }
    count = digits == Self.power(kept) ? kept + 1 : kept
    trim()
  }

  private static func power(_ exponent: Int) -> UInt64 {
    (0..<exponent).reduce(1) { product, _ in product * 10 }
  }

  func append(to out: inout [UInt8]) {
    let zero = UInt8(ascii: "0")
    let start = out.count
    // 1e-4 is 0.1e-3 and 1e15 is 0.1e16.
    if point < -3 || point > 15 {
      NumberText.append(digits, to: &out)
      if count > 1 { out.insert(UInt8(ascii: "."), at: start + 1) }
      out.append(UInt8(ascii: "e"))
      if point < 1 { out.append(UInt8(ascii: "-")) }
      NumberText.append(UInt64((point - 1).magnitude), to: &out)
    } else if point <= 0 {
      out.append(contentsOf: [zero, UInt8(ascii: ".")])
      for _ in 0..<(-point) { out.append(zero) }
      NumberText.append(digits, to: &out)
    } else {
      NumberText.append(digits, to: &out)
      if count > point { out.insert(UInt8(ascii: "."), at: start + point) }
      if count < point { for _ in count..<point { out.append(zero) } }
    }
  }
}
