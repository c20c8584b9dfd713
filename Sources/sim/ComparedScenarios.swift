// SPDX-License-Identifier: GPL-3.0-or-later
//
// What `sim compare` compares: one scenario under several modes, one with edits, or several scenario files.
// All of them draw with one seed, so that what has the same name draws the same.

import ArgumentParser
import Cluster
import Foundation
import Scenario
import Simulation

struct ComparedScenarios {
  /// The first is what the others are compared with.
  var variants: [(name: String, file: ScenarioFile)]
  /// What a reader must know of how they were made alike.
  var remarks: [String] = []

  /// Where results go unless somebody says otherwise: `a`, or `a-vs-b`.
  var folderName: String {
    var names: [String] = []
    for variant in variants where !names.contains(variant.file.name) { names.append(variant.file.name) }
    return names.joined(separator: "-vs-")
  }

  /// One file, changed.
  init(_ path: String, _ changes: [ComparisonVariant], _ options: ScenarioOptions) throws {
    let base = try options.load(path)
    variants = try changes.map { variant in
      let file = try variant.scenario(base: base) { try options.load(path, more: $0) }
      return (name: variant.name, file: file)
    }
  }

  /// Several files, as they are, with the seed of the first one unless the options have one.
  /// - Parameter names: one per file, or none: then the scenarios' names, or those of the files if two
  ///   scenarios have the same.
  init(files paths: [String], names: [String], _ options: ScenarioOptions) throws {
    var files: [ScenarioFile] = []
    for path in paths { files.append(try options.load(path)) }
    let seed = files[0].seed
    for index in files.indices where files[index].seed != seed {
      remarks.append(
        "\(paths[index]) says seed \(files[index].seed); all run with seed \(seed) of \(paths[0]), so that "
          + "they draw the same (--seed takes another)")
      files[index].seed = seed
    }
    for index in files.indices.dropFirst() where files[index].duration != files[0].duration {
      remarks.append(
        "\(paths[index]) lasts \(ReadableNumber.seconds(files[index].duration)), \(paths[0]) "
          + "\(ReadableNumber.seconds(files[0].duration)): compare ratios and latencies, not counts")
    }
    let chosen = names.isEmpty ? Self.names(paths, files.map(\.name)) : names
    variants = zip(chosen, files).map { (name: $0, file: $1) }
  }

  private static func names(_ paths: [String], _ scenarios: [String]) -> [String] {
    let stems = paths.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
    return [scenarios, stems].first { Set($0).count == $0.count } ?? paths
  }

  /// A metric with labels, which every one of the scenarios must know.
  func query(_ selector: MetricSelector) throws -> MetricQuery {
    let position = SourcePosition(file: "--metric '\(selector)'", line: 0, column: 0)
    var queries: [MetricQuery] = []
    for variant in variants {
      queries.append(try MetricQuery(selector, at: position, path: scope(variant.name), in: variant.file))
    }
    return queries[0]
  }

  /// Which of several scenarios lacks something; nothing where all come from one file.
  private func scope(_ name: String) -> String {
    Set(variants.map(\.file.contentHash)).count > 1 && Set(variants.map(\.file.name)).count > 1 ? name : ""
  }
}

/// A line for a shell.
enum ShellLine {
  static func text(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

  private static func quoted(_ word: String) -> String {
    let isPlain = word.allSatisfy { character in
      character.isASCII && (character.isLetter || character.isNumber || "-_./=:,%+@".contains(character))
    }
    guard !isPlain || word.isEmpty else { return word }
    return "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
