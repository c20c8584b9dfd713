// SPDX-License-Identifier: GPL-3.0-or-later

import Testing

@testable import SimStatistics

@Suite struct NumberTextTests {
  static let table: [(Double, String)] = [
    (0, "0"), (-0.0, "0"), (1, "1"), (-1, "-1"), (0.1, "0.1"), (0.1 + 0.2, "0.3"), (1234.5, "1234.5"),
    (-2.25, "-2.25"), (100, "100"), (1e9, "1000000000"), (123_456_789, "123456789"),
    (1_234_567_890, "1234567890"), (1_234_567_894, "1234567890"), (1_234_567_895, "1234567900"),
    (123_456_789_012_345, "123456789000000"), (1.0 / 3, "0.333333333"), (2.0 / 3, "0.666666667"),
    (200.0 / 3, "66.6666667"), (0.1234567885, "0.123456789"), (0.99999999949, "0.999999999"),
    (0.99999999951, "1"), (9.99999999999, "10"), (999_999_999.5, "1000000000"), (1e-4, "0.0001"),
    (0.00012345678912, "0.000123456789"), (0.000099999999999, "0.0001"), (1e-5, "1e-5"),
    (-1.25e-7, "-1.25e-7"), (9.99e14, "999000000000000"), (1e15, "1e15"), (1.5e15, "1.5e15"), (1e16, "1e16"),
    (-6.02214076e23, "-6.02214076e23"), (1e100, "1e100"), (.leastNonzeroMagnitude, "5e-324"),
    (1.7976931348623157e308, "1.79769313e308"), (.nan, ""), (.infinity, "inf"), (-.infinity, "-inf"),
    (1.000000001, "1"), (1.00000001, "1.00000001"), (100.000001, "100.000001"),
  ]

  @Test("numbers are written as the table says", arguments: table.indices)
  func format(_ index: Int) { #expect(NumberText.format(Self.table[index].0) == Self.table[index].1) }

  @Test("any number reads back to nine digits, and its text is stable and no longer than needed")
  func properties() throws {
    var random = SplitMix(state: 31)
    for i in 0..<20_000 {
      // Half of them any bit pattern, half of everyday size.
      let value =
        i % 2 == 0
        ? Double(bitPattern: random.next()) : (random.uniform() - 0.5) * Double(1 << random.below(50))
      guard value.isFinite, value.isNormal else { continue }
      let text = NumberText.format(value)
      let back = try #require(Double(text))
      #expect(abs(back - value) <= 5.0001e-9 * abs(value), "\(value) as \(text)")
      #expect(NumberText.format(back) == text)
      let digits = text.prefix { $0 != "e" }.filter(\.isNumber).drop { $0 == "0" }
      let significant = text.contains(".") ? digits.count : min(digits.count, 9)
      #expect(significant <= 9, "\(text)")
      #expect(text.contains("e") == (abs(back) < 1e-4 || abs(back) >= 1e15), "\(text)")
      if text.contains(".") { #expect(!text.prefix { $0 != "e" }.hasSuffix("0")) }
    }
  }
}
