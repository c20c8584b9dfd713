// SPDX-License-Identifier: GPL-3.0-or-later
//
// Real clusters' manifests, dumps and tables, read from Golden with the reader under test.

import Cluster
import Foundation
import NetworkTypes
import SimKernel
import Testing

@testable import Scenario

enum KubernetesGolden {
  static var folder: URL { URL(fileURLWithPath: #filePath).deletingLastPathComponent() }

  static func text(_ path: String) throws -> String {
    try String(contentsOf: folder.appendingPathComponent("Golden/" + path), encoding: .utf8)
  }

  /// Unix time of 2026-11-22T08:40:00Z, when the golden cluster began to fill.
  static let epoch: Int64 = 1_795_336_800

  static func read(text: String, file: String = "test.yaml") throws -> (ManifestContents, [Diagnostic]) {
    var contents = ManifestContents()
    var diagnostics: [Diagnostic] = []
    for document in try DocumentReader.read(text: text, path: file) {
      contents.append(ManifestDecoder(epoch: epoch).objects(in: document, diagnostics: &diagnostics))
    }
    return (contents, diagnostics)
  }

  /// The objects of a golden file, which must be free of complaints.
  static func objects(_ path: String) throws -> [APIObject] {
    let (contents, diagnostics) = try read(text: text(path), file: path)
    #expect(diagnostics.isEmpty)
    #expect(contents.unmodelled.isEmpty)
    #expect(contents.ignored.isEmpty)
    return contents.objects
  }

  static func view(_ objects: [APIObject], now: SimTime) -> APIView {
    var services: [Service] = []
    var endpoints: [Endpoints] = []
    var slices: [EndpointSlice] = []
    var pods: [Pod] = []
    var nodes: [Node] = []
    for object in objects {
      switch object {
      case .service(let service): services.append(service)
      case .endpoints(let object): endpoints.append(object)
      case .endpointSlice(let slice): slices.append(slice)
      case .pod(let pod): pods.append(pod)
      case .node(let node): nodes.append(node)
      case .workload, .namespace, .podDisruptionBudget, .horizontalPodAutoscaler: break
      }
    }
    return APIView(
      services: services, endpoints: endpoints, slices: slices, pods: pods, nodes: nodes, now: now,
      epoch: epoch)
  }

  static func cluster(now: SimTime) throws -> APIView {
    let files = ["nodes", "pods", "svc", "endpoints", "endpointslices"]
    return view(try files.flatMap { try objects("cluster/objects/\($0).yaml") }, now: now)
  }

  /// The paths of all files of golden cases that begin with a prefix and end with an extension.
  static func caseFiles(_ prefix: String, _ ending: String) -> [String] {
    let cases = folder.appendingPathComponent("Golden/cases")
    let all = FileManager.default.enumerator(atPath: cases.path)?.allObjects as? [String] ?? []
    return all.filter {
      let name = $0.split(separator: "/").last ?? ""
      return name.hasPrefix(prefix) && name.hasSuffix(ending)
    }.sorted()
  }

  /// Seconds of an age in a table, for ages under three hours.
  static func seconds(age: Substring) -> Int64 {
    var total: Int64 = 0
    var number: Int64 = 0
    for character in age {
      if let digit = character.wholeNumberValue { number = number * 10 + Int64(digit) }
      if character == "m" { (total, number) = (total + number * 60, 0) }
      if character == "s" { (total, number) = (total + number, 0) }
    }
    return total
  }
}
