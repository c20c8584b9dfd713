// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many rules a node's tables hold and how many a sync writes, without making them (FACTS C3): what
// kube-proxy counts in sync_proxy_rules_iptables_total and …_last. Rules that it writes in full with each
// sync are those of its fixed chains and of the dispatch chains; those in the chains of a Service port are
// written only in full syncs and when the Service or its endpoints changed. Rules in the kernel's own
// chains (the jumps to kube-proxy's) are not counted, as kube-proxy does not.

import Cluster
import NetworkTypes
import SimKernel

/// Rules of Service ports, by where they stand; all counts are of one node.
struct IptablesRuleCounts: BitwiseCopyable, Equatable {
  /// nat KUBE-SERVICES but for its last rules.
  var dispatch: Int32 = 0
  /// nat KUBE-NODEPORTS.
  var nodePorts: Int32 = 0
  /// Chains of Service ports and endpoints.
  var chains: Int32 = 0
  /// The filter table's dispatch chains.
  var filter: Int32 = 0
  /// Endpoints of Service ports, usable or not.
  var endpoints: Int32 = 0

  /// FACTS C3: no comments in the rules of endpoints.
  var isLargeCluster: Bool { endpoints > Int32(IptablesNatBuilder.largeClusterEndpoints) }

  static func += (a: inout Self, b: Self) {
    a.dispatch += b.dispatch
    a.nodePorts += b.nodePorts
    a.chains += b.chains
    a.filter += b.filter
    a.endpoints += b.endpoints
  }
  static func -= (a: inout Self, b: Self) {
    a.dispatch -= b.dispatch
    a.nodePorts -= b.nodePorts
    a.chains -= b.chains
    a.filter -= b.filter
    a.endpoints -= b.endpoints
  }
}

/// Counts of all Service ports that look the same from every node with the same settings, so that many nodes
/// that program everything at once do not count them one by one each.
struct SharedRuleCounts {
  var services: UInt32
  var slices: UInt32
  var counts: IptablesRuleCounts
  /// Ports that each node must count itself.
  var others: [PortNameID]
}

/// Rules by table, as kube-proxy's metrics have them.
public struct IptablesTableCounts: Sendable, Equatable {
  public var filter: Int
  public var nat: Int
}

extension ProxyFleet {
  /// Pairs of node and Service port that are looked at one by one at convergence, at most: some seconds.
  /// Beyond that the rules of ports that look different from each node are counted as if every node had the
  /// sets that a node without topology and traffic policies has.
  static var countedPairs: Int { 4_000_000 }

  /// At convergence, before any node is counted: decides how. O(Service ports).
  mutating func prepareCounting(_ table: TableState) {
    if countsRoughly { return }
    _ = countRules(table)
    let slot = eyes[Int(table.eyes)].settingsNumber
    let others = sharedRuleCounts[slot]?.others.count ?? 0
    countsRoughly = others * tables.count > Self.countedPairs
    if countsRoughly { sharedRuleCounts[slot] = nil }
  }

  /// Rules that kube-proxy has in the two tables of `node`: sync_proxy_rules_iptables_total. Zero in other
  /// modes and on a node without rules.
  public func iptablesRuleCounts(of node: NodeID) -> IptablesTableCounts {
    let table = tables[node.index].nat
    guard table.eyes >= 0, eyes[Int(table.eyes)].mode == .iptables else {
      return IptablesTableCounts(filter: 0, nat: 0)
    }
    let counts = processes[node.index].ruleCounts
    return tableCounts(counts, chains: counts.chains, eyes[Int(table.eyes)])
  }

  /// Rules that a sync with these counts writes, `chains` of them in the chains of Service ports.
  func tableCounts(_ counts: IptablesRuleCounts, chains: Int32, _ eyes: NodeEyes) -> IptablesTableCounts {
    // KUBE-POSTROUTING and KUBE-MARK-MASQ, then the last rules of KUBE-SERVICES.
    let fixedNat = 4 + (eyes.acceptsAnyNodePortAddress ? 1 : Int(eyes.nodePortAddressCount))
    // KUBE-FORWARD's two that are always there, KUBE-FIREWALL, INVALID.
    let fixedFilter = 2 + (eyes.localhostNodePorts ? 1 : 0) + (eyes.dropsInvalid ? 1 : 0)
    return IptablesTableCounts(
      filter: fixedFilter + Int(counts.filter),
      nat: fixedNat + Int(counts.dispatch) + Int(counts.nodePorts) + Int(chains))
  }

  /// Rules of all Service ports of a table. O(ports that look different from each node), and O(all ports) for
  /// the first node with a pair of revisions.
  mutating func countRules(_ table: TableState) -> IptablesRuleCounts {
    let eyes = self.eyes[Int(table.eyes)]
    let slot = eyes.settingsNumber
    while sharedRuleCounts.count <= slot { sharedRuleCounts.append(nil) }
    if let shared = sharedRuleCounts[slot], shared.services == table.services, shared.slices == table.slices {
      var counts = shared.counts
      for port in shared.others { counts += countRules(port, table) }
      return counts
    }
    var shared = SharedRuleCounts(
      services: table.services, slices: table.slices, counts: IptablesRuleCounts(), others: [])
    var counts = IptablesRuleCounts()
    for index in 0..<history.heads.count {
      let port = PortNameID(index)
      let spec = history.specVersion(port, at: table.services)
      guard let portSpec = history.spec(spec) else { continue }
      let ofPort = countRules(port, table)
      counts += ofPort
      let endpoints = history.endpointsVersion(port, at: table.slices)
      // The firewall chain depends on the node's address.
      if countsRoughly || !portSpec.hasSourceRanges && plans.isShared(spec: spec, endpoints: endpoints) {
        shared.counts += ofPort
      } else {
        shared.others.append(port)
      }
    }
    sharedRuleCounts[slot] = shared
    return counts
  }

