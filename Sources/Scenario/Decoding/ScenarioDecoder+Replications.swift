// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many replications. Whether the metric exists is seen when it is used.

extension ScenarioDecoder {
  /// A number, or a precision to be reached.
  func replicationSettings(_ c: Cursor) -> ReplicationSettings? {
    if let number = c.integer { return ReplicationSettings(number) }
    guard let target = c["target"] else { return nil }
    var settings = ReplicationSettings(least: 10, most: 200)
    assign(c["min"]?.integer, to: &settings.least)
    assign(c["max"]?.integer, to: &settings.most)
    if settings.most < settings.least {
      if let most = c["max"] {
        mistake(most, "expected no fewer than the least number of replications, \(settings.least)")
      } else if let least = c["min"] {
        mistake(least, "expected no more than the greatest number of replications, \(settings.most)")
      }
    }
    settings.target = precisionTarget(target)
    return settings
  }

  private func precisionTarget(_ c: Cursor) -> PrecisionTarget? {
    guard let metric = c["metric"], let text = metric.string, let width = c["half_width"] else { return nil }
    guard let selector = MetricSelector(text) else {
      mistake(metric, "expected a metric such as \"loss_ratio{service=default/web}\"")
      return nil
    }
    var halfWidth: PrecisionTarget.HalfWidth?
    if let number = width.number, number > 0 {
      halfWidth = .absolute(number)
    } else if let share = width.string.flatMap({ Self.percent($0) }) {
      halfWidth = .relative(share)
    }
    guard let halfWidth else { return nil }
    return PrecisionTarget(
      metric: selector, halfWidth: halfWidth, confidence: c["confidence"]?.number ?? 0.95,
      position: metric.node.position)
  }

  /// `5%` as 0.05; nil if it is not written like that.
  static func percent(_ text: String) -> Double? {
    guard text.hasSuffix("%"), let number = Double(text.dropLast().filter { $0 != " " }), number.isFinite
    else { return nil }
    return number / 100
  }
}
