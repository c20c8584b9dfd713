// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a kube-proxy that starts in another mode finds in the kernel, and what it does with it:
//
//     old process exits -- new one starts -- clean-up -- lists -- first sync -- end of the sync
//     old rules in force ......................|  nothing, or what stays  ........| new rules (and what stays)
//
// kube-proxy cleans up before it connects to the API (cmd/kube-proxy/app/options.go Run, server_linux.go
// platformCleanup): mode nftables removes the rules of iptables and of ipvs, the latter with virtual servers,
// sets and kube-ipvs0; modes iptables and ipvs remove table kube-proxy of nftables. Modes iptables and ipvs
// do not clean up behind each other since KEP-2448, and nobody cleans up behind kube-proxy for Cilium. What
// stays is frozen, and packets may still meet it (ProxyFleet+Leftovers).

import Cluster
import NetworkTypes
import SimKernel

/// Rules of a mode that the node's present kube-proxy neither writes nor removes.
struct Leftover: Equatable {
  var mode: ProxyMode
  var nat: TableState
  var filter: TableState

  static func == (a: Leftover, b: Leftover) -> Bool {
    a.mode == b.mode && a.nat.services == b.nat.services && a.nat.slices == b.nat.slices
      && a.nat.eyes == b.nat.eyes
  }
}

extension ProxyMode {
  /// Whether a kube-proxy that starts in this mode removes what `other` left (server_linux.go
  /// platformCleanup). That Cilium's programs go with its agent is assumed.
  public func cleansUp(behind other: ProxyMode) -> Bool {
    switch self {
    case .nftables: other != .nftables
    case .iptables, .ipvs: other == .nftables || other == .ebpf
    case .ebpf: false
    }
  }
}

/// A node's kernel got or lost the rules of a mode.
public struct KernelChange: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// A clean-up removed the rules of a mode.
    case removed(ProxyMode)
    /// The first sync in a mode ended, where another one had been before.
    case programmed(ProxyMode, before: ProxyMode?)
  }
  public var node: NodeID
  public var kind: Kind
  public init(node: NodeID, kind: Kind) {
    self.node = node
    self.kind = kind
  }
}

extension ProxyFleet {
  func mode(_ table: TableState) -> ProxyMode? { table.eyes < 0 ? nil : eyes[Int(table.eyes)].mode }

  func leftovers(of index: Int) -> [Leftover] {
    tables[index].hasLeftovers ? leftoverTables[index] ?? [] : []
  }

  /// Modes whose rules the node's kernel has beside those of its kube-proxy, the oldest first.
  public func leftoverModes(of node: NodeID) -> [ProxyMode] { leftovers(of: node.index).map(\.mode) }

  mutating func setLeftovers(_ index: Int, _ list: [Leftover]) {
    leftoverTables[index] = list.isEmpty ? nil : list
    tables[index].hasLeftovers = !list.isEmpty
  }

  // MARK: The clean-up

  /// A process starts that will be ready after `delay`: it removes what its mode removes, and then lists.
  mutating func planCleanUp(
    _ index: Int, _ now: SimTime, readyAfter delay: SimDuration, _ output: inout ProxyOutput
  ) {
    guard !modesToRemove(index).isEmpty else { return }
    let listing = draws.listing(node: index, ordinal: processes[index].starts)
    let at = now + max(.zero, delay - listing)
    output.schedule.append((at, .cleanUp(NodeID(index), epoch: processes[index].epoch)))
  }

  private func modesToRemove(_ index: Int) -> [ProxyMode] {
    let settings = processes[index].settings
    var present = leftovers(of: index).map(\.mode)
    if let current = mode(tables[index].nat) { present.append(current) }
    return present.filter {
      $0 != settings.mode && (settings.mode.cleansUp(behind: $0) || settings.removesLeftovers)
    }
  }

  mutating func cleanUp(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    let removed = modesToRemove(index)
    setLeftovers(index, leftovers(of: index).filter { !removed.contains($0.mode) })
    if let current = mode(tables[index].nat), removed.contains(current) {
      processes[index].staleChains = []
      processes[index].hasCleanedUp = true
      recent.removeLists(of: UInt32(index)) { _ in true }
      // Nothing is in force, or again what an earlier mode had left.
      var stays = leftovers(of: index)
      let next = stays.popLast()
      setLeftovers(index, stays)
      tables[index].nat = next?.nat ?? .empty
      tables[index].filter = next?.filter ?? .empty
      if next == nil { processes[index].emptySince = now }
    }
    if removed.contains(.ipvs) { dropIPVS(index) }
    if removed.contains(.ebpf) { ebpf.forgetAffinity(of: index) }
    for mode in removed {
      output.kernelChanges.append(KernelChange(node: NodeID(index), kind: .removed(mode)))
    }
  }

  // MARK: The first sync in another mode

  /// A sync has ended: what stays of another mode's rules is kept apart.
  mutating func noteModeChange(
    _ index: Int, from old: NodeTables, _ output: inout ProxyOutput
  ) {
    let before = mode(old.nat)
    let hasCleanedUp = processes[index].hasCleanedUp
    guard let new = mode(tables[index].nat), before != new, before != nil || hasCleanedUp else { return }
    processes[index].hasCleanedUp = false
    // A mode that writes its own chains anew takes over what it had left there before.
    var stays = leftovers(of: index).filter { $0.mode != new }
    if let before {
      stays.append(Leftover(mode: before, nat: old.nat, filter: old.filter))
    }
    setLeftovers(index, stays)
    output.kernelChanges.append(KernelChange(node: NodeID(index), kind: .programmed(new, before: before)))
  }

  /// Whether the virtual servers of an earlier mode ipvs are still in the kernel.
  func keepsVirtualServers(_ index: Int) -> Bool {
    tables[index].hasLeftovers && leftovers(of: index).contains { $0.mode == .ipvs }
  }

  /// The table by which virtual servers were written: the present one, or one that was left behind.
  func tableOfVirtualServers(_ index: Int) -> TableState {
    let present = tables[index].nat
    if mode(present) == .ipvs { return present }
    return leftovers(of: index).first { $0.mode == .ipvs }?.nat ?? present
  }

  /// A reboot empties the kernel.
  mutating func forgetLeftovers(_ index: Int) {
    if tables[index].hasLeftovers { setLeftovers(index, []) }
  }
}
