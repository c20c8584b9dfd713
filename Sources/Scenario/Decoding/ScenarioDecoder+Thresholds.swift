// SPDX-License-Identifier: GPL-3.0-or-later
//
// Thresholds, as a list or as an object with settings for all. Whether a metric exists is seen when they are
// held against the results' catalogue.

extension ScenarioDecoder {
  func decodeThresholds() {
    guard let c = root["thresholds"] else { return }
    var settings = ThresholdSettings()
    let isList = c.node.sequence != nil
    let items = (isList ? c : c["all"])?.items ?? []
    assign(c["confidence"]?.number, to: &settings.confidence)
    assign(c["maxReplications"]?.integer, to: &settings.maxReplications)
    if let least = c["minReplications"], let number = least.integer {
      settings.minReplications = number
      if number > settings.maxReplications {
        mistake(least, "expected at most maxReplications, \(settings.maxReplications)")
      }
    } else {
      settings.minReplications = min(settings.minReplications, settings.maxReplications)
    }
    for item in items {
      guard let one = threshold(item) else { continue }
      if settings.all.contains(where: { $0.name == one.name }) {
        mistake(item["name"] ?? item["threshold"] ?? item, "expected a name that no other threshold has")
      }
      settings.all.append(one)
    }
    scenario.thresholds = settings
  }

  private func threshold(_ c: Cursor) -> ThresholdSettings.Threshold? {
    let place = c["threshold"] ?? c
    guard let text = place.string else { return nil }
    guard let condition = MetricCondition(text) else {
      mistake(place, "expected \(ThresholdSettings.expected)")
      return nil
    }
    return ThresholdSettings.Threshold(
      name: c["name"]?.string, condition: condition, confidence: c["confidence"]?.number,
      position: place.node.position, path: place.path.text)
  }
}
