// SPDX-License-Identifier: GPL-3.0-or-later
//
// From files to objects: documents and Lists are taken apart, each object is read by the manifest reader and
// kept with its place. Objects that only say how the cluster is configured go to ImportedConfiguration. An
// unknown field of an object that an API server has accepted is a field of a newer Kubernetes, not a mistake.

import Cluster

/// Reads the input of one import.
struct ImportReader {
  let accepted: Set<String>
  private(set) var items: [ImportedItem] = []
  private(set) var contents = ManifestContents()
  private(set) var configuration = ImportedConfiguration()
  private var diagnostics: [Diagnostic] = []
  private(set) var remarks: [ImportRemark] = []
  /// What would change the answer but is not modelled, in the order of its first place.
  private var unmodelled: [(kind: String, count: Int, position: SourcePosition)] = []
  /// Objects that have IPv6 addresses only, by kind.
  private(set) var leftOut: [(words: String, position: SourcePosition)] = []

  init(accepted: [String]) { self.accepted = Set(accepted) }

  mutating func read(_ documents: [DocumentNode]) {
    for document in documents { read(document, prefix: "", implied: nil) }
  }

  mutating func fail(_ error: ScenarioError) { diagnostics += error.diagnostics }

  private mutating func read(
    _ document: DocumentNode, prefix: String, implied: (kind: String, version: String)?
  ) {
    let kind = document["kind"]?.string ?? implied?.kind ?? ""
    let version = document["apiVersion"]?.string ?? implied?.version ?? ""
    if kind.hasSuffix("List"), let items = document["items"]?.sequence {
      let itemKind = String(kind.dropLast("List".count))
      for (index, item) in items.enumerated() {
        read(
          item, prefix: DocumentPath(prefix).key("items").index(index).text,
          implied: itemKind.isEmpty ? nil : (itemKind, version))
      }
      return
    }
    var node = document
    if let implied, document.mapping != nil {
      // Items of a typed list may leave out what they are.
      if node["kind"]?.string == nil {
        node = node.setting("kind", to: .text(implied.kind, at: document.position))
      }
      if node["apiVersion"]?.string == nil {
        node = node.setting("apiVersion", to: .text(implied.version, at: document.position))
      }
    }
    configuration.note(node, kind: kind, version: version)
    if ImportedConfiguration.isConsumed(node, kind: kind, version: version) { return }
    decode(node, prefix: prefix)
  }

  private mutating func decode(_ node: DocumentNode, prefix: String) {
    var found: [Diagnostic] = []
    var result = ManifestDecoder().objects(in: node, diagnostics: &found)
    noteUnmodelled(result)
    var kept = node
    if accepted.contains("IPv6"), result.unmodelled.contains(where: { $0.kind == "IPv6" }) {
      guard let side = IPv4Side.of(node) else {
        let name = node["metadata"]?["name"]?.string ?? ""
        return leftOut.append((words: "\(node["kind"]?.string ?? "") \(name)", position: node.position))
      }
      kept = side
      found = []
      result = ManifestDecoder().objects(in: side, diagnostics: &found)
      result.unmodelled = []
    } else if result.unmodelled.contains(where: { $0.kind == "IPv6" }) {
      // Named already; what is wrong with the object besides may follow from it.
      found = []
    }
    let isDumped = !(node["metadata"]?["uid"]?.string ?? "").isEmpty
    for var mistake in found {
      let joint = mistake.path.isEmpty || mistake.path.hasPrefix("[") || prefix.isEmpty ? "" : "."
      mistake.path = prefix + joint + mistake.path
      if isDumped, mistake.message.hasPrefix("unknown field"), mistake.suggestion == nil {
        remarks.append(ImportRemark("\(mistake.message): left out", at: mistake.position))
      } else {
        diagnostics.append(mistake)
      }
    }
    for object in result.objects {
      let reduced = RetainedFields.withoutNoise(
        RetainedFields.of(kind: kept["kind"]?.string ?? "").reduced(kept))
      items.append(
        ImportedItem(object: object, document: reduced, position: node.position, isDumped: isDumped))
    }
    result.objects = []
    contents.append(result)
  }

  private mutating func noteUnmodelled(_ result: ManifestContents) {
    for item in result.unmodelled {
      if let index = unmodelled.firstIndex(where: { $0.kind == item.kind }) {
        unmodelled[index].count += 1
      } else {
        unmodelled.append((item.kind, 1, item.position))
      }
    }
  }

  /// Every mistake, what is not modelled and not accepted first of all.
  var mistakes: [Diagnostic] {
    let refused = unmodelled.filter { !accepted.contains($0.kind) }
    return refused.map { item in
      let places = item.count == 1 ? "" : " (in \(item.count) places, this is the first)"
      let message =
        "\(item.kind)\(places) would change the answer but is not modelled; "
        + "add --accept \"\(item.kind)\" to import without it"
      return Diagnostic(position: item.position, message: message)
    } + diagnostics
  }

  /// What was left out on the user's word, and objects of a family that the model does not have.
  var leftOutRemarks: [ImportRemark] {
    let accepted = unmodelled.filter { self.accepted.contains($0.kind) }
    let kinds = accepted.map { item in
      let places = item.count == 1 ? "" : " (in \(item.count) places, this is the first)"
      return ImportRemark(
        "\(item.kind)\(places) is left out, as accepted, although it would change the answer",
        at: item.position)
    }
    return kinds
      + leftOut.map { ImportRemark("\($0.words) has IPv6 addresses only: left out", at: $0.position) }
  }
}
