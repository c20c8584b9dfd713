// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a scenario document to ScenarioFile, with every mistake that the shape alone does not show: names that
// refer to nothing, values that do not fit each other, files that cannot be read. The parts are in
// ScenarioDecoder+*.swift.

import Cluster
import Foundation
import NetworkTypes
import SimKernel

/// The decoding of one scenario; used once.
final class ScenarioDecoder {
  let root: Cursor
  let files: ReferencedFiles
  let manifestReader: any ManifestReading
  private(set) var diagnostics: [Diagnostic]
  var hash = ContentHash()
  var scenario: ScenarioFile
  var contents = ManifestContents()
  /// The objects of `contents` with their places.
  var placedObjects: [PlacedObject] = []
  var names = KnownNames()
  /// Objects of `apply` actions by the path of the action.
  var appliedObjects: [String: [APIObject]] = [:]

  /// - Parameter diagnostics: what is known to be wrong with the document's shape.
  init(_ document: DocumentNode, path: String, manifestReader: any ManifestReading, diagnostics: [Diagnostic])
  {
    root = Cursor(node: document, path: .root)
    files = ReferencedFiles(scenarioPath: path)
    self.manifestReader = manifestReader
    self.diagnostics = diagnostics
    scenario = ScenarioFile(name: Self.defaultName(path), duration: .zero)
    // What is misshapen cannot be looked up, so what refers to it is not called unknown.
    func isHidden(_ keys: [String], _ paths: [String]) -> Bool {
      diagnostics.contains { mistake in
        keys.contains { mistake.suggestion == $0 } || paths.contains { mistake.path.hasPrefix($0) }
      }
    }
    let actions =
      isHidden(["joinNode", "apply"], []) || diagnostics.contains { $0.path.contains(".joinNode") }
    names.nodesAreComplete = !actions && !isHidden(["cluster", "nodes", "kind"], ["cluster.kind"])
    names.objectsAreComplete =
      !isHidden(["manifests", "objects", "apply"], ["manifests", "objects"])
      && !diagnostics.contains { $0.path.contains(".apply") }
    names.recordsAreComplete = !isHidden(["cluster", "dns", "records"], ["cluster.dns"])
  }

  /// The scenario, as far as it is right; `diagnostics` afterwards holds everything that is wrong.
  func decode() -> ScenarioFile {
    hash.mix(root.node, shape: ScenarioFormat.root)
    decodeTop()
    readManifests()
    decodeCluster()
    admitObjects()
    readAppliedObjects()
    collectNames()
    checkDNS()
    decodeNetwork()
    scenario.servers = (root["servers"]?.items ?? []).compactMap { server($0) }
    scenario.clients = (root["clients"]?.items ?? []).compactMap { client($0) }
    scenario.events = (root["events"]?.items ?? []).compactMap { timedAction($0) }
    scenario.processes = (root["processes"]?.items ?? []).compactMap { randomProcess($0) }
    for key in ["servers", "clients", "processes"] { refuseDuplicates(key, in: root[key]?.items ?? []) }
    decodeAnswer()
    decodeThresholds()
    scenario.contentHash = hash.value
    return scenario
  }

  private func decodeTop() {
    assign(root["name"]?.string, to: &scenario.name)
    assign(root["question"]?.string, to: &scenario.question)
    scenario.issues = root["issues"]?.strings ?? []
    assign(root["seed"]?.integer.flatMap { UInt64(exactly: $0) }, to: &scenario.seed)
    assign(root["duration"]?.duration, to: &scenario.duration)
    if let version = root["kubernetes"]?.string?.split(separator: "."), version.count > 1 {
      assign(Int(version[1]), to: &scenario.cluster.minorVersion)
    }
    let report = root["report"]
    assign(report?["bin"]?.duration, to: &scenario.report.bin)
    assign(report?["lostConnectionsMax"]?.integer, to: &scenario.report.lostConnectionsMax)
    assign(report?["counterfactuals"]?.bool, to: &scenario.report.counterfactuals)
    assign(root["warmUp"]?.duration, to: &scenario.report.warmUp)
    if let warmUp = root["warmUp"], scenario.duration > .zero, scenario.report.warmUp >= scenario.duration {
      mistake(warmUp, "expected a warm-up shorter than the duration of \(scenario.duration)")
    }
    let bins = scenario.duration.nanoseconds / max(1, scenario.report.bin.nanoseconds)
    if bins > Self.binLimit {
      let place = report?["bin"] ?? root["duration"] ?? root
      mistake(place, "the duration holds \(bins) bins, expected at most \(Self.binLimit)")
    }
  }

  /// Time bins that a report may have.
  private static let binLimit = 1_000_000

  private static func defaultName(_ path: String) -> String {
    let file = path.split(separator: "/").last.map(String.init) ?? "scenario"
    let stem = file.split(separator: ".").first.map(String.init) ?? "scenario"
    return String(
      stem.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") ? $0 : "-" })
  }

  func refuseDuplicates(_ key: String, in items: [Cursor]) {
    var seen: Set<String> = []
    for name in items.compactMap({ $0["name"] }) {
      guard let text = name.string, !seen.insert(text).inserted else { continue }
      mistake(name, "expected a name that no other of the \(key) has")
    }
  }

  // MARK: Mistakes

  /// The value is only shown where the message says what was expected in its place.
  func mistake(_ cursor: Cursor, _ message: String, suggestion: String? = nil) {
    let value = message.hasPrefix("expected") ? cursor.node.summary : nil
    report([
      Diagnostic(
        position: cursor.node.position, path: cursor.path.text, message: message, value: value,
        suggestion: suggestion)
    ])
  }

  func report(_ more: [Diagnostic]) { diagnostics += more }

  /// A file that is named at `cursor` cannot be used. Mistakes inside the file keep their own places.
  func report(_ error: ScenarioError, namedAt cursor: Cursor) {
    for diagnostic in error.diagnostics {
      guard diagnostic.position.line == 0 else {
        report([diagnostic])
        continue
      }
      let message = "cannot use \(diagnostic.position.file): \(diagnostic.message)"
      report([
        Diagnostic(
          kind: diagnostic.kind, position: cursor.node.position, path: cursor.path.text, message: message)
      ])
    }
  }
}
