// SPDX-License-Identifier: GPL-3.0-or-later
//
// The parts that decide alone, without a cluster: addresses, back-off, heartbeats, rolling updates,
// placement, health checks, selection.

import NetworkTypes
import SimKernel
import Testing

@testable import Cluster

@Suite struct HostLocalAllocatorTests {
  @Test func `the first pod gets .2, because the bridge has .1`() {
    var pool = HostLocalAllocator(block: IPv4CIDR("10.244.1.0/24")!)
    #expect(pool.allocate() == IPv4Address("10.244.1.2"))
    #expect(pool.allocate() == IPv4Address("10.244.1.3"))
  }

  @Test func `a released address comes again only after going round`() {
    var pool = HostLocalAllocator(block: IPv4CIDR("10.0.0.0/29")!)
    let first = pool.allocate()!
    pool.release(first)
    let rest = (0..<4).map { _ in pool.allocate()!.description }
    #expect(rest == ["10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"])
    #expect(pool.allocate() == first)
    #expect(pool.allocate() == nil)
  }

  @Test func `a reserved address is skipped and cannot be reserved twice`() {
    var pool = HostLocalAllocator(block: IPv4CIDR("10.0.0.0/24")!)
    #expect(pool.reserve(IPv4Address("10.0.0.2")!) == true)
    #expect(pool.reserve(IPv4Address("10.0.0.2")!) == false)
    #expect(pool.allocate() == IPv4Address("10.0.0.3"))
    #expect(pool.reserve(IPv4Address("192.168.0.1")!) == true, "foreign addresses take nothing from the pool")
    #expect(pool.takenCount == 2)
  }

  @Test(arguments: [("10.0.0.0/30", 1), ("10.0.0.0/31", 0), ("10.0.0.0/32", 0)])
  func `tiny blocks give what they have and then nothing`(block: String, count: Int) {
    var pool = HostLocalAllocator(block: IPv4CIDR(block)!)
    for _ in 0..<count { #expect(pool.allocate() != nil) }
    #expect(pool.allocate() == nil)
  }
}

@Suite struct CrashBackoffTests {
  @Test func `restarts wait 0, 10, 20, 40 … 300 s, and start over after ten good minutes`() {
    var backoff = CrashBackoff()
    var waits: [Double] = []
    var end = SimTime.zero
    for _ in 0..<8 {
      let start = backoff.heldUntil(end: end)
      waits.append((start - end).seconds)
      backoff.restarted(after: end, at: start, KubeletSettings())
      end = start + .seconds(1)
    }
    #expect(waits == [0, 10, 20, 40, 80, 160, 300, 300])
    let last = end - .seconds(1)
    #expect(backoff.heldUntil(end: last + .seconds(600)) == last + .seconds(900))
    #expect(backoff.heldUntil(end: last + .seconds(601)) == last + .seconds(601))
  }
}

@Suite struct HeartbeatMonitorTests {
  let monitor = HeartbeatMonitor(period: .seconds(5), grace: .seconds(50), phase: .seconds(2))
  func seconds(_ value: Double) -> SimTime { .zero + SimDuration(seconds: value) }

  @Test(arguments: [(-3.0, 2.0), (-3.1, -3.0), (0, 2), (2, 7), (6.9, 7)])
  func `looks are at 2, 7, 12 … and the next one is strictly later`(time: Double, look: Double) {
    #expect(monitor.look(after: seconds(time)) == seconds(look))
  }

  @Test func `the last heartbeat is the last multiple of the period before the silence`() {
    let last = HeartbeatMonitor.lastHeartbeat(first: seconds(3), renewal: .seconds(10), silence: seconds(34))
    #expect(last == seconds(33))
    #expect(
      HeartbeatMonitor.lastHeartbeat(first: seconds(3), renewal: .seconds(10), silence: seconds(1))
        == seconds(3))
  }

  /// 40–60 s by FACTS F1 (C), less the last interval because the grace is a multiple of the period.
  @Test func `a crash is noticed 40 to 55 s later with the grace of 50 s`() {
    var delays: [Double] = []
    for step in 0..<1000 {
      let crash = seconds(100 + Double(step) * 0.037)
      let last = HeartbeatMonitor.lastHeartbeat(first: seconds(4), renewal: .seconds(10), silence: crash)
      delays.append((monitor.verdict(lastHeartbeat: last) - crash).seconds)
    }
    #expect(delays.min()! >= 40 && delays.max()! <= 55)
    #expect(delays.max()! - delays.min()! > 9, "the age of the heartbeat shows")
  }

  @Test(arguments: [(31, 40), (32, 50), (36, 50)])
  func `the grace period depends on the version`(minor: Int, grace: Int64) {
    #expect(HeartbeatMonitor.defaultGrace(minorVersion: minor) == .seconds(grace))
  }
}

@Suite struct RollingUpdateTests {
  @Test(arguments: [(10, 3, 2), (4, 1, 1), (3, 1, 0), (1, 1, 0)])
  func `25 % rounds up for surge and down for unavailable`(replicas: Int, surge: Int, unavailable: Int) {
    let update = RollingUpdate(replicas: replicas, maxSurge: .string("25%"), maxUnavailable: .string("25%"))
    #expect(update.maxSurge == surge)
    #expect(update.maxUnavailable == unavailable)
  }

  @Test func `with both zero one pod may be unavailable`() {
    #expect(RollingUpdate(replicas: 3, maxSurge: .int(0), maxUnavailable: .string("0%")).maxUnavailable == 1)
  }
}

