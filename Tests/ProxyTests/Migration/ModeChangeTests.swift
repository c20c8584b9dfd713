// SPDX-License-Identifier: GPL-3.0-or-later
//
// A node's kube-proxy is restarted in another mode: what the kernel does with new connections before the
// clean-up, between clean-up and first sync, and after it, for every ordered pair of modes (server_linux.go
// platformCleanup).

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

/// One change of mode. Restart takes 3 s, of which listing the last one; a sync takes 100 ms.
struct ModeChange: CustomTestStringConvertible, Sendable {
  var from: ProxyMode
  var to: ProxyMode
  /// kube-proxy removes the old rules at its start, so there are none until the first sync.
  var hasWindow: Bool
  /// Modes whose rules are still in the kernel afterwards.
  var stays: [ProxyMode] = []
  /// A load balancer's address without endpoints at the change, with one afterwards, from outside.
  var late = "10.180.0.9:80 M"
  /// A cluster IP whose Service was deleted after the change, from a pod.
  var deleted = ""

  var testDescription: String { "\(from.rawValue) to \(to.rawValue)" }

  static let all: [ModeChange] = [
    ModeChange(from: .iptables, to: .nftables, hasWindow: true),
    ModeChange(from: .ipvs, to: .nftables, hasWindow: true),
    ModeChange(from: .nftables, to: .iptables, hasWindow: true),
    ModeChange(from: .nftables, to: .ipvs, hasWindow: true),
    // KUBE-EXTERNAL-SERVICES stays in filter INPUT, where packets pass on their way to ipvs.
    ModeChange(from: .iptables, to: .ipvs, hasWindow: false, stays: [.iptables], late: "REJECT"),
    // The virtual server stays, and kube-ipvs0 has its address.
    ModeChange(from: .ipvs, to: .iptables, hasWindow: false, stays: [.ipvs], deleted: "10.180.0.5:80"),
    ModeChange(from: .ebpf, to: .iptables, hasWindow: true),
    ModeChange(from: .ebpf, to: .ipvs, hasWindow: true),
    ModeChange(from: .ebpf, to: .nftables, hasWindow: true),
    // What Cilium does not take meets the old rules. Its backend is local: no masquerade.
    ModeChange(
      from: .iptables, to: .ebpf, hasWindow: false, stays: [.iptables], late: "10.180.0.9:80",
      deleted: "10.180.0.5:80"),
    ModeChange(
      from: .ipvs, to: .ebpf, hasWindow: false, stays: [.ipvs], late: "10.180.0.9:80",
      deleted: "10.180.0.5:80"),
    ModeChange(
      from: .nftables, to: .ebpf, hasWindow: false, stays: [.nftables], late: "10.180.0.9:80",
      deleted: "10.180.0.5:80"),
  ]
}

struct ModeChangeTests {
  static let web = Probe(from: Address.pod, to: "172.30.0.10", port: 80)
  static let late = Probe(from: Address.outside, to: "1.2.3.4", port: 80)
  static let deleted = Probe(from: Address.pod, to: "172.30.0.12", port: 80)
  static let both = "10.180.0.1:80 10.180.1.1:80"

  static func world(_ mode: ProxyMode) -> ProxyWorld {
    var timing = testTiming()
    timing.proxyListing = .constant(1)
    var world = ProxyWorld(
      nodes: [testNode(0, "testnode", [Address.node], testSettings { $0.mode = mode })], timing: timing)
    world.put(
      0, testService("web", clusterIP: "172.30.0.10"),
      [testEndpoint("10.180.0.1", node: "testnode"), testEndpoint("10.180.1.1", node: "other")])
    let balanced = testService("late", clusterIP: "172.30.0.11") {
      $0.spec.type = "LoadBalancer"
      $0.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
    }
    world.put(1, balanced, [])
    world.put(
      2, testService("gone", clusterIP: "172.30.0.12"), [testEndpoint("10.180.0.5", node: "testnode")])
    world.converge()
    return world
  }