  /// Rules of one Service port, as the builders write them.
  mutating func countRules(_ port: PortNameID, _ table: TableState) -> IptablesRuleCounts {
    guard let spec = history.spec(history.specVersion(port, at: table.services)) else {
      return IptablesRuleCounts()
    }
    if countsRoughly { return countRulesRoughly(port, spec, table) }
    let eyes = self.eyes[Int(table.eyes)]
    let plan = self.plan(port, table, locality: eyes.locality)
    var counts = IptablesRuleCounts()
    counts.endpoints = Int32(history.endpointList(history.endpointsVersion(port, at: table.slices)).count)
    let external = Int32(spec.externalIPs.count + spec.loadBalancerVIPs.count)
    let traits = plan.traits
    if !traits.contains(.hasInternal) { counts.filter += 1 }
    if !traits.contains(.hasExternal) { counts.filter += external + (spec.nodePort != 0 ? 1 : 0) }
    if spec.healthCheckNodePort != 0 { counts.filter += 1 }
    guard traits.contains(.hasEndpoints) else { return counts }
    if traits.contains(.usesFirewall) { counts.filter += Int32(spec.loadBalancerVIPs.count) }
    counts.dispatch = external + (traits.contains(.hasInternal) ? 1 : 0)
    counts.nodePorts = spec.nodePort == 0 ? 0 : eyes.localhostNodePorts ? 2 : 1
    counts.chains = countChains(spec, plan, eyes)
    return counts
  }

  private func countRulesRoughly(
    _ port: PortNameID, _ spec: PortSpec, _ table: TableState
  ) -> IptablesRuleCounts {
    let endpoints = history.endpointList(history.endpointsVersion(port, at: table.slices))
    let ready = endpoints.count { $0.isReady }
    let totals = spec.ruleTotals(
      endpoints: ready > 0 ? ready : endpoints.count { $0.isServingTerminating })
    let perPort: Int32 = eyes[Int(table.eyes)].localhostNodePorts ? 2 : 1
    return IptablesRuleCounts(
      dispatch: totals.dispatch, nodePorts: totals.nodePorts * perPort, chains: totals.chains,
      filter: totals.filter, endpoints: Int32(endpoints.count))
  }

  private func countChains(_ spec: PortSpec, _ plan: PortPlan, _ eyes: NodeEyes) -> Int32 {
    var rules: Int32 = 0
    if plan.traits.contains(.hasInternal) && (eyes.masqueradesAll || eyes.hasDetector) { rules += 1 }
    if spec.isExternallyAccessible {
      rules += !plan.traits.contains(.externalLocal) ? 1 : eyes.hasDetector ? 3 : 2
      rules += plan.traits.contains(.hasExternal) ? 1 : 0
    }
    if plan.traits.contains(.usesFirewall) {
      rules += Int32(spec.sourceRanges.count) + 1
      if spec.sourceRanges.contains(where: { $0.contains(eyes.nodeIP) }) {
        rules += Int32(spec.loadBalancerVIPs.count)
      }
    }
    let cluster = candidateSets.list(plan.cluster)
    let local = candidateSets.list(plan.local)
    let perChoice: Int32 = plan.affinity > .zero ? 2 : 1
    var reachable = cluster.count
    if cluster.isEmpty {
      reachable = local.count
    } else if !local.isEmpty {
      let known = Set(cluster)
      reachable += local.count { !known.contains($0) }
    }
    return rules + Int32(cluster.count + local.count) * perChoice + Int32(reachable) * 2
  }
}

extension NodeEyes {
  /// A number for the settings that the count of rules depends on.
  fileprivate var settingsNumber: Int {
    (hasDetector ? 1 : 0) + (masqueradesAll ? 2 : 0) + (localhostNodePorts ? 4 : 0)
  }
}

extension ProxyFleet {
  /// At the start of a sync, when its target is known: what it will have written.
  mutating func countSync(_ index: Int, _ target: inout SyncTarget) {
    let old = tables[index].nat
    let eyes = self.eyes[Int(target.table.eyes)]
    guard eyes.mode == .iptables else { return }
    var counts = processes[index].ruleCounts
    var written: Int32 = 0
    if target.isFull || old.eyes != target.table.eyes {
      // The sync that follows a change of the node's labels or addresses writes everything anew.
      counts = countRules(target.table)
      written = counts.chains
    } else {
      collectTouched(index, target)
      for service in touched {
        for port in history.portsOfService[service.index] {
          counts -= countRules(port, old)
          let now = countRules(port, target.table)
          counts += now
          written += now.chains
        }
      }
    }
    target.ruleCounts = counts
    target.written = tableCounts(counts, chains: written, eyes)
    target.table.totals = ruleTotals(counts, eyes)
  }

  /// What the compiled lookup takes for the lengths of the dispatch chains.
  func ruleTotals(_ counts: IptablesRuleCounts, _ eyes: NodeEyes) -> RuleTotals {
    RuleTotals(
      dispatch: counts.dispatch, nodePorts: eyes.localhostNodePorts ? counts.nodePorts / 2 : counts.nodePorts)
  }

  /// Rules that the last sync of `node` wrote to the two tables: sync_proxy_rules_iptables_last.
  public func iptablesRulesOfLastSync(of node: NodeID) -> IptablesTableCounts {
    processes[node.index].lastWritten
  }
}
