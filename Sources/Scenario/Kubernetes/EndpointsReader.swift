// SPDX-License-Identifier: GPL-3.0-or-later
//
// discovery.k8s.io/v1 EndpointSlice and v1 Endpoints.

import Cluster
import NetworkTypes

enum EndpointsReader {
  // MARK: EndpointSlice

  /// nil for IPv6 slices, which are noted as not modelled.
  static func readSlice(
    _ object: ObjectFields, _ metadata: ObjectMeta, _ log: inout ReadingLog
  ) -> EndpointSlice? {
    object.check(.slice, &log)
    var slice = EndpointSlice(metadata: metadata, addressType: object.string("addressType", &log) ?? "")
    slice.endpoints = object.objects("endpoints", &log).map { readEndpoint($0, &log) }
    slice.ports = object.objects("ports", &log).map { readPort($0, &log) }
    if slice.addressType == "IPv6" {
      log.unmodelled("IPv6", object.position("addressType"))
      return nil
    }
    return slice
  }

  private static func readEndpoint(_ fields: ObjectFields, _ log: inout ReadingLog) -> Endpoint {
    fields.check(.endpoint, &log)
    var endpoint = Endpoint(addresses: fields.strings("addresses", &log))
    if let conditions = fields.object("conditions", &log) {
      conditions.check(.conditions, &log)
      endpoint.ready = conditions.bool("ready", &log)
      endpoint.serving = conditions.bool("serving", &log)
      endpoint.terminating = conditions.bool("terminating", &log)
    }
    endpoint.hostname = fields.string("hostname", &log)
    endpoint.nodeName = fields.string("nodeName", &log)
    endpoint.zone = fields.string("zone", &log)
    if let hints = fields.object("hints", &log) {
      hints.check(.hints, &log)
      endpoint.zoneHints = names("forZones", hints, &log)
      endpoint.nodeHints = names("forNodes", hints, &log)
    }
    (endpoint.targetPod, endpoint.targetUID) = readTarget(fields, &log)
    return endpoint
  }

  private static func names(
    _ key: String, _ hints: ObjectFields, _ log: inout ReadingLog
  ) -> [String]? {
    guard hints.value(key) != nil else { return nil }
    return hints.objects(key, &log).compactMap { hint in
      hint.check(.hint, &log)
      return hint.string("name", &log)
    }
  }

  private static func readPort(_ fields: ObjectFields, _ log: inout ReadingLog) -> EndpointPort {
    fields.check(.endpointPort, &log)
    var port = EndpointPort(
      name: fields.string("name", &log) ?? "", port: fields.int("port", &log),
      protocol: fields.string("protocol", &log) ?? "TCP")
    port.appProtocol = fields.string("appProtocol", &log)
    return port
  }

  private static func readTarget(
    _ fields: ObjectFields, _ log: inout ReadingLog
  ) -> (NamespacedName?, uid: String) {
    guard let target = fields.object("targetRef", &log) else { return (nil, "") }
    target.check(.objectReference, &log)
    guard target.string("kind", &log) == "Pod", let name = target.string("name", &log) else {
      return (nil, "")
    }
    let namespace = target.string("namespace", &log) ?? "default"
    return (NamespacedName(namespace: namespace, name: name), target.string("uid", &log) ?? "")
  }

  // MARK: Endpoints

  static func read(_ object: ObjectFields, _ metadata: ObjectMeta, _ log: inout ReadingLog) -> Endpoints {
    object.check(.endpoints, &log)
    var endpoints = Endpoints(metadata: metadata)
    for subset in object.objects("subsets", &log) {
      subset.check(.subset, &log)
      endpoints.subsets.append(
        EndpointSubset(
          addresses: subset.objects("addresses", &log).map { readAddress($0, &log) },
          notReadyAddresses: subset.objects("notReadyAddresses", &log).map { readAddress($0, &log) },
          ports: subset.objects("ports", &log).map { readPort($0, &log) }))
    }
    return endpoints
  }

  private static func readAddress(_ fields: ObjectFields, _ log: inout ReadingLog) -> EndpointAddress {
    fields.check(.endpointAddress, &log)
    var address = EndpointAddress(ip: fields.string("ip", &log) ?? "")
    if address.ip.contains(":") { log.unmodelled("IPv6", fields.position("ip")) }
    address.hostname = fields.string("hostname", &log)
    address.nodeName = fields.string("nodeName", &log)
    (address.targetPod, address.targetUID) = readTarget(fields, &log)
    return address
  }
}
