// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables and YAML of a real cluster's objects, byte for byte. Taken from the golden data: the objects (with
// their random names and creation times) and the moment at which a table was printed.

import Cluster
import Foundation
import SimKernel
import Testing

@testable import Scenario

@Suite struct KubectlGoldenTests {
  /// Tables of the whole cluster, with the second after 08:40:00 at which each was taken.
  static let tables: [(file: String, kind: KubectlKind, at: Int64, wide: Bool, all: Bool)] = [
    ("get-svc_-o_wide", .services, 83, true, false), ("get-svc_-A", .services, 409, false, true),
    ("get-endpoints_-A", .endpoints, 410, false, true),
    ("get-endpointslices_-A", .endpointSlices, 410, false, true),
    ("get-pods_-o_wide", .pods, 410, true, false), ("get-nodes_-o_wide", .nodes, 410, true, false),
  ]

  @Test("the tables of the whole cluster are kubectl's", arguments: tables.indices)
  func clusterTables(_ index: Int) throws {
    let table = Self.tables[index]
    let view = try KubernetesGolden.cluster(now: .zero + .seconds(table.at))
    var expected = try KubernetesGolden.text("cluster/kubectl/\(table.file).txt")
    if table.kind == .endpoints {
      let warning = KubectlTable.endpointsWarning + "\n"
      #expect(expected.hasPrefix(warning))
      expected.removeFirst(warning.count)
    }
    let text = KubectlTable.render(kind: table.kind, view: view, allNamespaces: table.all, wide: table.wide)
    #expect(text == expected)
  }

  @Test(
    "the table of each case's Service is kubectl's", arguments: KubernetesGolden.caseFiles("svc-", ".txt"))
  func serviceTable(_ file: String) throws {
    let expected = try KubernetesGolden.text("cases/" + file)
    let objects = try KubernetesGolden.objects("cases/" + file.dropLast(4) + ".yaml")
    let text = KubectlTable.render(
      kind: .services, view: try Self.view(objects, expected), name: try Self.name(file, "svc-"))
    #expect(text == expected)
  }

  @Test(
    "the YAML of each case's Service is kubectl's", arguments: KubernetesGolden.caseFiles("svc-", ".yaml"))
  func serviceYAML(_ file: String) throws {
    let path = "cases/" + file
    let view = KubernetesGolden.view(try KubernetesGolden.objects(path), now: .zero)
    let query = KubectlQuery(kind: .services, name: try Self.name(file, "svc-"))
    #expect(KubectlYAML.render(query, view: view) == Self.withoutLastApplied(try KubernetesGolden.text(path)))
  }

  @Test(
    "the table of each case's slices is kubectl's", arguments: KubernetesGolden.caseFiles("slices-", ".txt"))
  func sliceTable(_ file: String) throws {
    let expected = try KubernetesGolden.text("cases/" + file)
    let objects = try KubernetesGolden.objects("cases/" + file.dropLast(4) + ".yaml")
    let text = KubectlTable.render(kind: .endpointSlices, view: try Self.view(objects, expected))
    #expect(text == expected)
  }

  @Test(
    "the YAML of each case's slices is kubectl's", arguments: KubernetesGolden.caseFiles("slices-", ".yaml"))
  func sliceYAML(_ file: String) throws {
    let path = "cases/" + file
    let view = KubernetesGolden.view(try KubernetesGolden.objects(path), now: .zero)
    let expected = Self.withoutLastApplied(try KubernetesGolden.text(path))
    #expect(KubectlYAML.render(KubectlQuery(kind: .endpointSlices), view: view) == expected)
  }

  @Test(
    "the table of each case's Endpoints is kubectl's, not-found answers included",
    arguments: KubernetesGolden.caseFiles("endpoints-", ".txt"))
  func endpointsTable(_ file: String) throws {
    let lines = try KubernetesGolden.text("cases/" + file)
    let expected = String(lines.dropFirst(KubectlTable.endpointsWarning.count + 1))
    let name = try Self.name(file, "endpoints-")
    let objects = try KubernetesGolden.objects("cluster/objects/endpoints.yaml").filter {
      if case .endpoints(let endpoints) = $0 { endpoints.metadata.name == name } else { false }
    }
    let text = KubectlTable.render(kind: .endpoints, view: try Self.view(objects, expected), name: name)
    #expect(text == expected)
  }

  @Test("all golden tables are looked at")
  func counts() {
    #expect(KubernetesGolden.caseFiles("svc-", ".txt").count >= 24)
    #expect(KubernetesGolden.caseFiles("endpoints-", ".txt").count >= 24)
    #expect(KubernetesGolden.caseFiles("slices-", ".txt").count >= 24)
  }

  static func name(_ file: String, _ prefix: String) throws -> String {
    let name = try #require(file.split(separator: "/").last)
    return String(name.dropFirst(prefix.count).prefix { $0 != "." })
  }

  /// The objects at the moment at which the table's first row was printed.
  static func view(_ objects: [APIObject], _ table: String) throws -> APIView {
    guard let created = objects.first.flatMap(Self.creation),
      let row = table.split(separator: "\n").dropFirst().first, let age = row.split(separator: " ").last
    else { return KubernetesGolden.view(objects, now: .zero) }
    return KubernetesGolden.view(objects, now: created + .seconds(KubernetesGolden.seconds(age: age)))
  }

  static func creation(_ object: APIObject) -> SimTime? {
    switch object {
    case .service(let service): service.metadata.creationTimestamp
    case .endpoints(let endpoints): endpoints.metadata.creationTimestamp
    case .endpointSlice(let slice): slice.metadata.creationTimestamp
    default: nil
    }
  }

  /// kubectl's memory of the manifest is not kept: the annotation, and `annotations` if nothing else is in
  /// it.
  static func withoutLastApplied(_ yaml: String) -> String {
    var lines: [Substring] = []
    var skipsValue = false
    for line in yaml.split(separator: "\n", omittingEmptySubsequences: false) {
      if skipsValue {
        skipsValue = false
        continue
      }
      if line.contains("last-applied-configuration:") {
        skipsValue = true
        continue
      }
      if let last = lines.last, last.hasSuffix("annotations:"), Self.depth(line) <= Self.depth(last) {
        lines.removeLast()
      }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }

  static func depth(_ line: Substring) -> Int { line.prefix { $0 == " " }.count }
}
