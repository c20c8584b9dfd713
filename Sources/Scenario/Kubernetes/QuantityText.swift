// SPDX-License-Identifier: GPL-3.0-or-later
//
// Kubernetes' resource quantities: `500m`, `1.5`, `128Mi`, `2G`, `1e3`
// (k/k staging/src/k8s.io/apimachinery/pkg/api/resource/quantity.go).

import Cluster

enum QuantityText {
  private static let suffixes: [(String, Double)] = [
    ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776),
    ("Pi", 1_125_899_906_842_624), ("m", 0.001), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15),
  ]

  /// In thousandths, rounded up as the API does; nil: not a quantity.
  static func milli(_ text: String) -> Int64? {
    var digits = text[...]
    var factor = 1.0
    if let (suffix, value) = suffixes.first(where: { text.hasSuffix($0.0) }) {
      digits = digits.dropLast(suffix.count)
      factor = value
    }
    let isNumber = digits.allSatisfy { $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }
    guard isNumber, let number = Double(digits), number.isFinite, number >= 0 else { return nil }
    let milli = (number * factor * 1000).rounded(.up)
    return milli < 9e18 ? Int64(milli) : nil
  }
}

extension ObjectFields {
  /// A quantity in thousandths; also a bare number.
  func milli(_ key: String, _ log: inout ReadingLog) -> Int64? {
    guard let value = value(key) else { return nil }
    if let text = value.scalar?.text, let milli = QuantityText.milli(text) { return milli }
    log.wrong(value, path.key(key), "expected a quantity such as 500m, 2 or 128Mi")
    return nil
  }
}
