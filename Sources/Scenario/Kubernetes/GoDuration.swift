// SPDX-License-Identifier: GPL-3.0-or-later
//
// Durations as Go writes them, and so Kubernetes' configuration files: `1h30m0s`, `250ms`, `0s`.

import SimKernel

enum GoDuration {
  private static let units: [(name: String, nanoseconds: Double)] = [
    ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9),
  ]

  /// nil if the text is no duration. Not negative: nothing that is read here may be.
  static func parse(_ text: String) -> SimDuration? {
    if text == "0" { return .zero }
    var rest = text[...]
    var nanoseconds = 0.0
    while !rest.isEmpty {
      let number = rest.prefix { $0 == "." || ("0"..."9").contains($0) }
      rest = rest.dropFirst(number.count)
      let name = rest.prefix { $0 != "." && !("0"..."9").contains($0) }
      rest = rest.dropFirst(name.count)
      guard let value = Double(number), let unit = units.first(where: { $0.name == name }) else { return nil }
      nanoseconds += value * unit.nanoseconds
    }
    return text.isEmpty ? nil : SimDuration(seconds: nanoseconds / 1e9)
  }
}