  static func change(
    _ world: inout ProxyWorld, to mode: ProxyMode, _ more: (inout ProxySettings) -> Void = { _ in }
  ) {
    let settings = testSettings {
      $0.mode = mode
      more(&$0)
    }
    world.fleet.restart(NodeID(0), settings: settings, at: world.now, into: &world.output)
    world.take()
  }

  /// The scheduler of ipvs and the affinity of none offer one server at a time: any of the two is right.
  static func isWeb(_ fate: String) -> Bool { !fate.isEmpty && both.contains(fate) }

  @Test(arguments: ModeChange.all)
  func theKernelHoldsOldRulesThenNoneOrBothThenNewOnes(_ change: ModeChange) {
    var world = Self.world(change.from)
    world.run(until: .zero + .seconds(10))
    Self.change(&world, to: change.to)

    world.run(until: .zero + .milliseconds(11_900))
    #expect(world.fleet.programmedMode(of: NodeID(0)) == change.from)
    #expect(Self.isWeb(world.fate(Self.web)), "before the clean-up")

    world.run(until: .zero + .milliseconds(12_500))
    #expect(Self.isWeb(world.fate(Self.web)) == !change.hasWindow)
    #expect(world.fleet.programmedMode(of: NodeID(0)) == (change.hasWindow ? nil : change.from))
    #expect(world.fleet.ruleTexts(of: NodeID(0)).isEmpty == change.hasWindow)

    world.run(until: .zero + .seconds(14))
    #expect(world.fleet.programmedMode(of: NodeID(0)) == change.to)
    #expect(world.fleet.leftoverModes(of: NodeID(0)) == change.stays)
    #expect(Self.isWeb(world.fate(Self.web)))
    let leftBehind = world.fleet.ruleTexts(of: NodeID(0)).filter { $0.command.contains("left behind") }
    #expect(leftBehind.isEmpty == change.stays.isEmpty)

    world.put(1, slices: [testSlice([testEndpoint("10.180.0.9", node: "testnode")])])
    world.put(2, nil)
    world.run(for: .seconds(5))
    #expect(world.fate(Self.late) == change.late)
    #expect(world.fate(Self.deleted) == change.deleted)
  }

