// SPDX-License-Identifier: GPL-3.0-or-later
//
// Values of an axis from one end to the other, evenly spaced or evenly on a logarithmic scale, in the unit of
// the ends: durations, rates or numbers.

import Foundation
import SimKernel

/// A range of settings.
struct AxisRange {
  private enum Kind { case duration, rate, number }

  private let kind: Kind
  /// Nanoseconds, per second, or the number itself.
  let from: Double
  let to: Double

  /// Nil if the two are not of one kind.
  init?(from: String, to: String) {
    if let a = Double(from), let b = Double(to) {
      (kind, self.from, self.to) = (.number, a, b)
    } else if let a = DurationText.nanoseconds(from), let b = DurationText.nanoseconds(to) {
      (kind, self.from, self.to) = (.duration, a, b)
    } else if let a = RateText.parse(from), let b = RateText.parse(to) {
      (kind, self.from, self.to) = (.rate, a, b)
    } else {
      return nil
    }
  }

  /// `count` values, both ends among them; equal neighbours after rounding are left out.
  func values(count: Int, isLogarithmic: Bool) -> [String] {
    guard count > 1 else { return [text(from, digits: 12)] }
    var values: [String] = []
    for index in 0..<count {
      let share = Double(index) / Double(count - 1)
      let value =
        index == count - 1 ? to : isLogarithmic ? from * pow(to / from, share) : from + (to - from) * share
      let isEnd = index == 0 || index == count - 1
      let text = text(value, digits: isLogarithmic && !isEnd ? 6 : 12)
      if values.last != text { values.append(text) }
    }
    return values
  }

  /// From the start in steps, as far as the end; nil if the step is of another kind or not positive.
  func values(step: String, most: Int) -> [String]? {
    guard let range = AxisRange(from: step, to: step), range.kind == kind, range.from > 0 else { return nil }
    var values: [String] = []
    var index = 0.0
    // A little beyond, so that the end is not lost to rounding.
    while from + index * range.from <= to + range.from * 1e-9, values.count <= most {
      values.append(text(min(to, from + index * range.from), digits: 12))
      index += 1
    }
    return values
  }

  /// A setting is for people to read: 6 significant digits are enough for what a power gives. Evenly spaced
  /// values keep 12, so that steps of 1 from 2,000,000 on stay apart.
  private func text(_ value: Double, digits: Int) -> String {
    switch kind {
    case .number: Self.number(value, digits)
    case .rate: Self.number(value, digits) + "/s"
    case .duration:
      Self.units.first { value >= $0.nanoseconds }.map {
        Self.number(value / $0.nanoseconds, digits) + $0.name
      }
        ?? Self.number(value, digits) + "ns"
    }
  }

  private static let units = DurationText.units.filter { ["s", "ms", "us"].contains($0.name) }.reversed()

  private static func number(_ value: Double, _ digits: Int) -> String {
    let rounded = Double(String(format: "%.\(digits)g", value)) ?? value
    guard rounded.magnitude < 1e15, rounded.magnitude >= 1e-4 || rounded == 0 else { return "\(rounded)" }
    if rounded == rounded.rounded() { return String(Int64(rounded)) }
    return "\(rounded)"
  }
}
