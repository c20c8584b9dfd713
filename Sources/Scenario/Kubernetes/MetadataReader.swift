// SPDX-License-Identifier: GPL-3.0-or-later
//
// `metadata` of any API object. What only the API server's bookkeeping needs is read and dropped.

import Cluster
import SimKernel

struct MetadataReader {
  /// See `ManifestDecoder.epoch`.
  let epoch: Int64?

  /// nil, with a mistake noted, if the object has no name.
  func read(_ object: ObjectFields, isNamespaced: Bool, _ log: inout ReadingLog) -> ObjectMeta? {
    guard let fields = object.object("metadata", &log) else {
      if object.value("metadata") == nil {
        log.wrong(object.node, object.path.key("metadata"), "expected metadata with a name")
      }
      return nil
    }
    fields.check(.metadata, &log)
    var metadata = ObjectMeta(name: "", namespace: isNamespaced ? "default" : "")
    metadata.generateName = fields.string("generateName", &log) ?? ""
    guard let name = fields.string("name", &log), !name.isEmpty else {
      if fields.value("name")?.string != nil || fields.value("name") == nil {
        log.wrong(fields.node, fields.path.key("name"), "expected a name")
      }
      return nil
    }
    metadata.name = name
    if isNamespaced, let namespace = fields.string("namespace", &log), !namespace.isEmpty {
      metadata.namespace = namespace
    }
    metadata.labels = fields.labels("labels", &log) ?? [:]
    metadata.annotations = fields.labels("annotations", &log) ?? [:]
    // kubectl's memory of the manifest: nothing in the cluster depends on it.
    metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"] = nil
    metadata.uid = fields.string("uid", &log) ?? ""
    metadata.resourceVersion = Revision(UInt32(fields.string("resourceVersion", &log) ?? "") ?? 0)
    metadata.generation = fields.int("generation", &log) ?? 0
    metadata.creationTimestamp = time("creationTimestamp", fields, &log) ?? .zero
    metadata.deletionTimestamp = time("deletionTimestamp", fields, &log)
    metadata.controller = controller(fields, &log)
    return metadata
  }

  private func time(_ key: String, _ fields: ObjectFields, _ log: inout ReadingLog) -> SimTime? {
    guard let value = fields.value(key) else { return nil }
    // Unquoted timestamps are strings here too.
    guard let text = value.scalar?.text, let seconds = Timestamp.unixSeconds(text) else {
      log.wrong(value, fields.path.key(key), "expected a time such as 2026-01-31T12:00:00Z")
      return nil
    }
    guard let epoch else { return .zero }
    return .zero + SimDuration.seconds(1) * (seconds - epoch)
  }

  private func controller(_ fields: ObjectFields, _ log: inout ReadingLog) -> OwnerReference? {
    var result: OwnerReference?
    for owner in fields.objects("ownerReferences", &log) {
      owner.check(.ownerReference, &log)
      guard owner.bool("controller", &log) == true else { continue }
      result = OwnerReference(
        apiVersion: owner.string("apiVersion", &log) ?? "", kind: owner.string("kind", &log) ?? "",
        name: owner.string("name", &log) ?? "", uid: owner.string("uid", &log) ?? "")
    }
    return result
  }
}
