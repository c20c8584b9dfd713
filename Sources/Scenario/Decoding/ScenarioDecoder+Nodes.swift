// SPDX-License-Identifier: GPL-3.0-or-later
//
// Nodes: what the scenario says goes before a kind config, and Node objects only add what is missing. And
// their kube-proxy.

import Cluster
import NetworkTypes
import OrderedCollections
import SimKernel

extension ScenarioDecoder {
  // MARK: kube-proxy

  func decodeClusterProxy(_ cursor: Cursor?) {
    let isMentioned = cursor != nil || contents.kubeProxyConfiguration != nil || contents.kindProxyMode != nil
    guard isMentioned else { return }
    scenario.cluster.proxy = proxy(cursor, base: defaultProxy)
  }

  /// The configuration of a node of which nothing is said.
  var defaultProxy: ProxySettings {
    if let proxy = scenario.cluster.proxy ?? contents.kubeProxyConfiguration { return proxy }
    var proxy = ProxySettings()
    proxy.clusterCIDR = scenario.cluster.podCIDR
    assign(contents.kindProxyMode, to: &proxy.mode)
    return proxy
  }

  /// `base` with what the scenario says otherwise.
  func proxy(_ cursor: Cursor?, base: ProxySettings) -> ProxySettings {
    guard let c = cursor else { return base }
    var p = base
    assign(c["mode"]?.string.flatMap { ProxyMode(rawValue: $0) }, to: &p.mode)
    if let block = c["clusterCIDR"] { p.clusterCIDR = block.block }
    assign(c["masqueradeAll"]?.bool, to: &p.masqueradeAll)
    assign(c["nodePortAddresses"]?.items.compactMap(\.block), to: &p.nodePortAddresses)
    assign(c["localhostNodePorts"]?.bool, to: &p.localhostNodePorts)
    assign(c["minSyncPeriod"]?.duration, to: &p.minSyncPeriod)
    assign(c["syncPeriod"]?.duration, to: &p.syncPeriod)
    if p.syncPeriod < p.minSyncPeriod, let place = c["syncPeriod"] ?? c["minSyncPeriod"] {
      mistake(place, "expected a syncPeriod not shorter than minSyncPeriod, \(p.minSyncPeriod)")
    }
    assign(c["removeLeftovers"]?.bool, to: &p.removesLeftovers)
    if let section = c["ipvs"] { decodeIPVS(section, into: &p.ipvs) }
    if let agent = c["ebpf"] { decodeEBPF(agent, into: &p.ebpf) }
    guard let t = c["conntrack"] else { return p }
    assign(t["maxPerCore"]?.integer, to: &p.conntrackMaxPerCore)
    assign(t["min"]?.integer, to: &p.conntrackMin)
    assign(t["tcpEstablishedTimeout"]?.duration, to: &p.tcpEstablishedTimeout)
    assign(t["tcpCloseWaitTimeout"]?.duration, to: &p.tcpCloseWaitTimeout)
    assign(t["udpTimeout"]?.duration, to: &p.udpTimeout)
    assign(t["udpStreamTimeout"]?.duration, to: &p.udpStreamTimeout)
    assign(t["tcpBeLiberal"]?.bool, to: &p.tcpBeLiberal)
    return p
  }

  // MARK: Nodes

  func decodeNodes(_ cursor: Cursor?) {
    var nodes: OrderedDictionary<String, NodeSettings> = [:]
    for node in contents.kindNodes ?? [] { nodes[node.name] = node }
    if let all = root["cluster"], all.node.mapping == nil || (cursor != nil && cursor?.node.sequence == nil) {
      names.nodesAreComplete = false
    }
    var written: Set<String> = []
    for item in cursor?.items ?? [] {
      let group = groupNames(item)
      if group.isEmpty { names.nodesAreComplete = false }
      for (name, place) in group {
        guard written.insert(name).inserted else {
          mistake(place, "expected a name that no other node has")
          continue
        }
        if nodes.count >= ScenarioFormat.nodeLimit, nodes[name] == nil {
          mistake(place, "expected at most \(ScenarioFormat.nodeLimit) nodes in all")
          break
        }
        nodes[name] = node(item, base: nodes[name] ?? NodeSettings(name: name))
      }
    }
    for case .node(let object) in contents.objects { addNodeObject(object, to: &nodes) }
    if nodes.isEmpty, names.nodesAreComplete, names.objectsAreComplete {
      mistake(
        cursor ?? root["cluster"] ?? root,
        "the cluster has no nodes: expected \"nodes\" or \"kind\" in \"cluster\"")
    }
    scenario.cluster.nodes = Array(nodes.values)
    refuseSharedAddresses(cursor)
  }

