// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim import`: from manifests, dumps and configurations to the text of a scenario that stands alone. The
// order: read everything, complete what dangles, conclude the settings, write, and then load what was written
// and hold the cluster that it gives at t = 0 against the input.

import Cluster

/// A scenario made from what people have.
public struct ScenarioImport: Sendable {
  /// The scenario file, JSON.
  public var text: String
  /// What was left out, added or is not as the input has it.
  public var warnings: [ImportRemark]
  /// Settings that no object states, with where they come from.
  public var settings: [ImportedSetting]
  /// Objects of the scenario by kind, in the order in which they are written.
  public var counts: [(kind: String, count: Int)]
  /// Kinds in the input that the model has no use for.
  public var ignored: [(kind: String, count: Int)]

  /// Imports documents.
  /// - Parameters:
  ///   - documents: with the names by which the user knows the files.
  ///   - accepted: kinds that would change the answer, are not modelled and may be left out.
  /// - Throws: every mistake of the input, unmodelled kinds first; or what makes a true table impossible.
  public static func read(
    _ files: [SourceFile], accept accepted: [String] = [], duration: String = "60s"
  ) throws(ScenarioError) -> ScenarioImport {
    var reader = ImportReader(accepted: accepted)
    for file in files {
      do throws(ScenarioError) {
        reader.read(try DocumentReader.read(file))
      } catch {
        reader.fail(error)
      }
    }
    try throwIfAny(reader.mistakes)
    let check = ReferenceCheck(
      items: reader.items, configuredNodes: reader.contents.kindNodes ?? [], file: files.first?.path ?? "")
    try throwIfAny(check.diagnostics)
    let inference = ClusterInference(
      items: check.items, contents: reader.contents, configuration: reader.configuration)
    var result = ScenarioImport(
      text: "", warnings: reader.remarks + reader.leftOutRemarks + check.remarks + inference.remarks,
      settings: inference.settings, counts: [], ignored: [])
    result.ignored = reader.contents.ignored.map { (kind: $0.key, count: $0.value) }
      .sorted { $0.kind.utf8.lexicographicallyPrecedes($1.kind.utf8) }
    let items = ImportedScenarioText.inOrder(check.items)
    result.counts = ImportedScenarioText.counts(items)
    var writer = ImportedScenarioText(
      items: items, inference: inference, kindNodes: reader.kindNodesToWrite(beside: items),
      accepted: accepted, duration: duration, notes: [])
    result.warnings += try ImportVerification(items: items).check(writer.json.text())
    writer.notes = result.notes(files: files.map(\.path))
    result.text = writer.json.text() + "\n"
    return result
  }

  private static func throwIfAny(_ diagnostics: [Diagnostic]) throws(ScenarioError) {
    if !diagnostics.isEmpty { throw ScenarioError(diagnostics) }
  }

  /// Reads the files that the user names; a folder stands for the manifests directly in it, `-` for standard
  /// input.
  public static func load(
    paths: [String], accept accepted: [String] = [], duration: String = "60s"
  ) throws(ScenarioError) -> ScenarioImport {
    var files: [SourceFile] = []
    var mistakes: [Diagnostic] = []
    for path in paths {
      do throws(ScenarioError) {
        if path == "-" {
          files.append(SourceFile(path: "standard input", text: try SourceFile.load(path: "/dev/stdin").text))
          continue
        }
        for one in try ReferencedFiles(scenarioPath: "").manifestPaths(of: path) {
          files.append(try SourceFile.load(path: one))
        }
      } catch {
        mistakes += error.diagnostics
      }
    }
    try throwIfAny(mistakes)
    return try read(files, accept: accepted, duration: duration)
  }

  /// What the scenario says about itself, for those who edit it.
  private func notes(files: [String]) -> [String] {
    let names = files.map { $0.split(separator: "/").last.map(String.init) ?? $0 }
    var notes = ["Imported from \(names.joined(separator: ", "))."]
    notes += settings.map { "\($0.path): \($0.value). \($0.origin)" }
    notes += warnings.prefix(Self.notesMax).map(\.text)
    if warnings.count > Self.notesMax {
      notes.append("… and \(warnings.count - Self.notesMax) more warnings")
    }
    if !ignored.isEmpty {
      notes.append(
        "Left out, of no use: " + ignored.map { "\($0.kind) (\($0.count))" }.joined(separator: ", "))
    }
    return notes
  }

  /// Warnings that are written into the scenario.
  private static let notesMax = 50
}

extension ImportReader {
  /// Nodes of the kind configuration that belong into the scenario: all, unless Node objects say which exist.
  func kindNodesToWrite(beside items: [ImportedItem]) -> [NodeSettings] {
    let dumped = Set(items.filter { $0.kind == "Node" }.map(\.object.metadata.name))
    let all = contents.kindNodes ?? []
    return dumped.isEmpty ? all : all.filter { dumped.contains($0.name) }
  }
}
