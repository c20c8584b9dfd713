// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers as results files show them: at most nine significant digits, the shortest text, the same on
// every machine whatever its locale. Nine digits hide the last bits in which libm differs between CPUs.

/// Text of numbers in results.
public enum NumberText {
  /// Digits that are kept: DESIGN 2.3.
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

/// A positive number 0.d1d2d3… · 10^point, first digit not zero.
private struct Decimal {
  var digits: [UInt8] = []
  var point = 0

  /// The digits of Swift's shortest text that reads back as the same number: `123.45`, `1.5e-07`.
  init(_ magnitude: Double) {
    var seenPoint = false
    var exponent = 0
    var text = magnitude.description.utf8[...]
    while let byte = text.popFirst() {
      switch byte {
      case UInt8(ascii: "."): seenPoint = true
      case UInt8(ascii: "e"):
        exponent = Int(String(decoding: text, as: UTF8.self)) ?? 0
        text = text.suffix(0)
      default:
        let digit = byte - UInt8(ascii: "0")
        if digit == 0, digits.isEmpty {
          if seenPoint { point -= 1 }
          continue
        }
        digits.append(digit)
        if !seenPoint { point += 1 }
      }
    }
    point += exponent
    trim()
  }

  private mutating func trim() {
    while digits.count > 1, digits.last == 0 { digits.removeLast() }
  }

  mutating func round(to count: Int) {
    guard digits.count > count else { return }
    let up = digits[count] >= 5
    digits.removeSubrange(count...)
    if up {
      var i = count - 1
      while i >= 0, digits[i] == 9 {
        digits[i] = 0
        i -= 1
      }
      if i >= 0 {
        digits[i] += 1
      } else {
        digits.insert(1, at: 0)
        point += 1
      }
    }
    trim()
  }

  func append(to out: inout [UInt8]) {
    let zero = UInt8(ascii: "0")
    // 1e-4 is 0.1e-3 and 1e15 is 0.1e16.
    if point < -3 || point > 15 {
      out.append(zero + digits[0])
      appendFraction(digits.dropFirst(), to: &out)
      out.append(UInt8(ascii: "e"))
      if point < 1 { out.append(UInt8(ascii: "-")) }
      NumberText.append(UInt64((point - 1).magnitude), to: &out)
    } else if point <= 0 {
      out.append(contentsOf: [zero, UInt8(ascii: ".")])
      for _ in 0..<(-point) { out.append(zero) }
      for digit in digits { out.append(zero + digit) }
    } else {
      for i in 0..<point { out.append(zero + (i < digits.count ? digits[i] : 0)) }
      appendFraction(digits.dropFirst(point), to: &out)
    }
  }

  private func appendFraction(_ fraction: ArraySlice<UInt8>, to out: inout [UInt8]) {
    guard !fraction.isEmpty else { return }
    out.append(UInt8(ascii: "."))
    for digit in fraction { out.append(UInt8(ascii: "0") + digit) }
  }
}
