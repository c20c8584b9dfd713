// SPDX-License-Identifier: GPL-3.0-or-later
//
// What packets cost in nodes' tables: the defaults, then the calibration file that the scenario names, then
// what it says itself.
//
//     {"calibration": "my-laptop", "kernel": "6.12.1", "modes": {"nftables": {"firstPacket": "2us", …}, …}}

import Traffic

extension ScenarioDecoder {
  func decodeCosts(_ network: Cursor, _ settings: inout NetworkSettings) {
    assign(
      network["iptablesBackend"]?.string.flatMap { IptablesBackend(rawValue: $0) },
      to: &settings.iptablesBackend)
    if let reference = network["calibration"] { readCalibration(reference, &settings) }
    if let costs = network["costs"] {
      if costs.string != nil { settings.costs = .none }
      for path in DataPath.allCases {
        guard let given = costs[path.rawValue] else { continue }
        for parameter in CostParameter.allCases {
          guard let value = nanoseconds(given[parameter.rawValue]) else { continue }
          settings.costs[path][parameter] = PacketCost(value, .given, "network.costs of the scenario")
        }
      }
    }
    if let value = nanoseconds(network["costPerRule"]) {
      for path in [DataPath.iptablesNft, .iptablesLegacy] {
        settings.costs[path].perRule = PacketCost(value, .given, "network.costPerRule of the scenario")
      }
    }
  }

  /// Fractions count: a rule takes some nanoseconds.
  private func nanoseconds(_ cursor: Cursor?) -> Double? {
    guard cursor?.duration != nil else { return nil }
    return cursor?.string.flatMap { DurationText.nanoseconds($0) }
  }

  private func readCalibration(_ reference: Cursor, _ settings: inout NetworkSettings) {
    guard let text = reference.string else { return }
    do {
      let documents = try files.documents(files.path(of: text))
      let root = Cursor(node: documents[0], path: .root)
      hash.mix(root.node)
      settings.calibration = root["calibration"]?.string ?? text
      guard let modes = root["modes"], let entries = modes.node.mapping else {
        return mistake(root, "no object \"modes\": expected a file that `sim calibrate` wrote")
      }
      for entry in entries {
        guard let path = DataPath(rawValue: entry.key) else {
          let known = DataPath.allCases.map(\.rawValue)
          report([
            Diagnostic(
              position: entry.keyPosition, path: modes.path.key(entry.key).text,
              message: "unknown mode \"\(entry.key)\"", suggestion: nearestName(to: entry.key, in: known))
          ])
          continue
        }
        readMode(Cursor(node: entry.value, path: modes.path.key(entry.key)), path, &settings)
      }
    } catch {
      report(error, namedAt: reference)
    }
  }

  /// Parameters that the file does not have keep their defaults.
  private func readMode(_ mode: Cursor, _ path: DataPath, _ settings: inout NetworkSettings) {
    if mode.node.mapping == nil { return mistake(mode, "expected an object") }
    let name = settings.calibration ?? ""
    for parameter in CostParameter.allCases {
      guard let cursor = mode[parameter.rawValue] else { continue }
      guard let value = nanoseconds(cursor) else {
        mistake(cursor, "expected \(DurationText.expected)")
        continue
      }
      settings.costs[path][parameter] = PacketCost(value, .calibrated, "calibration \(name)")
    }
  }
}
