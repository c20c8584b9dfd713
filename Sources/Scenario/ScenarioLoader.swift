// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a path to a scenario: read, edit, validate, decode.

/// Loads scenario files.
public enum ScenarioLoader {
  /// A scenario with everything that it refers to.
  ///
  /// - Parameters:
  ///   - overrides: `path=value`, in the order in which they apply.
  ///   - seed: in place of the file's.
  ///   - source: where texts come from.
  ///   - manifestReader: reads what is in Kubernetes' own formats.
  /// - Throws: every mistake in the scenario and its manifests; of syntax errors the first per document.
  public static func load(
    path: String, overrides: [String] = [], seed: UInt64? = nil, source: any FileSource = DiskFiles(),
    manifestReader: any ManifestReading = ManifestDecoder()
  ) throws(ScenarioError) -> ScenarioFile {
    try load(
      source.file(path), overrides: overrides, seed: seed, source: source, manifestReader: manifestReader)
  }

  /// The document of a scenario file with overrides applied, not validated.
  static func document(path: String, overrides: [String]) throws(ScenarioError) -> DocumentNode {
    let documents = try DocumentReader.read(SourceFile.load(path: path))
    guard var document = documents.first else {
      throw ScenarioError(
        Diagnostic(position: SourcePosition(file: path, line: 0, column: 0), message: "expected a document"))
    }
    let mistakes = apply(overrides, to: &document)
    guard mistakes.isEmpty else { throw ScenarioError(mistakes) }
    return document
  }

  /// Every mistake in a scenario and its manifests; none if it can be run.
  public static func validate(
    path: String, overrides: [String] = [], manifestReader: any ManifestReading = ManifestDecoder()
  ) -> [Diagnostic] {
    do {
      _ = try load(path: path, overrides: overrides, manifestReader: manifestReader)
      return []
    } catch {
      return error.diagnostics
    }
  }

  static func load(
    _ file: SourceFile, overrides: [String] = [], seed: UInt64? = nil, source: any FileSource = DiskFiles(),
    manifestReader: any ManifestReading = ManifestDecoder()
  ) throws(ScenarioError) -> ScenarioFile {
    let documents = try DocumentReader.read(file)
    if documents.count > 1 {
      let message = "expected one document in a scenario file, found \(documents.count)"
      throw ScenarioError(Diagnostic(position: documents[1].position, message: message))
    }
    var document = documents[0]
    let mistakes = apply(overrides, to: &document)
    var validator = ShapeValidator()
    validator.validate(document, as: ScenarioFormat.root)
    let decoder = ScenarioDecoder(
      document, path: file.path, source: source, manifestReader: manifestReader,
      diagnostics: mistakes + validator.diagnostics)
    var scenario = decoder.decode()
    if !decoder.diagnostics.isEmpty {
      throw ScenarioError(inOrder(decoder.diagnostics, scenarioPath: file.path))
    }
    if let seed { scenario.seed = seed }
    return scenario
  }

  private static func apply(_ overrides: [String], to document: inout DocumentNode) -> [Diagnostic] {
    var mistakes: [Diagnostic] = []
    for argument in overrides {
      do {
        try Override(argument).apply(to: &document)
      } catch {
        mistakes += error.diagnostics
      }
    }
    return mistakes
  }

  /// The scenario's own mistakes from top to bottom, then those of other files in the order of reading.
  private static func inOrder(_ diagnostics: [Diagnostic], scenarioPath: String) -> [Diagnostic] {
    let own = diagnostics.filter { $0.position.file == scenarioPath }
    let others = diagnostics.filter { $0.position.file != scenarioPath }
    let sorted = own.enumerated().sorted { a, b in
      (a.element.position.line, a.element.position.column, a.offset)
        < (b.element.position.line, b.element.position.column, b.offset)
    }
    var seen: Set<Diagnostic> = []
    return (sorted.map(\.element) + others).filter { seen.insert($0).inserted }
  }
}
