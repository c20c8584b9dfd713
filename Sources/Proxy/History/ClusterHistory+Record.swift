// SPDX-License-Identifier: GPL-3.0-or-later
//
// Appending versions: what of a written object kube-proxy would notice, and which frontends it claims.

import Cluster
import NetworkTypes
import SimKernel

extension ClusterHistory {
  /// True if proxies see a change.
  mutating func record(_ service: ServiceID, _ object: Service?, revision: Revision, at: SimTime) -> Bool {
    let number = advancing(to: revision)
    latestRevision = number
    makeRoom(for: service)
    isHeadless[service.index] = object?.isHeadless ?? false
    if let object { serviceNames[service.index] = object.metadata.namespacedName }
    var wanted: [(port: PortNameID, spec: PortSpec)] = []
    if let object, object.isProxied {
      for port in object.spec.ports {
        let key = ServicePortKey(
          service: service, name: port.name, transport: port.transport, port: UInt16(clamping: port.port))
        let id = ServicePortID(servicePorts(key))
        let spec = object.portSpec(port, servicePort: id, needsTopologyAnnotation: needsTopologyAnnotation)
        wanted.append((portName(service, port.name, port.transport), spec))
      }
    }
    var isChanged = false
    for port in portsOfService[service.index] {
      let new = wanted.first { $0.port == port }?.spec
      isChanged = recordSpec(port, new, number) || isChanged
    }
    if isChanged { log(.services, service, number, at, trigger: at) }
    return isChanged
  }

  private mutating func recordSpec(_ port: PortNameID, _ new: PortSpec?, _ revision: UInt32) -> Bool {
    let old = spec(heads[port.index].spec)
    if old == new { return false }
    heads[port.index].spec = specLinks.append(revision: revision, after: heads[port.index].spec)
    specs.append(new)
    if let new, new.healthCheckNodePort != 0 { healthCheckNodePorts.insert(new.healthCheckNodePort) }
    let oldFrontends = old?.frontends ?? []
    let newFrontends = new?.frontends ?? []
    for frontend in oldFrontends where !newFrontends.contains(frontend) {
      closeClaim(frontend, port, revision)
    }
    for frontend in newFrontends where !oldFrontends.contains(frontend) {
      openClaim(frontend, port, revision)
    }
    if old?.clusterIP != new?.clusterIP { claimClusterIP(port, old?.clusterIP, new?.clusterIP, revision) }
    recount(port)
    return true
  }

  private mutating func claimClusterIP(
    _ port: PortNameID, _ old: IPv4Address?, _ new: IPv4Address?, _ revision: UInt32
  ) {
    if let old, !old.isUnspecified {
      var index = clusterIPHeads.find(UInt64(old.bits))
      while clusterIPClaims[Int(index)].portName != port || clusterIPClaims[Int(index)].until != .max {
        index = UInt32(bitPattern: clusterIPClaims[Int(index)].previous)
      }
      clusterIPClaims[Int(index)].until = revision
    }
    guard let new, !new.isUnspecified else { return }
    let previous = Int32(bitPattern: clusterIPHeads.find(UInt64(new.bits)))
    clusterIPClaims.append(
      Claim(from: revision, until: .max, portName: port, kind: .clusterIP, previous: previous))
    clusterIPHeads.set(UInt64(new.bits), UInt32(clusterIPClaims.count - 1))
  }

  private mutating func openClaim(_ frontend: Frontend, _ port: PortNameID, _ revision: UInt32) {
    var index = frontends.find(frontend.key)
    if index == .max {
      index = UInt32(frontendHeads.count)
      frontends.set(frontend.key, index)
      frontendHeads.append(FrontendHead(latest: -1, isShared: false))
      frontendsOfAddress.insert(frontend.key, index)
    }
    var head = frontendHeads[Int(index)]
    var other = head.latest
    while other >= 0 && !head.isShared {
      head.isShared = claims[Int(other)].until == .max
      other = claims[Int(other)].previous
    }
    claims.append(
      Claim(from: revision, until: .max, portName: port, kind: frontend.kind, previous: head.latest))
    head.latest = Int32(claims.count - 1)
    frontendHeads[Int(index)] = head
  }

  private mutating func closeClaim(_ frontend: Frontend, _ port: PortNameID, _ revision: UInt32) {
    var index = frontendHeads[Int(frontends.find(frontend.key))].latest
    while index >= 0 {
      let claim = claims[Int(index)]
      if claim.portName == port && claim.kind == frontend.kind && claim.until == .max {
        claims[Int(index)].until = revision
        return
      }
      index = claim.previous
    }
    preconditionFailure("port \(port) holds no claim on \(frontend)")
  }

  /// True if proxies see a change. `slices` are all IPv4 slices that the Service has afterwards.
  mutating func record(
    slices: [EndpointSlice], of service: ServiceID, revision: Revision, at: SimTime, trigger: SimTime
  ) -> Bool {
    let number = advancing(to: revision)
    latestRevision = number
    makeRoom(for: service)
    let lists = endpointLists(slices, service)
    var isChanged = false
    for port in portsOfService[service.index] {
      let new = lists.first { $0.port == port }?.endpoints ?? []
      let latest = heads[port.index].endpoints
      if endpointList(latest) == new { continue }
      heads[port.index].endpoints = endpointLinks.append(revision: number, after: latest)
      endpoints.append(new)
      isPruned.append(false)
      recordsSincePruning += new.count
      recount(port)
      isChanged = true
    }
    // Proxies do not watch slices of headless Services (label service.kubernetes.io/headless).
    isChanged = isChanged && !isHeadless[service.index]
    if isChanged {
      let triggers = slices.filter { $0.metadata.resourceVersion == revision }.compactMap(\.triggerTime)
      log(.slices, service, number, at, trigger: triggers.min() ?? trigger)
    }
    return isChanged
  }

