// SPDX-License-Identifier: GPL-3.0-or-later
//
// kubeproxy.config.k8s.io/v1alpha1 KubeProxyConfiguration, with the defaults that kube-proxy fills in where
// the file is silent, null or zero (FACTS C1; k/k `pkg/proxy/apis/config/v1alpha1/defaults.go`).

import Cluster
import NetworkTypes
import SimKernel

enum ProxyConfigurationReader {
  /// nf_conntrack_max of a node with 4 GiB of memory or more: one entry per bucket, 262144 buckets
  /// (FACTS E1).
  private static let kernelConntrackMax = 262_144

  static func read(_ fields: ObjectFields, _ log: inout ReadingLog) -> ProxySettings {
    fields.check(.proxyConfiguration, &log)
    var settings = ProxySettings()
    settings.mode = mode(fields, &log)
    settings.clusterCIDR = fields.cidr("clusterCIDR", &log)
    readLocalDetection(fields, &log)
    settings.nodePortAddresses = nodePortAddresses(fields, &log)
    for key in ["iptables", "ipvs", "nftables"] {
      guard let rules = fields.object(key, &log) else { continue }
      rules.check(.proxyRules, &log)
      // Read all sections for their mistakes; the mode's own section holds.
      let all = rules.bool("masqueradeAll", &log)
      let sync = duration("syncPeriod", rules, &log)
      let minimum = duration("minSyncPeriod", rules, &log)
      let localhost = rules.bool("localhostNodePorts", &log)
      if let localhost, key == "iptables" { settings.localhostNodePorts = localhost }
      if key == "ipvs" { readIPVS(rules, into: &settings.ipvs, &log) }
      // ipvs takes masqueradeAll from the iptables section.
      if let all, key == settings.mode.rawValue || (key == "iptables" && settings.mode == .ipvs) {
        settings.masqueradeAll = all
      }
      guard key == settings.mode.rawValue else { continue }
      if let sync, sync > .zero { settings.syncPeriod = sync }
      if let minimum, minimum > .zero { settings.minSyncPeriod = minimum }
    }
    if let conntrack = fields.object("conntrack", &log) { readConntrack(conntrack, into: &settings, &log) }
    return settings
  }

  private static func readIPVS(
    _ fields: ObjectFields, into ipvs: inout IPVSSettings, _ log: inout ReadingLog
  ) {
    if let text = fields.string("scheduler", &log), !text.isEmpty, let value = fields.value("scheduler") {
      let known = IPVSScheduler.allCases.map(\.rawValue)
      if let scheduler = IPVSScheduler(rawValue: text) {
        ipvs.scheduler = scheduler
      } else {
        log.wrong(
          value, fields.path.key("scheduler"), "expected one of " + known.joined(separator: ", "),
          suggestion: nearestName(to: text, in: known))
      }
    }
    ipvs.excludeCIDRs = blocks("excludeCIDRs", fields, &log)
    ipvs.strictARP = fields.bool("strictARP", &log) ?? false
    ipvs.tcpTimeout = duration("tcpTimeout", fields, &log) ?? .zero
    ipvs.tcpFinTimeout = duration("tcpFinTimeout", fields, &log) ?? .zero
    ipvs.udpTimeout = duration("udpTimeout", fields, &log) ?? .zero
  }

  /// IPv4 blocks; others are for the proxy of the other family.
  private static func blocks(_ key: String, _ fields: ObjectFields, _ log: inout ReadingLog) -> [IPv4CIDR] {
    var blocks: [IPv4CIDR] = []
    let items = fields.value(key)?.sequence ?? []
    for (index, text) in fields.strings(key, &log).enumerated() {
      if let block = IPv4CIDR(text) {
        blocks.append(block)
      } else if !text.contains(":"), index < items.count {
        log.wrong(
          items[index], fields.path.key(key).index(index), "expected a CIDR block such as 127.0.0.0/8")
      }
    }
    return blocks
  }