  /// The names that an entry of `nodes` stands for.
  private func groupNames(_ item: Cursor) -> [(String, Cursor)] {
    guard let name = item["name"], let text = name.string else { return [] }
    let count = item["count"]?.integer ?? 1
    guard (1...ScenarioFormat.nodeLimit).contains(count) else { return [] }
    guard count > 1 else { return [(text.replacing("{n}", with: "1"), name)] }
    guard text.contains("{n}") else {
      mistake(name, "expected {n} in the name of \(count) nodes")
      return []
    }
    for key in ["addresses", "externalAddresses", "podCIDR"] {
      if let place = item[key] { mistake(place, "\(count) nodes cannot share \"\(key)\"") }
    }
    return (1...count).map { (text.replacing("{n}", with: String($0)), name) }
  }

  func node(_ c: Cursor, base: NodeSettings) -> NodeSettings {
    var n = base
    assign(c["zone"]?.string, to: &n.zone)
    assign(c["addresses"]?.addresses, to: &n.addresses)
    assign(c["externalAddresses"]?.addresses, to: &n.externalAddresses)
    assign(c["podCIDR"]?.block, to: &n.podCIDR)
    for (key, value) in c["labels"]?.labels ?? [:] { n.labels[key] = value }
    assign(c["roles"]?.strings, to: &n.roles)
    if let settings = c["proxy"] { n.proxy = proxy(settings, base: defaultProxy) }
    assign(c["cores"]?.integer, to: &n.cores)
    assign(c["conntrackMax"]?.integer, to: &n.conntrackMax)
    if let watch = durations(c["proxyWatch"]) { n.proxyWatch = watch }
    if let sysctls = c["sysctls"] {
      n.kernel = kernel(sysctls, base: scenario.cluster.kernel, proxy: n.proxy ?? defaultProxy)
    } else {
      n.kernel = n.kernel ?? scenario.cluster.kernel
    }
    assign(c["unschedulable"]?.bool, to: &n.isUnschedulable)
    assign(c["pinnedAddress"]?.bool, to: &n.pinsAddress)
    if let capacity = c["allocatable"] { decodeAllocatable(capacity, into: &n.allocatable) }
    assign(c["joinsAtStart"]?.bool, to: &n.joinsAtStart)
    return n
  }

  /// What a Node object says of a node, where the scenario does not say it.
  private func addNodeObject(_ object: Node, to nodes: inout OrderedDictionary<String, NodeSettings>) {
    let name = object.metadata.name
    var n = nodes[name] ?? NodeSettings(name: name)
    n.zone = n.zone ?? object.zone
    if n.addresses.isEmpty { n.addresses = object.internalIPs }
    if n.externalAddresses.isEmpty { n.externalAddresses = object.externalIPs }
    n.podCIDR = n.podCIDR ?? object.podCIDR
    for (key, value) in object.metadata.labels where n.labels[key] == nil { n.labels[key] = value }
    let rolePrefix = "node-role.kubernetes.io/"
    if n.roles.isEmpty {
      n.roles = object.metadata.labels.keys.filter { $0.hasPrefix(rolePrefix) }.map {
        String($0.dropFirst(rolePrefix.count))
      }
    }
    n.isUnschedulable = n.isUnschedulable || object.isUnschedulable
    if n.allocatable == NodeCapacity() { n.allocatable = object.allocatable }
    nodes[name] = n
  }

  /// Addresses and pod blocks belong to one node each.
  private func refuseSharedAddresses(_ cursor: Cursor?) {
    let items = cursor?.items ?? []
    func place(_ name: String, _ key: String) -> Cursor {
      items.first { $0["name"]?.string == name }.flatMap { $0[key] } ?? cursor ?? root
    }
    var owners: [IPv4Address: String] = [:]
    // Blocks sorted by base: a block that overlaps another overlaps one that begins before it.
    var blocks: [(block: IPv4CIDR, name: String)] = []
    for node in scenario.cluster.nodes {
      for (key, addresses) in [("addresses", node.addresses), ("externalAddresses", node.externalAddresses)] {
        for address in addresses {
          if let owner = owners[address] {
            mistake(place(node.name, key), "\(address) belongs to node \"\(owner)\" already")
          }
          owners[address] = node.name
        }
      }
      if let block = node.podCIDR { blocks.append((block, node.name)) }
    }
    blocks.sort { ($0.block.base, $0.block.prefixLength) < ($1.block.base, $1.block.prefixLength) }
    var widest: (block: IPv4CIDR, name: String)?
    for item in blocks {
      if let earlier = widest, earlier.block.overlaps(item.block) {
        let message = "\(item.block) overlaps \(earlier.block) of node \"\(earlier.name)\""
        mistake(place(item.name, "podCIDR"), message)
      } else {
        widest = item
      }
    }
  }
}
