// SPDX-License-Identifier: GPL-3.0-or-later
//
// Kubernetes documents that a scenario names or holds. Their own format is ManifestReading's business.

import Cluster
import OrderedCollections

extension ScenarioDecoder {
  /// Reads `manifests`, then `objects`, and refuses what is not modelled and not accepted.
  func readManifests() {
    for reference in root["manifests"]?.items ?? [] {
      contents.append(readFiles(reference, errors: &names.objectsAreComplete))
    }
    for object in root["objects"]?.items ?? [] { contents.append(readInline(object)) }
    for key in ["kind", "kubeProxyConfiguration"] {
      guard let reference = root["cluster"]?[key] else { continue }
      let settings = readFiles(reference, errors: &names.nodesAreComplete)
      let isThere = key == "kind" ? settings.kindNodes != nil : settings.kubeProxyConfiguration != nil
      if !isThere, names.nodesAreComplete {
        let expected = key == "kind" ? "a kind Cluster config" : "a KubeProxyConfiguration"
        mistake(reference, "expected \(expected) in this file")
      }
      contents.append(settings)
    }
    scenario.ignoredObjects = contents.ignored.map { (kind: $0.key, count: $0.value) }
      .sorted { $0.kind.utf8.lexicographicallyPrecedes($1.kind.utf8) }
    scenario.objects = contents.objects
    refuseTooManyPods()
  }

  /// Reads what actions of kind `apply` will apply, because clients may refer to it.
  func readAppliedObjects() {
    // These are judged when they are applied.
    defer { placedObjects.removeAll() }
    let actions = (root["events"]?.items ?? []) + (root["processes"]?.items ?? [])
    for action in actions {
      guard let apply = action["apply"] else { continue }
      var objects: [APIObject] = []
      if apply.string != nil {
        objects = readFiles(apply, errors: &names.objectsAreComplete).objects
      } else {
        for object in apply.items { objects += readInline(object).objects }
      }
      appliedObjects[action.path.text] = objects
    }
  }

  private func readFiles(_ reference: Cursor, errors isComplete: inout Bool) -> ManifestContents {
    var result = ManifestContents()
    guard let text = reference.string else { return result }
    do {
      for path in try files.manifestPaths(of: text) {
        do {
          for document in try files.documents(path) {
            result.append(read(document, prefix: "", isComplete: &isComplete))
          }
        } catch {
          isComplete = false
          report(error, namedAt: reference)
        }
      }
    } catch {
      isComplete = false
      report(error, namedAt: reference)
    }
    return result
  }

  private func readInline(_ object: Cursor) -> ManifestContents {
    read(object.node, prefix: object.path.text, isComplete: &names.objectsAreComplete)
  }

  private func read(_ document: DocumentNode, prefix: String, isComplete: inout Bool) -> ManifestContents {
    if prefix.isEmpty { hash.mix(document) }
    var mistakes: [Diagnostic] = []
    let contents = manifestReader.objects(in: document, diagnostics: &mistakes)
    if !mistakes.isEmpty { isComplete = false }
    for index in mistakes.indices where !prefix.isEmpty {
      let inner = mistakes[index].path
      let joint = inner.isEmpty || inner.hasPrefix("[") ? "" : "."
      mistakes[index].path = prefix + joint + inner
    }
    report(mistakes)
    refuseUnmodelled(contents)
    refuseHugeWorkload(document, contents, prefix: prefix)
    // What was misread may be refused for what is missing only because of that.
    if mistakes.isEmpty {
      placedObjects += contents.objects.map { PlacedObject(object: $0, document: document, prefix: prefix) }
    }
    return contents
  }

  private func refuseUnmodelled(_ contents: ManifestContents) {
    let accepted = root["accept"]?.strings ?? []
    for item in contents.unmodelled where !accepted.contains(item.kind) {
      let message =
        "\(item.kind) would change the answer but is not modelled; "
        + "add \"\(item.kind)\" to \"accept\" to run without it"
      report([Diagnostic(position: item.position, message: message)])
    }
  }

  private func refuseHugeWorkload(_ document: DocumentNode, _ contents: ManifestContents, prefix: String) {
    for case .workload(let workload) in contents.objects where workload.replicas > ScenarioFormat.replicaLimit
    {
      let place = document["spec"]?["replicas"] ?? document
      let message =
        "\(workload.kind.rawValue) \(workload.metadata.namespacedName): expected at most "
        + "\(ScenarioFormat.replicaLimit) replicas, found \(workload.replicas)"
      let path = DocumentPath(prefix).key("spec").key("replicas")
      report([Diagnostic(position: place.position, path: path.text, message: message)])
    }
  }

  private func refuseTooManyPods() {
    var pods = 0
    for case .workload(let workload) in scenario.objects
    where workload.replicas <= ScenarioFormat.replicaLimit {
      pods += workload.replicas
    }
    guard pods > ScenarioFormat.replicaLimit, let place = root["manifests"] ?? root["objects"] else { return }
    mistake(place, "the manifests ask for \(pods) pods, expected at most \(ScenarioFormat.replicaLimit)")
  }
}