  private static func mode(_ fields: ObjectFields, _ log: inout ReadingLog) -> ProxyMode {
    guard let text = fields.string("mode", &log), !text.isEmpty, let value = fields.value("mode") else {
      return .iptables
    }
    // ebpf is a replacement of kube-proxy, not one of its modes.
    let known = [ProxyMode.iptables, .ipvs, .nftables].map(\.rawValue)
    if known.contains(text), let mode = ProxyMode(rawValue: text) { return mode }
    if text == "kernelspace" {
      log.unmodelled("kernelspace", value.position)
    } else {
      log.wrong(
        value, fields.path.key("mode"), "expected one of " + known.joined(separator: ", "),
        suggestion: nearestName(to: text, in: known))
    }
    return .iptables
  }

  /// The model knows a pod by its address being in clusterCIDR.
  private static func readLocalDetection(_ fields: ObjectFields, _ log: inout ReadingLog) {
    guard let text = fields.string("detectLocalMode", &log), !text.isEmpty,
      let value = fields.value("detectLocalMode"), text != "ClusterCIDR"
    else { return }
    let known = ["ClusterCIDR", "NodeCIDR", "BridgeInterface", "InterfaceNamePrefix"]
    if known.contains(text) {
      log.unmodelled("detectLocalMode", value.position)
    } else {
      log.wrong(
        value, fields.path.key("detectLocalMode"), "expected one of " + known.joined(separator: ", "),
        suggestion: nearestName(to: text, in: known))
    }
  }

  private static func nodePortAddresses(_ fields: ObjectFields, _ log: inout ReadingLog) -> [IPv4CIDR] {
    var blocks: [IPv4CIDR] = []
    let items = fields.value("nodePortAddresses")?.sequence ?? []
    for text in fields.strings("nodePortAddresses", &log) {
      if let block = IPv4CIDR(text) {
        blocks.append(block)
        continue
      }
      let index = items.firstIndex { $0.string == text } ?? 0
      if text == "primary" {
        log.unmodelled("nodePortAddresses primary", items[index].position)
      } else if text.contains(":") {
        log.unmodelled("IPv6", items[index].position)
      } else {
        let path = fields.path.key("nodePortAddresses").index(index)
        log.wrong(items[index], path, "expected a CIDR block such as 127.0.0.0/8")
      }
    }
    return blocks
  }

  private static func readConntrack(
    _ fields: ObjectFields, into settings: inout ProxySettings, _ log: inout ReadingLog
  ) {
    fields.check(.conntrack, &log)
    settings.conntrackMaxPerCore = count("maxPerCore", fields, &log) ?? settings.conntrackMaxPerCore
    settings.conntrackMin = count("min", fields, &log) ?? settings.conntrackMin
    // Zero per core: kube-proxy ignores the minimum too and leaves the kernel's value.
    if settings.conntrackMaxPerCore == 0 { settings.conntrackMin = kernelConntrackMax }
    settings.tcpBeLiberal = fields.bool("tcpBeLiberal", &log) ?? false
    settings.tcpEstablishedTimeout =
      duration("tcpEstablishedTimeout", fields, &log) ?? settings.tcpEstablishedTimeout
    settings.tcpCloseWaitTimeout =
      duration("tcpCloseWaitTimeout", fields, &log) ?? settings.tcpCloseWaitTimeout
    settings.udpTimeout = duration("udpTimeout", fields, &log) ?? settings.udpTimeout
    settings.udpStreamTimeout = duration("udpStreamTimeout", fields, &log) ?? settings.udpStreamTimeout
  }

  private static func count(_ key: String, _ fields: ObjectFields, _ log: inout ReadingLog) -> Int? {
    guard let number = fields.int(key, &log), let value = fields.value(key) else { return nil }
    if (0...Int(Int32.max)).contains(number) { return number }
    log.wrong(value, fields.path.key(key), "expected a number from 0 to \(Int32.max)")
    return nil
  }

  private static func duration(
    _ key: String, _ fields: ObjectFields, _ log: inout ReadingLog
  ) -> SimDuration? {
    guard let value = fields.value(key) else { return nil }
    if let text = value.scalar?.text, let duration = GoDuration.parse(text) { return duration }
    log.wrong(value, fields.path.key(key), "expected a duration such as 1m30s")
    return nil
  }
}
