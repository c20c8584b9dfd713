// SPDX-License-Identifier: GPL-3.0-or-later
//
// Durations and rates as scenarios write them: a number with its unit. A number without a unit is a mistake,
// because nobody can see whether it means seconds or milliseconds.

import SimKernel

/// `"250ms"`, `"90s"`, `"1h30m"`.
public enum DurationText {
  /// Nanoseconds per unit.
  static let units: [(name: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
  ]
  /// The longest duration that a scenario may name: a year.
  static let limit = SimDuration.hours(8760)
  static let pattern = "^([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+$"
  static let positivePattern = "^(?=.*[1-9])([0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))+$"
  static let expected = "a duration with a unit (ns, us, ms, s, m, h) such as \"250ms\""

  /// nil if the text is no duration; saturates far beyond `limit`.
  public static func parse(_ text: String) -> SimDuration? {
    nanoseconds(text).map { SimDuration(nanoseconds: $0 < 9e18 ? Int64($0.rounded()) : .max) }
  }

  /// As `parse`, with fractions of a nanosecond.
  static func nanoseconds(_ text: String) -> Double? {
    guard !text.isEmpty else { return nil }
    var rest = text[...]
    var total = 0.0
    while !rest.isEmpty {
      guard let number = takeNumber(&rest) else { return nil }
      let letters = rest.prefix { $0.isLetter }
      guard let unit = units.first(where: { $0.name == letters }) else { return nil }
      rest = rest.dropFirst(letters.count)
      total += number * unit.nanoseconds
    }
    return total
  }

  /// Takes `digits[.digits]` off the front.
  static func takeNumber(_ rest: inout Substring) -> Double? {
    func isDigit(_ c: Character) -> Bool { c.isASCII && c.isNumber }
    let whole = rest.prefix(while: isDigit)
    guard !whole.isEmpty else { return nil }
    var number = whole
    if rest.dropFirst(whole.count).first == "." {
      let fraction = rest.dropFirst(whole.count + 1).prefix(while: isDigit)
      guard !fraction.isEmpty else { return nil }
      number = rest[..<fraction.endIndex]
    }
    rest = rest[number.endIndex...]
    return Double(number)
  }
}

/// `"500/s"`, `"30/m"`, `"2/h"`.
public enum RateText {
  static let perSecond: [(name: String, perSecond: Double)] = [
    ("/s", 1), ("/m", 1.0 / 60), ("/h", 1.0 / 3600),
  ]
  /// The highest rate that a scenario may name, per second.
  static let limit = 1e9
  static let pattern = "^[0-9]+(\\.[0-9]+)?/(s|m|h)$"
  static let positivePattern = "^(?=.*[1-9])[0-9]+(\\.[0-9]+)?/(s|m|h)$"
  static let expected = "a rate with a unit (/s, /m, /h) such as \"50/s\""

  /// Per second; nil if the text is no rate.
  public static func parse(_ text: String) -> Double? {
    var rest = text[...]
    guard let number = DurationText.takeNumber(&rest), let unit = perSecond.first(where: { $0.name == rest })
    else { return nil }
    return number * unit.perSecond
  }
}
