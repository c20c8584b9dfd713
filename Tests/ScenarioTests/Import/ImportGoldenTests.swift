// SPDX-License-Identifier: GPL-3.0-or-later
//
// A dump of a real cluster (Kubernetes/Golden/cluster, from the golden captures), imported and loaded again,
// gives kubectl's own tables of that cluster, ages apart.

import Cluster
import Foundation
import SimKernel
import Testing

@testable import Scenario

/// Imports made from texts, and the cluster that they give.
enum ImportFixture {
  static func golden(_ names: [String]) throws -> [SourceFile] {
    try names.map {
      SourceFile(path: "\($0).yaml", text: try KubernetesGolden.text("cluster/objects/\($0).yaml"))
    }
  }

  static func yaml(_ text: String, name: String = "dump.yaml") -> SourceFile {
    SourceFile(path: name, text: text)
  }

  static func scenario(_ result: ScenarioImport) throws -> ScenarioFile {
    try ScenarioLoader.load(SourceFile(path: "imported.json", text: result.text))
  }

  /// The API at t = 0.
  static func view(_ result: ScenarioImport) throws -> APIView {
    let scenario = try scenario(result)
    let plane = try ControlPlane(
      settings: scenario.cluster, objects: scenario.objects, seed: scenario.seed)
    return plane.apiView()
  }

  static func warnings(_ result: ScenarioImport) -> [String] { result.warnings.map(\.text) }

  /// A table without its column of ages and without the widths that follow from it.
  static func withoutAges(_ table: String) -> [String] {
    var lines = table.split(separator: "\n").map(String.init)
    lines.removeAll { $0.hasPrefix("Warning:") }
    guard let header = lines.first,
      let column = header.split(separator: " ").firstIndex(of: "AGE")
    else { return lines }
    let fromEnd = header.split(separator: " ").count - column
    return lines.map { line in
      var cells = line.split(separator: " ").map(String.init)
      // A cell in the middle may hold blanks ("+ 6 more..."), one behind the age may not.
      let isWide = header.hasSuffix("CONTAINER-RUNTIME") || header.hasSuffix("READINESS GATES")
      if isWide {
        cells.removeAll { isAge($0) }
      } else {
        cells.remove(at: cells.count - fromEnd)
      }
      return cells.joined(separator: " ")
    }
  }

  private static func isAge(_ text: String) -> Bool {
    text == "AGE" || text.wholeMatch(of: /([0-9]+[dhms])+/) != nil
  }
}

@Suite struct ImportGoldenTests {
  struct Table: Sendable, CustomTestStringConvertible {
    var file: String
    var kind: KubectlKind
    var wide = false
    var all = false
    var testDescription: String { file }
  }

  static let tables: [Table] = [
    Table(file: "get-nodes_-o_wide.txt", kind: .nodes, wide: true),
    Table(file: "get-pods_-o_wide.txt", kind: .pods, wide: true),
    Table(file: "get-svc_-A.txt", kind: .services, all: true),
    Table(file: "get-svc_-o_wide.txt", kind: .services, wide: true),
    Table(file: "get-endpoints_-A.txt", kind: .endpoints, all: true),
    Table(file: "get-endpointslices_-A.txt", kind: .endpointSlices, all: true),
  ]

  static func imported() throws -> ScenarioImport {
    try ScenarioImport.read(
      ImportFixture.golden(["nodes", "pods", "svc", "endpointslices", "endpoints"]))
  }

  @Test(arguments: tables) func aTableIsKubectls(_ table: Table) throws {
    let view = try ImportFixture.view(Self.imported())
    let ours = KubectlTable.render(
      kind: table.kind, view: view, allNamespaces: table.all, wide: table.wide)
    let theirs = try KubernetesGolden.text("cluster/kubectl/\(table.file)")
    let expected = ImportFixture.withoutAges(theirs)
    #expect(expected.count > 3)
    #expect(ImportFixture.withoutAges(ours) == expected)
  }

  @Test func aCompleteDumpGivesNoWarning() throws {
    let result = try Self.imported()
    #expect(result.warnings.isEmpty, "\(result.warnings)")
    #expect(result.ignored.isEmpty)
    #expect(result.counts.map(\.count).reduce(0, +) == 86)
    #expect(result.settings.map(\.path).contains("cluster.proxy"))
  }

  @Test func theOrderOfFilesChangesNoAnswer() throws {
    let names = ["endpoints", "svc", "pods", "endpointslices", "nodes"]
    let view = try ImportFixture.view(ScenarioImport.read(ImportFixture.golden(names)))
    let first = try ImportFixture.view(Self.imported())
    #expect(view.slices.map(\.endpoints.count) == first.slices.map(\.endpoints.count))
    #expect(view.services.map(\.spec) == first.services.map(\.spec))
  }

  @Test func anImportOfAnImportIsTheSame() throws {
    let first = try Self.imported()
    let objects = try DocumentReader.read(text: first.text, path: "imported.json")[0]["objects"]!
    let list = OrderedJSON.object([
      ("apiVersion", .string("v1")), ("kind", .string("List")), ("items", objects.json),
    ])
    let again = try ScenarioImport.read([SourceFile(path: "list.json", text: list.text())])
    func objectsText(_ text: String) -> Substring { text[text.range(of: "\"objects\"")!.lowerBound...] }
    #expect(objectsText(again.text) == objectsText(first.text))
  }

  /// Slices and pods are enough for the same slices, whichever of the other files is missing.
  @Test(arguments: [
    ["nodes", "svc", "endpointslices"], ["pods", "svc", "endpointslices"],
    ["nodes", "pods", "svc", "endpointslices"],
  ])
  func slicesSurviveWhatADumpLacks(_ names: [String]) throws {
    let result = try ScenarioImport.read(ImportFixture.golden(names))
    #expect(!result.warnings.isEmpty)
    let table = KubectlTable.render(
      kind: .endpointSlices, view: try ImportFixture.view(result), allNamespaces: true)
    let theirs = try KubernetesGolden.text("cluster/kubectl/get-endpointslices_-A.txt")
    #expect(ImportFixture.withoutAges(table) == ImportFixture.withoutAges(theirs))
  }

  @Test func aDumpWithEndpointsInsteadOfSlicesGivesTheSameEndpoints() throws {
    let result = try ScenarioImport.read(ImportFixture.golden(["nodes", "svc", "endpoints"]))
    let view = try ImportFixture.view(result)
    let theirs = try KubernetesGolden.text("cluster/kubectl/get-endpoints_-A.txt")
    let ours = KubectlTable.render(kind: .endpoints, view: view, allNamespaces: true)
    #expect(ImportFixture.withoutAges(ours) == ImportFixture.withoutAges(theirs))
    #expect(view.slices.contains { $0.metadata.name == "kubernetes" && $0.endpoints.count == 1 })
    #expect(ImportFixture.warnings(result).contains { $0.contains("8 pods") })
  }
}
