// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a sync sends to the kernel, counted in operations of nft as upstream's TestSyncProxyRulesRepeated does
// (FACTS D2): a transaction holds only changes. A chain that is touched costs its add and flush and one per
// rule, an element one, an element whose verdict changes two. Chains that nothing needs any more are flushed
// at once and deleted in a transaction of its own, by the first sync that begins more than a second later.

import Cluster
import NetworkTypes
import SimKernel

struct NftablesOperations: Equatable {
  /// Of the transaction with the rules.
  var sync = 0
  /// Of the transaction before it that deletes chains that have long been stale.
  var cleanup = 0
}

/// A chain that is empty and waits for its deletion.
struct NftablesStaleChain: Equatable {
  var chain: NftablesChain
  /// Start of the sync that flushed it last.
  var since: SimTime
}

/// Age at which stale chains are deleted: before Linux 6.2 the kernel takes a moment to see that no map leads
/// to them any more (k/k pkg/proxy/nftables/proxier.go, syncProxyRules).
let nftablesStaleChainAge = SimDuration.seconds(1)

extension NftablesTable {
  /// Operations that turn `self` into `next` when the chains of all ports in `next` are written again.
  /// - Parameters:
  ///   - keepsEndpointChains: as at a full sync, which does not write endpoint chains that are there.
  ///   - isInUse: hairpins that a Service outside of both tables has, too.
  func operations(
    to next: NftablesTable, keepsEndpointChains: Bool = false,
    isInUse: (NftablesKey) -> Bool = { _ in false }
  ) -> Int {
    var count = clusterIPs.symmetricDifference(next.clusterIPs).count
    count += hairpins.symmetricDifference(next.hairpins).count { !isInUse($0) }
    for map in NftablesMap.allCases {
      let (old, new) = (maps[map] ?? [:], next.maps[map] ?? [:])
      count += old.keys.count { new[$0] == nil }
      for (key, element) in new {
        guard let before = old[key] else {
          count += 1
          continue
        }
        // Deleted and added again.
        if before.verdict != element.verdict { count += 2 }
      }
    }
    for chain in next.chains where chain.isOfService {
      if keepsEndpointChains, case .endpoint = chain, rules[chain] != nil { continue }
      count += 2 + next[chain].count
    }
    return count + next.affinityChains.count + affinityChains.subtracting(next.affinityChains).count
  }

  /// Operations of a full sync for everything that does not belong to a Service: the table, its base chains
  /// (taken away and made again by a process' first sync, in case their priorities changed), chains, sets,
  /// maps and rules.
  func setupOperations(isFirst: Bool) -> Int {
    var count = 1 + (isFirst ? 2 * NftablesChain.base.count : 0)
    for chain in chains where !chain.isOfService { count += 2 + self[chain].count }
    count += NftablesMap.allCases.count + (layout == .directTranslation ? 3 : 2)
    // nodeport-ips is flushed and filled, or deleted.
    return count + 1 + (nodePortIPs?.count ?? 0)
  }
}

extension NftablesChain {
  /// The chain belongs to one Service port.
  var isOfService: Bool {
    switch self {
    case .clusterPolicy, .localPolicy, .external, .firewall, .endpoint: true
    default: false
    }
  }
}

extension ProxyFleet {
  /// Counts what the sync that begins now will send, and which chains it leaves stale. To be called while
  /// `touched` holds the Services of the sync.
  mutating func countNftablesOperations(_ index: Int, _ target: inout SyncTarget) -> NftablesOperations {
    let old = tables[index].nat
    var operations = NftablesOperations()
    var stale = processes[index].staleChains
    let aged = stale.count
    stale.removeAll { $0.since < target.start - nftablesStaleChainAge }
    operations.cleanup = aged - stale.count
    // A kernel that ran another mode, or nothing, has no such table.
    let hasTable = old.eyes >= 0 && eyes[Int(old.eyes)].mode == .nftables
    let before: NftablesTable
    let after: NftablesTable
    if target.isFull {
      before = hasTable ? nftablesRules(old) : NftablesTable()
      after = nftablesRules(target.table)
      operations.sync = before.operations(to: after, keepsEndpointChains: true)
      operations.sync += after.setupOperations(isFirst: !processes[index].hasSynced)
    } else {
      var names: [PortNameID] = []
      for service in touched { names += history.portsOfService[service.index] }
      before = nftablesServices(names, old)
      after = nftablesServices(names, target.table)
      let changed = before.hairpins.symmetricDifference(after.hairpins)
      let inUse = changed.isEmpty ? [] : hairpins(outside: names, target.table)
      operations.sync = before.operations(to: after, isInUse: { inUse.contains($0) })
    }
    // Whoever is stale and still there is flushed again, and its age begins anew.
    stale.removeAll { after.rules[$0.chain] != nil }
    for i in stale.indices { stale[i].since = target.start }
    let known = Set(stale.map(\.chain))
    for chain in before.chains where chain.isOfService && after.rules[chain] == nil && !known.contains(chain)
    {
      stale.append(NftablesStaleChain(chain: chain, since: target.start))
    }
    operations.sync += stale.count
    target.staleChains = stale
    return operations
  }

