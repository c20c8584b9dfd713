// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a sweep varies. Whether paths and values are right is seen when the sweep is planned, with every
// combination that it has.

extension ScenarioDecoder {
  func decodeSweep() {
    guard let c = root["sweep"] else { return }
    var sweep = SweepSettings(position: c.node.position)
    sweep.axes = (c["axes"]?.items ?? []).compactMap { axis($0) }
    refuseRepeatedPaths(sweep)
    for text in c["where"]?.items ?? [] {
      guard let words = text.string else { continue }
      guard let constraint = SweepConstraint(words, position: text.node.position) else {
        mistake(text, "expected a comparison such as \"servers[0].preStop <= 10s\"")
        continue
      }
      if !sweep.paths.contains(constraint.left), !sweep.paths.contains(constraint.right) {
        let nearest = nearestName(to: constraint.left, in: sweep.paths)
        mistake(text, "neither side is the path of an axis", suggestion: nearest)
      }
      sweep.constraints.append(constraint)
    }
    assign(c["repeats"].flatMap { replicationSettings($0) }, to: &sweep.replications)
    for metric in c["metrics"]?.items ?? [] {
      guard let text = metric.string else { continue }
      guard let selector = MetricSelector(text) else {
        mistake(metric, "expected a metric such as \"loss_ratio{service=default/web}\"")
        continue
      }
      sweep.metrics.append((selector, metric.node.position))
    }
    scenario.sweep = sweep
  }

  private func refuseRepeatedPaths(_ sweep: SweepSettings) {
    var seen: Set<String> = []
    for setting in sweep.axes.flatMap(\.settings) where !seen.insert(setting.path).inserted {
      report([
        Diagnostic(
          position: setting.position, message: "expected a path that no other axis has",
          value: "\"\(setting.path)\"")
      ])
    }
  }

  private func axis(_ c: Cursor) -> SweepSettings.Axis? {
    if let zip = c["zip"] {
      let settings = zip.items.compactMap { setting($0, $0["values"].map { listed($0) }) }
      guard let first = settings.first else { return nil }
      for (setting, item) in zip.items.enumerated().map({ (settings[safe: $0.offset], $0.element) }) {
        guard let setting, setting.values.count != first.values.count else { continue }
        mistake(
          item,
          "expected \(first.values.count) values, as many as \(first.path) has; this has "
            + "\(setting.values.count)")
      }
      return SweepSettings.Axis(settings)
    }
    let values =
      c["values"].map { listed($0) } ?? c["range"].flatMap { range($0) }
      ?? c["logRange"].flatMap { logRange($0) }
    return setting(c, values).map { SweepSettings.Axis([$0]) }
  }

  private func setting(_ c: Cursor, _ values: [String]?) -> SweepSettings.Axis.Setting? {
    guard let path = c["path"], let text = path.string, let values else { return nil }
    return SweepSettings.Axis.Setting(path: text, values: values, position: path.node.position)
  }

  private func listed(_ c: Cursor) -> [String] { c.items.map { $0.node.inlineText } }

  private static func end(_ c: Cursor?) -> String? {
    guard let c else { return nil }
    return c.string ?? (c.number == nil ? nil : c.node.inlineText)
  }

  private func ends(_ c: Cursor) -> AxisRange? {
    guard let from = Self.end(c["from"]), let to = Self.end(c["to"]) else { return nil }
    guard let range = AxisRange(from: from, to: to) else {
      mistake(c["to"]!, "expected two durations, two rates or two numbers from \(from) on")
      return nil
    }
    guard range.from < range.to else {
      mistake(c["to"]!, "expected more than \(from)")
      return nil
    }
    return range
  }

  private func range(_ c: Cursor) -> [String]? {
    guard let range = ends(c) else { return nil }
    switch (c["count"], Self.end(c["step"])) {
    case (let count?, nil): return count.integer.map { range.values(count: $0, isLogarithmic: false) }
    case (nil, let step?):
      let most = 100_000
      guard let values = range.values(step: step, most: most) else {
        mistake(c["step"]!, "expected a step above zero of the same kind as the ends")
        return nil
      }
      if values.count > most { mistake(c["step"]!, "expected a step that gives at most \(most) values") }
      return values
    default:
      mistake(c, "expected either `count` or `step` in a range")
      return nil
    }
  }

  private func logRange(_ c: Cursor) -> [String]? {
    guard let range = ends(c), let count = c["count"]?.integer else { return nil }
    guard range.from > 0 else {
      mistake(c["from"]!, "expected a first value above zero on a logarithmic scale")
      return nil
    }
    return range.values(count: count, isLogarithmic: true)
  }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
