// SPDX-License-Identifier: GPL-3.0-or-later

import ArgumentParser
import Scenario

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print the JSON Schema of scenario files (draft 2020-12).")

  func run() throws {
    try Failure.mapped { try Console.write(ScenarioSchema.text) }
  }
}