  private mutating func endpointLists(
    _ slices: [EndpointSlice], _ service: ServiceID
  ) -> [(port: PortNameID, endpoints: [EndpointRecord])] {
    var lists: [(port: PortNameID, endpoints: [EndpointRecord])] = []
    for slice in slices where slice.addressType == "IPv4" {
      for slicePort in slice.ports {
        guard let number = slicePort.port, let port = UInt16(exactly: number), port != 0,
          let transport = TransportProtocol(apiName: slicePort.protocol)
        else { continue }
        let name = portName(service, slicePort.name, transport)
        let position = lists.firstIndex { $0.port == name } ?? lists.count
        if position == lists.count { lists.append((name, [])) }
        for endpoint in slice.endpoints {
          guard let record = endpointRecord(endpoint, port: port, of: name) else { continue }
          lists[position].endpoints.append(record)
        }
      }
    }
    for i in lists.indices { sortAndMerge(&lists[i].endpoints) }
    return lists
  }

  private mutating func endpointRecord(
    _ endpoint: Endpoint, port: UInt16, of name: PortNameID
  ) -> EndpointRecord? {
    guard let text = endpoint.addresses.first, let address = IPv4Address(text) else { return nil }
    let node = nodeName(endpoint.nodeName)
    let hint = EndpointHints(
      zones: endpoint.zoneHints?.map { zone($0) }, nodes: endpoint.nodeHints?.map { nodeName($0) })
    var conditions: EndpointConditions = []
    if endpoint.isReady { conditions.insert(.ready) }
    if endpoint.isServing { conditions.insert(.serving) }
    if endpoint.isTerminating { conditions.insert(.terminating) }
    let backend = backends.intern(
      portName: name, address: address, port: port, pod: endpoint.pod ?? .none, node: node)
    return EndpointRecord(backend: backend, node: node, hints: hints(hint), conditions: conditions)
  }

  /// Orders by the text of ip:port and keeps one record per ip:port, rather one that is not terminating
  /// (pkg/proxy/endpointslicecache.go: a new pod may have taken over the address).
  private func sortAndMerge(_ list: inout [EndpointRecord]) {
    let order = list.indices.sorted { i, j in
      if backends.isOrderedBefore(list[i].backend, list[j].backend) { return true }
      return !backends.isOrderedBefore(list[j].backend, list[i].backend) && i < j
    }
    var merged: [EndpointRecord] = []
    merged.reserveCapacity(list.count)
    for i in order {
      let record = list[i]
      guard let last = merged.last,
        backends.target(last.backend).chain == backends.target(record.backend).chain
      else {
        merged.append(record)
        continue
      }
      if !record.conditions.contains(.terminating) { merged[merged.count - 1] = record }
    }
    list = merged
  }

  private mutating func log(
    _ kind: WatchKind, _ service: ServiceID, _ revision: UInt32, _ at: SimTime, trigger: SimTime
  ) {
    logs[kind.rawValue].append(
      Change(at: at, revision: revision, service: service, totals: totals, size: size, trigger: trigger))
  }

  /// Brings the cluster-wide rule counts up to date with the newest versions of a port.
  private mutating func recount(_ port: PortNameID) {
    let head = heads[port.index]
    var now = RuleTotals()
    if let spec = spec(head.spec) {
      let list = endpointList(head.endpoints)
      let ready = list.count { $0.isReady }
      now = spec.ruleTotals(endpoints: ready > 0 ? ready : list.count { $0.isServingTerminating })
      now.mapEntries = spec.mapEntriesAtMost(endpoints: list.count)
    }
    totals = totals - totalsOfPort[port.index] + now
    totalsOfPort[port.index] = now
    resize(port)
  }
}

extension ClusterHistory {
  /// Brings `size` up to date with the newest versions of a port.
  private mutating func resize(_ port: PortNameID) {
    while sizeOfPort.count <= port.index { sizeOfPort.append(TableSize()) }
    let head = heads[port.index]
    let isThere = spec(head.spec) != nil
    let now = TableSize(
      servicePorts: isThere ? 1 : 0, endpoints: isThere ? Int32(endpointList(head.endpoints).count) : 0)
    let before = sizeOfPort[port.index]
    size.servicePorts += now.servicePorts - before.servicePorts
    size.endpoints += now.endpoints - before.endpoints
    sizeOfPort[port.index] = now
  }
}

extension PortSpec {
  /// Rules of this port with `endpoints` usable ones, as Iptables/IptablesRules writes them; a local set is
  /// counted as if it were the cluster set.
  func ruleTotals(endpoints: Int) -> RuleTotals {
    let addresses = Int32(1 + externalIPs.count + loadBalancerVIPs.count)
    let nodePorts: Int32 = nodePort != 0 ? 1 : 0
    guard endpoints > 0 else { return RuleTotals(filter: addresses + nodePorts) }
    // Masquerade rule, choice, two per endpoint chain; with affinity one check more per endpoint.
    var chains = 1 + endpoints * (affinity > .zero ? 4 : 3)
    if isExternallyAccessible { chains += isExternalPolicyLocal ? 4 : 2 }
    if hasSourceRanges { chains += sourceRanges.count + 1 }
    return RuleTotals(
      dispatch: addresses, nodePorts: nodePorts, chains: Int32(chains),
      filter: hasSourceRanges ? Int32(loadBalancerVIPs.count) : 0)
  }
}
