// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the shell offers for arguments that are no plain files: metrics, paths of settings, nodes and kinds.
// The shell asks sim itself, which looks into the scenario that stands on the command line, if one does.

import ArgumentParser
import Foundation
import Scenario
import Simulation

extension CompletionKind {
  static var scenario: CompletionKind { .file(extensions: ["json", "yaml", "yml"]) }

  /// Names of metrics.
  static var metric: CompletionKind {
    .custom { _, _, prefix in
      LabelledMetric.catalogue.map(\.name).filter { $0.hasPrefix(prefix) }
    }
  }

  /// Paths of settings, one key further than what is there; items of lists by their names.
  static var path: CompletionKind {
    .custom { words, _, prefix in
      SettingPaths.completions(of: prefix, scenario: scenarioFile(in: words))
    }
  }

  static var node: CompletionKind {
    .custom { words, _, prefix in
      guard let path = scenarioFile(in: words), let scenario = try? ScenarioLoader.load(path: path) else {
        return []
      }
      return scenario.cluster.nodes.map(\.name).filter { $0.hasPrefix(prefix) }
    }
  }

  /// What `sim get` prints, and files.
  static var kindOrScenario: CompletionKind {
    .custom { _, _, prefix in
      let kinds = [
        "nodes", "pods", "services", "endpoints", "endpointslices", "deployments", "replicasets",
        "statefulsets", "daemonsets", "horizontalpodautoscalers", "poddisruptionbudgets",
      ]
      return (kinds + files(prefix)).filter { $0.hasPrefix(prefix) }
    }
  }

  /// The first word that is a scenario file.
  private static func scenarioFile(in words: [String]) -> String? {
    words.first { word in
      [".json", ".yaml", ".yml"].contains { word.hasSuffix($0) }
        && FileManager.default.fileExists(atPath: word)
    }
  }

  /// Scenario files and folders beside what is typed.
  private static func files(_ prefix: String) -> [String] {
    let slash = prefix.lastIndex(of: "/")
    let folder = slash.map { String(prefix[...$0]) } ?? ""
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
    return names.sorted().filter { !$0.hasPrefix(".") }.compactMap { name in
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: folder + name, isDirectory: &isFolder)
      if isFolder.boolValue { return folder + name + "/" }
      return [".json", ".yaml", ".yml"].contains { name.hasSuffix($0) } ? folder + name : nil
    }
  }
}
