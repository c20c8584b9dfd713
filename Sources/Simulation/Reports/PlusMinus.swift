// SPDX-License-Identifier: GPL-3.0-or-later
//
// An estimate with half of its interval, to two digits of the latter: `2,024 ± 31`, `10.5 ± 0.2 %`.

import Foundation
import SimStatistics

/// Estimates for people.
public enum PlusMinus {
  /// The estimate alone where it has no interval; `-` where there is none.
  public static func text(_ estimate: MetricEstimate, isPercent: Bool = false) -> String {
    text(
      estimate.mean, halfWidth: estimate.interval(confidence: PooledMetrics.confidence)?.halfWidth,
      isPercent: isPercent)
  }

  /// The mean of one value per replication.
  static func text(_ values: [Double]) -> String { text(MetricEstimate(values.map { .value($0) })) }

  public static func text(_ value: Double?, halfWidth: Double?, isPercent: Bool = false) -> String {
    guard let value else { return "-" }
    let (scale, suffix) = isPercent ? (100.0, " %") : (1, "")
    guard let reach = halfWidth.map({ $0 * scale }), reach > 0, reach.isFinite else {
      return ReadableNumber.short(value * scale) + suffix
    }
    let decimals = max(0, min(9, 1 - Int(log10(reach).rounded(.down))))
    return "\(number(value * scale, decimals)) ± \(number(reach, decimals))\(suffix)"
  }

  private static func number(_ value: Double, _ decimals: Int) -> String {
    decimals == 0 ? ReadableNumber.grouped(Int(value.rounded())) : String(format: "%.*f", decimals, value)
  }
}