  /// The part of a table that belongs to some Service ports.
  private mutating func nftablesServices(_ names: [PortNameID], _ table: TableState) -> NftablesTable {
    var builder = NftablesBuilder(eyes: eyes[Int(table.eyes)], layout: nftablesLayout)
    for port in nftablesPorts(names, table) {
      builder.addElements(port)
      builder.addChains(port, history.backends)
    }
    return builder.table
  }

  /// Hairpins of all other Service ports.
  private mutating func hairpins(outside names: [PortNameID], _ table: TableState) -> Set<NftablesKey> {
    let left = Set(names)
    let others = history.heads.indices.lazy.map { PortNameID($0) }.filter { !left.contains($0) }
    var found: Set<NftablesKey> = []
    for port in nftablesPorts(Array(others), table) {
      for endpoint in port.local {
        found.insert(
          NftablesKey(address: endpoint.address, transport: port.port.spec.transport, port: endpoint.port))
      }
    }
    return found
  }
}

extension ProxyFleet {
  /// All rules of a table, without making it. O(endpoints).
  func nftablesRuleCount(_ table: TableState) -> Int {
    let eyes = self.eyes[Int(table.eyes)]
    let frame = NftablesBuilder(
      eyes: eyes, layout: nftablesLayout, serviceCIDRs: nftablesServiceCIDRs,
      nodePortIPs: eyes.acceptsAnyNodePortAddress ? nil : [])
    var count = frame.table.rules.values.reduce(0) { $0 + $1.count }
    for index in 0..<history.heads.count {
      let name = PortNameID(index)
      guard let spec = history.spec(history.specVersion(name, at: table.services)) else { continue }
      let selection = EndpointSelection(
        usesClusterEndpoints: spec.usesClusterEndpoints, usesLocalEndpoints: spec.usesLocalEndpoints,
        usesTerminating: usesTerminatingEndpoints, followsHints: spec.followsHints,
        hints: history.hints.values)
      let choice = selection.choose(
        history.endpointList(history.endpointsVersion(name, at: table.slices)),
        from: localities.values[Int(eyes.locality)])
      count += nftablesRuleCount(spec, choice, eyes)
    }
    return count
  }

  /// Rules in the chains of one Service port.
  private func nftablesRuleCount(_ spec: PortSpec, _ choice: EndpointChoice, _ eyes: NodeEyes) -> Int {
    var count = spec.hasSourceRanges ? 1 : 0
    guard choice.hasAnyEndpoints else { return count }
    let hasChains = nftablesLayout == .endpointChains
    let isSticky = spec.affinity > .zero
    for (endpoints, isLocal) in [(choice.cluster, false), (choice.local, true)] where !endpoints.isEmpty {
      count += 1 + (isSticky ? endpoints.count : 0)
      let masquerades = hasChains && (eyes.masqueradesAll || eyes.hasDetector)
      if masquerades && isLocal == spec.isInternalPolicyLocal { count += 1 }
    }
    if hasChains || isSticky {
      let reachable = Set(choice.cluster).union(choice.local).count
      count += reachable * (1 + (isSticky ? 1 : 0) + (hasChains ? 1 : 0))
    }
    if spec.isExternallyAccessible {
      count += spec.isExternalPolicyLocal ? 2 + (eyes.hasDetector ? 1 : 0) : 1
      if !spec.isExternalPolicyLocal || !choice.local.isEmpty { count += 1 }
    }
    return count
  }
}