@Suite struct ZoneDisruptionTests {
  @Test(arguments: [
    (10, 0, ZoneDisruption.normal), (1, 2, .normal), (2, 3, .partial), (3, 3, .normal), (9, 11, .partial),
    (0, 1, .full), (0, 0, .normal),
  ]) func `a zone's state depends on the share of silent nodes`(
    ready: Int, silent: Int, state: ZoneDisruption
  ) {
    #expect(ZoneDisruption(ready: ready, silent: silent) == state)
  }

  @Test func `evictions go on at their pace, slow down or stop`() {
    #expect(ZoneDisruption.pace(zones: [(5, 1)], at: 0) == .seconds(10))
    #expect(ZoneDisruption.pace(zones: [(1, 4), (9, 0)], at: 0) == nil)
    #expect(ZoneDisruption.pace(zones: [(10, 90), (9, 0)], at: 0) == .seconds(100))
    #expect(ZoneDisruption.pace(zones: [(0, 4), (9, 0)], at: 0) == .seconds(10))
    #expect(ZoneDisruption.pace(zones: [(0, 4), (0, 9)], at: 0) == nil)
  }
}

@Suite struct LoadBalancerTests {
  @Test func `a new target needs one good check, a healthy one survives two bad ones`() {
    var balancer = LoadBalancer(settings: LoadBalancerSettings())
    let node = NodeID(0)
    let service = ServiceID(7)
    #expect(balancer.configure(service, isLocal: false) == 0)
    #expect(balancer.setMember(true, node, check: 0, at: .zero) == true)
    balancer.applyMembership(node, check: 0)
    #expect(balancer.targets(of: service) == [])
    #expect(balancer.note(isPassed: true, node, check: 0) == true)
    balancer.applyHealth(node, check: 0)
    #expect(balancer.targets(of: service) == [node])
    #expect(balancer.note(isPassed: false, node, check: 0) == false)
    #expect(balancer.note(isPassed: false, node, check: 0) == false)
    #expect(
      balancer.note(isPassed: true, node, check: 0) == false, "a good one in between starts the count over")
    #expect(balancer.note(isPassed: false, node, check: 0) == false)
    #expect(balancer.note(isPassed: false, node, check: 0) == false)
    #expect(balancer.note(isPassed: false, node, check: 0) == true)
    let hadConnections = balancer.applyHealth(node, check: 0)
    #expect(hadConnections)
    #expect(balancer.targets(of: service) == [])
  }

  @Test func `policy Local has a check of its own, Cluster shares one`() {
    var balancer = LoadBalancer(settings: LoadBalancerSettings())
    #expect(balancer.configure(ServiceID(1), isLocal: false) == 0)
    #expect(balancer.configure(ServiceID(2), isLocal: true) == 1)
    #expect(balancer.configure(ServiceID(3), isLocal: false) == 0)
    #expect(balancer.services(of: 0) == [ServiceID(1), ServiceID(3)])
    #expect(balancer.configure(ServiceID(2), isLocal: false) == 0)
    #expect(!balancer.checks[1].isInUse)
  }

  @Test func `addresses are lowest first, a wanted one is honoured, a released one comes again`() {
    var settings = LoadBalancerSettings()
    settings.addressPool = IPv4CIDR("192.0.2.0/30")!
    var balancer = LoadBalancer(settings: settings)
    #expect(balancer.allocate(wanted: IPv4Address("192.0.2.1")) == IPv4Address("192.0.2.1"))
    #expect(balancer.allocate(wanted: nil) == IPv4Address("192.0.2.2"))
    #expect(balancer.allocate(wanted: IPv4Address("192.0.2.1")) == IPv4Address("192.0.2.3"))
    #expect(balancer.allocate(wanted: nil) == nil)
    balancer.release(IPv4Address("192.0.2.2")!)
    #expect(balancer.allocate(wanted: nil) == IPv4Address("192.0.2.2"))
  }
}

@Suite struct ServiceSelectionTests {
  @Test func `membership follows pods and selectors both ways`() {
    var selection = ServiceSelection()
    let (web, all) = (ServiceID(1), ServiceID(2))
    selection.setSelector(LabelSelector(["app": "web"]), of: web, in: "default", candidates: [])
    selection.add(PodID(0), namespace: "default", labels: ["app": "web", "tier": "x"])
    selection.add(PodID(1), namespace: "default", labels: ["app": "db", "tier": "x"])
    selection.add(PodID(2), namespace: "other", labels: ["app": "web"])
    #expect(selection.pods(of: web) == [PodID(0)])
    let candidates: [(id: PodID, labels: Labels)] = [
      (PodID(0), ["app": "web", "tier": "x"]), (PodID(1), ["app": "db", "tier": "x"]),
    ]
    selection.setSelector(LabelSelector(["tier": "x"]), of: all, in: "default", candidates: candidates)
    #expect(selection.services(of: PodID(0)) == [web, all])
    selection.setSelector(LabelSelector(["app": "db"]), of: web, in: "default", candidates: candidates)
    #expect(selection.pods(of: web) == [PodID(1)])
    #expect(selection.services(of: PodID(0)) == [all])
    selection.remove(PodID(0))
    selection.setSelector(nil, of: web, in: "default", candidates: candidates)
    #expect(selection.pods(of: all) == [PodID(1)])
    #expect(selection.services(of: PodID(1)) == [all])
  }
}

@Suite struct ClusterEventTests {
  @Test func `an event is at most eight bytes`() {
    #expect(MemoryLayout<ClusterEvent>.stride <= 8)
  }
}