  @Test(arguments: ModeChange.all)
  func theExplanationAgreesWithThePackets(_ change: ModeChange) {
    var world = Self.world(change.from)
    Self.change(&world, to: change.to)
    for second in [1.0, 2.5, 5.0, 9.0] {
      world.run(until: .zero + SimDuration(seconds: second))
      if second == 5 {
        world.put(1, slices: [testSlice([testEndpoint("10.180.0.9", node: "testnode")])])
        world.put(2, nil)
      }
      for probe in [Self.web, Self.late, Self.deleted] {
        let origin = world.origin(of: probe)
        let explained = world.fleet.explain(node: NodeID(0), flow: probe.flow, origin: origin, at: world.now)
        let verdict = world.verdict(probe)
        let way = explained.branches.first {
          $0.verdict.kind == verdict.kind && $0.verdict.address == verdict.address
            && $0.verdict.masquerade == verdict.masquerade
        }
        #expect(
          way != nil, "\(probe.to) at \(second) s: \(verdict), not in \(explained.branches.map(\.verdict))")
      }
    }
  }

  @Test(arguments: ModeChange.all)
  func kubeProxyCleanupBeforeLeavesNothingBehind(_ change: ModeChange) {
    var world = Self.world(change.from)
    Self.change(&world, to: change.to) { $0.removesLeftovers = true }
    world.run(until: .zero + .milliseconds(2500))
    #expect(world.fate(Self.web) == "")
    world.run(until: .zero + .seconds(5))
    #expect(world.fleet.leftoverModes(of: NodeID(0)) == [])
    world.put(1, slices: [testSlice([testEndpoint("10.180.0.9", node: "testnode")])])
    world.put(2, nil)
    world.run(for: .seconds(5))
    #expect(world.fate(Self.late).hasPrefix("10.180.0.9:80"))
    #expect(world.fate(Self.deleted) == "")
  }

  /// Back and forth: what a mode had left is its own again, and mode nftables removes all that is left.
  @Test func leftoversGoWithTheNextModeThatRemovesOrRewritesThem() {
    var world = Self.world(.iptables)
    let steps: [(ProxyMode, [ProxyMode])] = [
      (.ipvs, [.iptables]), (.iptables, [.ipvs]), (.ebpf, [.ipvs, .iptables]), (.nftables, []), (.ipvs, []),
      (.ebpf, [.ipvs]), (.iptables, [.ipvs]),
    ]
    for (mode, stays) in steps {
      Self.change(&world, to: mode)
      world.run(for: .seconds(5))
      #expect(world.fleet.programmedMode(of: NodeID(0)) == mode)
      #expect(world.fleet.leftoverModes(of: NodeID(0)) == stays, "after \(mode)")
      #expect(Self.isWeb(world.fate(Self.web)))
    }
  }

  @Test func aRebootForgetsLeftovers() {
    var world = Self.world(.iptables)
    Self.change(&world, to: .ipvs)
    world.run(for: .seconds(5))
    world.fleet.nodeWentDown(NodeID(0))
    #expect(world.fleet.leftoverModes(of: NodeID(0)) == [])
  }

  /// kube-proxy cleans up before it knows whether it can reach the API: a node cut off from it stays
  /// without rules.
  @Test func aProcessThatCannotReachTheAPIHasCleanedUpAllTheSame() {
    var world = Self.world(.iptables)
    world.fleet.disconnect(NodeID(0), at: world.now)
    Self.change(&world, to: .nftables)
    world.run(for: .seconds(60))
    #expect(world.fate(Self.web) == "")
    world.fleet.reconnect(NodeID(0), at: world.now, into: &world.output)
    world.take()
    // Its reflectors have given up and dial again in their own time.
    world.run(for: .seconds(120))
    #expect(Self.isWeb(world.fate(Self.web)))
  }

  @Test func aRestartInTheSameModeRemovesNothing() {
    var world = Self.world(.nftables)
    Self.change(&world, to: .nftables)
    for second in 1...5 {
      world.run(until: .zero + SimDuration(seconds: Double(second)))
      #expect(Self.isWeb(world.fate(Self.web)))
    }
  }
}

/// Random Services, endpoints and changes of mode on three nodes, then silence.
struct ModeChangeRandomTests {
  @Test(arguments: 0..<24)
  func onceQuietEveryTableIsThatOfAFreshStart(_ seed: UInt64) {
    var random = RandomWorld(seed: seed, mode: ProxyMode.allCases[Int(seed) % 4])
    random.change = { $0.removesLeftovers = true }
    var services: [Service] = []
    var world = random.build(&services)
    for _ in 0..<12 {
      switch random.random.below(3) {
      case 0:
        var settings = random.settings()
        settings.mode = random.random.pick(ProxyMode.allCases)
        let node = NodeID(random.random.below(3))
        world.fleet.restart(node, settings: settings, at: world.now, into: &world.output)
        world.take()
      default: random.mutate(&world, &services)
      }
      world.run(for: SimDuration(seconds: Double(random.random.below(5))))
    }
    world.run(for: .seconds(60))
    for node in 0..<3 {
      #expect(world.fleet.leftoverModes(of: NodeID(node)) == [])
      for _ in 0..<40 {
        let probe = random.probe()
        let origin = world.origin(of: probe)
        let fresh = world.fleet.decideFresh(
          node: NodeID(node), flow: probe.flow, origin: origin, at: world.now, random: 0)
        let present = world.verdict(probe, node: node)
        #expect(
          present.kind == fresh.kind && present.reason == fresh.reason, "\(probe) at \(node), seed \(seed)")
        guard present.kind == .forward, fresh.kind == .forward, !present.viaAffinity else { continue }
        #expect(
          world.fleet.candidates(present.candidates).sorted { $0.rawValue < $1.rawValue }
            == world.fleet.candidates(fresh.candidates).sorted { $0.rawValue < $1.rawValue },
          "\(probe), seed \(seed)")
      }
    }
  }
}
