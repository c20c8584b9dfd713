// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the fleet remembers for nodes with an agent instead of kube-proxy: their settings, affinity maps, and
// caches of what follows from versions (plans, Maglev tables, maps as data).

import Cluster
import NetworkTypes
import SimKernel

/// The agents' settings, state and caches.
struct EBPFState {
  /// Plans kept before the cache is emptied.
  static let planLimit = 1 << 18
  private(set) var agents: [EBPFSettings] = []
  private(set) var seeds: [MaglevSeeds] = []
  var plans: [EBPFPlanKey: EBPFPlan] = [:]
  var tables: [MaglevKey: MaglevTable] = [:]
  /// Frontends that found no room, by what a table shows.
  var unprogrammed: [EBPFViewKey: Set<UInt64>] = [:]
  /// The maps asked for last.
  var latestMaps: (key: EBPFViewKey, maps: EBPFMaps)?
  /// By node.
  private var affinity: [EBPFAffinityMap] = []
  private var addresses: [[IPv4Address]] = []
  private var owners: [UInt32: Int] = [:]

  /// Number of equal settings.
  mutating func agent(_ settings: EBPFSettings) -> Int32 {
    if let known = agents.firstIndex(of: settings) { return Int32(known) }
    guard let seed = MaglevSeeds(settings.maglevHashSeed) else {
      preconditionFailure("Maglev seed \(settings.maglevHashSeed)")
    }
    agents.append(settings)
    seeds.append(seed)
    return Int32(agents.count - 1)
  }

  // MARK: Addresses of the cluster's nodes, as the agents' ipcache has them

  mutating func setAddresses(of node: Int, _ list: [IPv4Address]) {
    while addresses.count <= node { addresses.append([]) }
    for address in addresses[node] where owners[address.bits] == node { owners[address.bits] = nil }
    addresses[node] = list
    for address in list { owners[address.bits] = node }
    latestMaps = nil
    unprogrammed.removeAll(keepingCapacity: true)
  }

  /// The node whose address this is; nil if it is nobody's.
  func owner(of address: IPv4Address) -> Int? { owners[address.bits] }

  // MARK: Affinity

  func rememberedChain(_ node: UInt32, _ key: EBPFAffinityKey, now: SimTime, timeout: SimDuration) -> UInt32?
  {
    Int(node) < affinity.count ? affinity[Int(node)].chain(key, now: now, timeout: timeout) : nil
  }

  mutating func remember(
    _ node: UInt32, _ key: EBPFAffinityKey, _ chain: UInt32, now: SimTime, capacity: Int
  ) {
    while affinity.count <= Int(node) { affinity.append(EBPFAffinityMap()) }
    affinity[Int(node)].set(key, chain, now: now, capacity: capacity)
  }

  /// A reboot empties the maps.
  mutating func forgetAffinity(of node: Int) {
    if node < affinity.count { affinity[node] = EBPFAffinityMap() }
  }
}

struct MaglevKey: Hashable {
  var set: CandidateSetID
  var size: Int
  var seed: UInt32
}

/// What the content of a node's maps depends on.
struct EBPFViewKey: Hashable {
  var node: UInt32
  var services: UInt32
  var slices: UInt32
  var eyes: Int32

  init(_ node: UInt32, _ table: TableState) {
    self.node = node
    services = table.services
    slices = table.slices
    eyes = table.eyes
  }
}
