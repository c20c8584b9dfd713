// SPDX-License-Identifier: GPL-3.0-or-later
//
// v1 Service. Reads what is written; rules and defaults are admission's.

import Cluster
import NetworkTypes

enum ServiceReader {
  static func read(_ object: ObjectFields, _ metadata: ObjectMeta, _ log: inout ReadingLog) -> Service {
    object.check(.service, &log)
    var service = Service(metadata: metadata, spec: ServiceSpec())
    if let spec = object.object("spec", &log) { service.spec = readSpec(spec, &log) }
    if let status = object.object("status", &log) { service.status = readStatus(status, &log) }
    noteUnmodelled(service, object, &log)
    return service
  }

  private static func readSpec(_ fields: ObjectFields, _ log: inout ReadingLog) -> ServiceSpec {
    fields.check(.serviceSpec, &log)
    var spec = ServiceSpec()
    spec.type = fields.string("type", &log)
    spec.clusterIP = fields.string("clusterIP", &log)
    spec.clusterIPs = fields.strings("clusterIPs", &log)
    spec.ipFamilies = fields.strings("ipFamilies", &log)
    spec.ipFamilyPolicy = fields.string("ipFamilyPolicy", &log)
    spec.ports = fields.objects("ports", &log).map { readPort($0, &log) }
    spec.selector = fields.labels("selector", &log)
    spec.externalName = fields.string("externalName", &log)
    spec.externalIPs = fields.strings("externalIPs", &log)
    spec.loadBalancerIP = fields.string("loadBalancerIP", &log)
    spec.loadBalancerSourceRanges = fields.strings("loadBalancerSourceRanges", &log)
    spec.loadBalancerClass = fields.string("loadBalancerClass", &log)
    spec.allocateLoadBalancerNodePorts = fields.bool("allocateLoadBalancerNodePorts", &log)
    spec.externalTrafficPolicy = fields.string("externalTrafficPolicy", &log)
    spec.internalTrafficPolicy = fields.string("internalTrafficPolicy", &log)
    spec.sessionAffinity = fields.string("sessionAffinity", &log)
    if let config = fields.object("sessionAffinityConfig", &log) {
      config.check(.affinityConfig, &log)
      if let client = config.object("clientIP", &log) {
        client.check(.clientIPConfig, &log)
        spec.affinityTimeoutSeconds = client.int("timeoutSeconds", &log)
      }
    }
    spec.healthCheckNodePort = fields.int("healthCheckNodePort", &log)
    spec.publishNotReadyAddresses = fields.bool("publishNotReadyAddresses", &log) ?? false
    spec.trafficDistribution = fields.string("trafficDistribution", &log)
    return spec
  }

  private static func readPort(_ fields: ObjectFields, _ log: inout ReadingLog) -> ServicePort {
    fields.check(.servicePort, &log)
    var port = ServicePort()
    port.name = fields.string("name", &log) ?? ""
    port.protocol = fields.string("protocol", &log)
    port.appProtocol = fields.string("appProtocol", &log)
    port.port = fields.int("port", &log) ?? 0
    port.targetPort = fields.intOrString("targetPort", &log)
    port.nodePort = fields.int("nodePort", &log) ?? 0
    return port
  }

  private static func readStatus(_ fields: ObjectFields, _ log: inout ReadingLog) -> ServiceStatus {
    fields.check(.serviceStatus, &log)
    var status = ServiceStatus()
    guard let balancer = fields.object("loadBalancer", &log) else { return status }
    balancer.check(.loadBalancerStatus, &log)
    for entry in balancer.objects("ingress", &log) {
      entry.check(.ingress, &log)
      status.loadBalancerIngress.append(
        LoadBalancerIngress(
          ip: entry.string("ip", &log), hostname: entry.string("hostname", &log),
          ipMode: entry.string("ipMode", &log)))
    }
    return status
  }

  /// IPv6 in any field, and hints by annotation (KEP-2433), would change where packets go.
  private static func noteUnmodelled(_ service: Service, _ object: ObjectFields, _ log: inout ReadingLog) {
    let spec = object.value("spec")
    // Declared for both families by default (FACTS A5), with endpoints that somebody else chooses.
    let isFree = service.spec.clusterIP == "None" && (service.spec.selector ?? [:]).isEmpty
    func note(_ key: String, _ texts: [String], _ isIPv6: (String) -> Bool) {
      guard texts.contains(where: isIPv6), let entry = spec?.entry(key) else { return }
      log.unmodelled("IPv6", entry.keyPosition)
    }
    if !isFree {
      note("ipFamilies", service.spec.ipFamilies) { $0 == "IPv6" }
      note("clusterIPs", service.spec.clusterIPs) { $0.contains(":") }
    }
    note("externalIPs", service.spec.externalIPs) { $0.contains(":") }
  }
}
