// SPDX-License-Identifier: GPL-3.0-or-later
//
// v1 Pod: what Service networking depends on, of spec and, in dumps, of status.

import Cluster
import NetworkTypes
import SimKernel

enum PodReader {
  static func read(_ object: ObjectFields, _ metadata: ObjectMeta, _ log: inout ReadingLog) -> Pod {
    object.check(.pod, &log)
    var pod = Pod(metadata: metadata, spec: PodSpec())
    if let spec = object.object("spec", &log) { pod.spec = readSpec(spec, &log) }
    if let status = object.object("status", &log) { pod.status = readStatus(status, &log) }
    return pod
  }

  static func readSpec(_ fields: ObjectFields, _ log: inout ReadingLog) -> PodSpec {
    fields.check(.podSpec, &log)
    var spec = PodSpec()
    spec.nodeName = fields.string("nodeName", &log).flatMap { $0.isEmpty ? nil : $0 }
    spec.hostNetwork = fields.bool("hostNetwork", &log) ?? false
    spec.hostname = fields.string("hostname", &log)
    spec.subdomain = fields.string("subdomain", &log)
    if let seconds = fields.int("terminationGracePeriodSeconds", &log) {
      spec.terminationGracePeriod = SimDuration.seconds(1) * Int64(seconds)
    }
    spec.nodeSelector = fields.labels("nodeSelector", &log) ?? [:]
    for toleration in fields.objects("tolerations", &log) {
      let matchesAnyValue = toleration.string("operator", &log) == "Exists"
      spec.tolerations.append(
        Toleration(
          key: toleration.string("key", &log) ?? "",
          value: matchesAnyValue ? nil : toleration.string("value", &log) ?? "",
          effect: toleration.string("effect", &log) ?? "",
          duration: toleration.int("tolerationSeconds", &log).map { SimDuration.seconds(1) * Int64($0) }))
    }
    readLife(fields, into: &spec, &log)
    spec.scheduling = SchedulingReader.read(fields, &log)
    readDNS(fields, &spec.dns, &log)
    spec.containers = fields.objects("containers", &log).map { readContainer($0, &log) }
    for container in fields.objects("initContainers", &log) {
      let content = readContainer(container, &log)
      // Only sidecars live as long as the pod.
      if container.string("restartPolicy", &log) == "Always" {
        spec.containers.append(content)
      } else {
        spec.initContainers.append(content)
      }
    }
    return spec
  }

  private static func readDNS(_ fields: ObjectFields, _ dns: inout PodDNS, _ log: inout ReadingLog) {
    if let text = fields.string("dnsPolicy", &log), let value = fields.value("dnsPolicy") {
      if let policy = PodDNS.Policy(rawValue: text) {
        dns.policy = policy
      } else {
        let known = PodDNS.Policy.allCases.map(\.rawValue)
        log.wrong(
          value, fields.path.key("dnsPolicy"), "expected one of " + known.joined(separator: ", "),
          suggestion: nearestName(to: text, in: known))
      }
    }
    guard let config = fields.object("dnsConfig", &log) else { return }
    config.check(.dnsConfig, &log)
    dns.nameservers = config.strings("nameservers", &log).compactMap { IPv4Address($0) }
    dns.searches = config.strings("searches", &log)
    for option in config.objects("options", &log) {
      option.check(.dnsOption, &log)
      let read = PodDNS.Option(option.string("name", &log) ?? "", option.string("value", &log))
      var probe = ResolverSettings()
      if !probe.apply(read), let value = option.value("name") {
        log.wrong(
          value, option.path.key("name"), "expected an option of resolv.conf(5) with a value that it takes",
          suggestion: nil)
      }
      dns.options.append(read)
    }
  }

  private static func readContainer(_ fields: ObjectFields, _ log: inout ReadingLog) -> Container {
    fields.check(.container, &log)
    var container = Container(name: fields.string("name", &log) ?? "")
    for port in fields.objects("ports", &log) {
      port.check(.containerPort, &log)
      var content = ContainerPort(containerPort: port.int("containerPort", &log) ?? 0)
      content.name = port.string("name", &log) ?? ""
      content.protocol = port.string("protocol", &log) ?? "TCP"
      content.hostPort = port.int("hostPort", &log) ?? 0
      container.ports.append(content)
    }
    readLife(fields, into: &container, &log)
    return container
  }

  private static func readStatus(_ fields: ObjectFields, _ log: inout ReadingLog) -> PodStatus {
    fields.check(.podStatus, &log)
    var status = PodStatus()
    if let text = fields.string("phase", &log), let value = fields.value("phase") {
      if let phase = PodStatus.Phase(rawValue: text) {
        status.phase = phase
        status.isReported = true
      } else {
        let known = ["Pending", "Running", "Succeeded", "Failed", "Unknown"]
        log.wrong(
          value, fields.path.key("phase"), "expected one of " + known.joined(separator: ", "),
          suggestion: nearestName(to: text, in: known))
      }
    }
    status.podIP = fields.address("podIP", &log)
    status.hostIP = fields.address("hostIP", &log)
    for address in fields.objects("podIPs", &log) { _ = address.address("ip", &log) }
    for condition in fields.objects("conditions", &log)
    where condition.string("type", &log) == "Ready" && condition.string("status", &log) == "True" {
      status.isReady = true
    }
    for container in fields.objects("containerStatuses", &log) {
      status.restartCount += max(0, min(container.int("restartCount", &log) ?? 0, 1 << 31))
    }
    return status
  }
}
