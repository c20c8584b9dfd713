// SPDX-License-Identifier: GPL-3.0-or-later
//
// Numbers as people read them in the summary: grouped thousands, three significant digits. Files have them in
// full (NumberText).

import Foundation
import SimKernel

/// Numbers for people.
public enum ReadableNumber {
  /// `12,345`
  public static func grouped(_ value: Int) -> String {
    (value < 0 ? "-" : "") + grouped(digits: String(value.magnitude))
  }

  /// Three significant digits at least, no exponent: `0.00123`, `1.23`, `12.3`, `12,345`.
  public static func short(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    guard value != 0 else { return "0" }
    let exponent = Int(log10(abs(value)).rounded(.down))
    let decimals = min(9, max(0, 2 - exponent))
    let text = String(format: "%.*f", decimals, abs(value))
    let parts = text.split(separator: ".", maxSplits: 1)
    let whole = (value < 0 ? "-" : "") + grouped(digits: String(parts[0]))
    return parts.count > 1 ? whole + "." + parts[1] : whole
  }

  public static func short(_ value: Double?) -> String { value.map { short($0) } ?? "-" }

  /// With its sign and two decimals, as z-scores are read: `+0.42`, `-1.96`.
  static func signed(_ value: Double) -> String { String(format: "%+.2f", value) }

  /// `0.3`, `30`
  static func trimmed(_ value: Double) -> String { trimmed(short(value)) }

  /// `1.23 %`
  public static func percent(_ ratio: Double) -> String { percentDigits(ratio) + " %" }

  /// With one decimal, for columns that add up to 100: `84.0 %`, `<0.1 %`
  static func roughPercent(_ ratio: Double) -> String {
    ratio > 0 && ratio < 0.0005 ? "<0.1 %" : String(format: "%.1f %%", ratio * 100)
  }

  /// `31.2..35.9 %`
  public static func percent(_ range: ClosedRange<Double>?) -> String {
    guard let range else { return "-" }
    let (low, high) = (percentDigits(range.lowerBound), percentDigits(range.upperBound))
    return low == high ? low + " %" : low + ".." + high + " %"
  }

  /// `0`, `102us`, `2.5ms`, `1.25s`: three digits.
  public static func span(_ span: SimDuration) -> String {
    let us = Double(span.nanoseconds) / 1000
    if us.magnitude < 1 { return "0" }
    // 999.6 has three digits of the next unit.
    let (value, unit) =
      us.magnitude < 999.5 ? (us, "us") : us.magnitude < 999_500 ? (us / 1000, "ms") : (us / 1e6, "s")
    return trimmed(short(value)) + unit
  }

  /// `34.2 s`, `120 s`
  public static func seconds(_ time: SimTime) -> String { seconds(time - SimTime.zero) }
  public static func seconds(_ span: SimDuration) -> String { trimmed(short(span.seconds)) + " s" }

  /// Three significant digits, without zeros at the end: `100`, `31.4`, `0.123`. Close to 100 the digits are
  /// those of what is missing, `99.9741`, so that a small loss does not look like none.
  private static func percentDigits(_ ratio: Double) -> String {
    let missing = 1 - ratio
    let isNearlyAll = missing > 0 && missing < 0.1
    let exponent = isNearlyAll ? Int(log10(missing * 100).rounded(.down)) : 0
    let text =
      isNearlyAll ? String(format: "%.*f", min(9, max(1, 2 - exponent)), ratio * 100) : short(ratio * 100)
    return trimmed(text)
  }

  /// Without zeros at the end of a fraction.
  private static func trimmed(_ text: String) -> String {
    guard text.contains(".") else { return text }
    var digits = text
    while digits.hasSuffix("0") { digits.removeLast() }
    if digits.hasSuffix(".") { digits.removeLast() }
    return digits
  }

  private static func grouped(digits: String) -> String {
    var text = ""
    for (position, digit) in digits.enumerated() {
      if position > 0, (digits.count - position) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return text
  }
}
