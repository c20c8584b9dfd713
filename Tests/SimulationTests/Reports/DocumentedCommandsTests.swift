// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: pages that show commands stay true. Method: each `$ sim …` in a ```console block of docs/ is run by
// the built program from the repository's root, and what it prints is compared byte for byte with what
// stands below it.

import Foundation
import Testing

/// One command of a page with what it prints.
struct DocumentedCommand: Sendable, CustomTestStringConvertible {
  var page: String
  var arguments: [String]
  var expected: String
  var testDescription: String { "\(page): sim " + arguments.joined(separator: " ") }

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  static let pages = ["docs/seed.md", "docs/trace.md"]

  static func all() -> [DocumentedCommand] {
    pages.flatMap { page in
      let text = (try? String(contentsOf: repository.appendingPathComponent(page), encoding: .utf8)) ?? ""
      return commands(of: text, page)
    }
  }

  private static func commands(of text: String, _ page: String) -> [DocumentedCommand] {
    var found: [DocumentedCommand] = []
    var isInside = false
    var isOutput = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        isInside = line == "```console"
        isOutput = false
      } else if isInside, line.hasPrefix("$ sim ") {
        let words = line.dropFirst(6).split(separator: " ").map(String.init)
        found.append(DocumentedCommand(page: page, arguments: words, expected: ""))
        isOutput = true
      } else if isOutput {
        found[found.count - 1].expected += line + "\n"
      }
    }
    return found
  }
}

@Suite struct DocumentedCommandsTests {
  @Test func `the pages show commands`() { #expect(DocumentedCommand.all().count >= 14) }

  @Test(arguments: DocumentedCommand.all())
  func `a documented command prints what stands below it`(command: DocumentedCommand) throws {
    let program = Program(folder: DocumentedCommand.repository.path)
    let result = try TemporaryFolder.with { folder in
      let (process, output, errors) = try program.start(command.arguments, streams: folder)
      return try Program.wait(for: process, output, errors)
    }
    // kubectl's deprecation warning goes to standard error and belongs to no table.
    let remarks = result.errors.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.hasPrefix("Warning: ") }.joined(separator: "\n")
    #expect(result.output + remarks == command.expected)
  }
}
