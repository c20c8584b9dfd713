// SPDX-License-Identifier: GPL-3.0-or-later
//
// v1 Node.

import Cluster
import NetworkTypes

enum NodeReader {
  static func read(_ object: ObjectFields, _ metadata: ObjectMeta, _ log: inout ReadingLog) -> Node {
    object.check(.node, &log)
    var node = Node(metadata: metadata)
    if let spec = object.object("spec", &log) {
      spec.check(.nodeSpec, &log)
      node.podCIDR = spec.cidr("podCIDR", &log)
      node.isUnschedulable = spec.bool("unschedulable", &log) ?? false
      node.taints = spec.objects("taints", &log).map { taint in
        let value = taint.string("value", &log) ?? ""
        return (taint.string("key", &log) ?? "") + (value.isEmpty ? "" : "=" + value) + ":"
          + (taint.string("effect", &log) ?? "NoSchedule")
      }
      if spec.strings("podCIDRs", &log).contains(where: { $0.contains(":") }) {
        log.unmodelled("IPv6", spec.position("podCIDRs"))
      }
    }
    if let status = object.object("status", &log) { readStatus(status, into: &node, &log) }
    return node
  }

  private static func readStatus(_ fields: ObjectFields, into node: inout Node, _ log: inout ReadingLog) {
    fields.check(.nodeStatus, &log)
    if let capacity = fields.object("capacity", &log) {
      node.allocatable = SchedulingReader.capacity(capacity, base: node.allocatable, &log)
    }
    if let allocatable = fields.object("allocatable", &log) {
      node.allocatable = SchedulingReader.capacity(allocatable, base: node.allocatable, &log)
    }
    for entry in fields.objects("addresses", &log) {
      switch entry.string("type", &log) {
      case "InternalIP": if let address = entry.address("address", &log) { node.internalIPs.append(address) }
      case "ExternalIP": if let address = entry.address("address", &log) { node.externalIPs.append(address) }
      default: break
      }
    }
    for condition in fields.objects("conditions", &log) where condition.string("type", &log) == "Ready" {
      node.ready = condition.string("status", &log).flatMap { Node.ReadyStatus(rawValue: $0) } ?? .unknown
    }
    guard let system = fields.object("nodeInfo", &log) else { return }
    node.kubeletVersion = system.string("kubeletVersion", &log) ?? ""
    node.osImage = system.string("osImage", &log) ?? ""
    node.kernelVersion = system.string("kernelVersion", &log) ?? ""
    node.containerRuntime = system.string("containerRuntimeVersion", &log) ?? ""
    node.architecture = system.string("architecture", &log) ?? ""
  }
}
