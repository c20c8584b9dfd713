// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random clusters under random churn, without traffic: while it goes on no address is held twice; once it has
// been quiet for long enough, everybody agrees. What the kubelets see is in the API, slices say what the pods
// say, and every node's tables are those that a kube-proxy would write afresh.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Cluster
@testable import Proxy
@testable import Simulation

@Suite struct QuietClusterTests {
  private struct Draw {
    var stream: RandomStream
    init(_ seed: UInt64) {
      stream = RandomStream(
        key: RandomKey(seed: seed, replication: 0, purpose: RandomPurpose("quiet cluster"), entity: 0))
    }
    mutating func below(_ n: Int) -> Int { Int(stream.below(UInt64(n))) }
    mutating func chance(_ p: Double) -> Bool { stream.bernoulli(p) }
    mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }
  }

  /// Churn ends by then.
  private static let churn = 60
  /// Eviction after 300 s, crash loops of at most 300 s and a controller's retries lie between.
  private static let quiet = 1200
  private static let nodes = 4

  private static func world(_ seed: UInt64) -> SmallWorld {
    var d = Draw(seed)
    var w = SmallWorld(nodes: nodes, duration: .seconds(Int64(quiet)))
    w.file.seed = seed
    w.file.report.bin = .seconds(60)
    w.file.cluster.minorVersion = 24 + Int(seed % 13)
    if d.chance(0.7) { w.file.cluster.timing = TimingSettings() }
    for i in 0..<nodes { w.file.cluster.nodes[i].zone = d.pick(["a", "b", nil]) }
    // Few addresses, so that they are used again.
    w.file.cluster.nodes[0].podCIDR = IPv4CIDR("10.244.9.0/26")!
    for i in 0..<(1 + d.below(3)) { addApplication(i, &w, &d) }
    for _ in 0..<30 { w.at(1 + 0.001 * Double(d.below(churn * 1000 - 1000)), action(&d)) }
    // What would not end by itself.
    for i in 0..<nodes {
      w.at(Double(churn) + 1, .nodeReturn(.named("node-\(i)"), newAddress: nil))
      w.at(Double(churn) + 30, .nodeUncordon(.named("node-\(i)")))
    }
    w.file.setMode(of: ProxyMode.allCases[Int(seed / 13) % 4])
    return w
  }

  private static func addApplication(_ i: Int, _ w: inout SmallWorld, _ d: inout Draw) {
    let app: Labels = ["app": "app-\(i)"]
    var template = PodSpec()
    var container = Container(name: "c")
    container.ports = [ContainerPort(containerPort: 8080)]
    template.containers = [container]
    template.hostNetwork = d.chance(0.1)
    template.terminationGracePeriod = .seconds(Int64(d.below(20)))
    var workload = Workload(
      kind: d.pick([.deployment, .deployment, .statefulSet, .daemonSet]),
      metadata: ObjectMeta(name: "app-\(i)"), selector: LabelSelector(app), templateLabels: app,
      template: template)
    workload.replicas = d.pick([1, 2, 5, 9])
    w.add(.workload(workload))
    let policy = d.pick(["Cluster", "Local"])
    let type = d.pick(["ClusterIP", "NodePort", "LoadBalancer"])
    let publishes = d.chance(0.2)
    w.add(
      SmallWorld.service("app-\(i)", app: "app-\(i)") {
        $0.type = type
        if type != "ClusterIP" { $0.externalTrafficPolicy = policy }
        $0.publishNotReadyAddresses = publishes
      })
    w.add(SmallWorld.service("app-\(i)-headless", app: "app-\(i)") { $0.clusterIP = "None" })
  }

  private static func action(_ d: inout Draw) -> ClusterAction {
    let node = NodeTarget.named("node-\(d.below(nodes))")
    let pods = PodTarget.random(namespace: "default", labels: ["app": "app-\(d.below(3))"])
    let application = NamespacedName(name: "app-\(d.below(3))")
    let link = LinkTarget(from: .node("node-\(d.below(nodes))"), to: d.pick([.anyNode, .controlPlane]))
    switch d.below(14) {
    case 0: return .nodeDrain(node)
    case 1: return .nodeUncordon(node)
    case 2: return .nodeCrash(node, returnAfter: .uniform(low: 0, high: 100), newAddress: nil)
    case 3: return .nodeReboot(node, downFor: .uniform(low: 0, high: 10), newAddress: nil)
    case 4: return .partition(link, duration: .uniform(low: 0, high: 80))
    case 5, 6: return .podDelete(pods)
    case 7: return .podCrash(pods)
    case 8: return .podUnready(pods, duration: .uniform(low: 0, high: 10))
    case 9: return .scale(application, replicas: d.below(12))
    case 10, 11: return .rollout(application)
    default: return .proxyRestart(node)
    }
  }

  @Test("while a cluster is churned no address is held twice, and once quiet all agree", arguments: 1...260)
  func onceQuietAllAgree(_ seed: Int) throws {
    let w = Self.world(UInt64(seed))
    var world = try World.make(w.file, replication: 0)
    for second in 1...Self.churn * 2 {
      try world.run(upTo: .zero + .seconds(Int64(second)), observer: nil)
      #expect(world.addressesHeldTwice() == [], "at \(second) s")
    }
    try world.run(upTo: .zero + .seconds(Int64(Self.quiet)), observer: nil)
    #expect(world.workloadsNotAsWanted() == [])
    #expect(world.podsUnlikeTheAPI() == [])
    #expect(world.slicesUnlikePods() == [])
    #expect(world.tablesUnlikeFresh() == [])
  }
}

extension World {
  /// Addresses that two pods on live nodes hold now.
  func addressesHeldTwice() -> [String] {
    var holders: [IPv4Address: String] = [:]
    var twice: [String] = []
    for pod in control.pods where !pod.isHostNetwork {
      guard let address = pod.address, !pod.node.isNone, control.nodes[pod.node.index].isUp else { continue }
      if let other = holders.updateValue("\(pod.name)", forKey: address) {
        twice.append("\(address): \(other) and \(pod.name)")
      }
    }
    return twice
  }

  /// Workloads without as many ready pods as they shall have.
  func workloadsNotAsWanted() -> [String] {
    control.workloads.compactMap { workload in
      guard !workload.isDeleted, workload.parent.isNone else { return nil }
      let ready = control.store.allPods().count { pod in
        pod.status.isReady && LabelSelector(workload.object.templateLabels).matches(pod.metadata.labels)
      }
      let wanted =
        workload.object.kind == .daemonSet
        ? control.store.allNodes().count { $0.ready == .ready } : workload.object.replicas
      return ready == wanted ? nil : "\(workload.object.kind) \(workload.name): \(ready) of \(wanted) ready"
    }
  }

  /// Pods of the API that are not as their kubelet would report them.
  func podsUnlikeTheAPI() -> [String] {
    var unlike: [String] = []
    for record in control.pods {
      guard let object = control.store.pod(record.id) else {
        if record.hasProcess { unlike.append("\(record.name) runs and is not in the API") }
        continue
      }
      if object.metadata.deletionTimestamp != nil { unlike.append("\(record.name) is still terminating") }
      if record.node.isNone { continue }
      if object.status.isReady != record.isReadyInReality {
        unlike.append("\(record.name): ready \(object.status.isReady), in reality \(record.isReadyInReality)")
      }
      if let address = record.address, object.status.podIP != address {
        unlike.append(
          "\(record.name): \(object.status.podIP.map { "\($0)" } ?? "none"), in reality \(address)")
      }
    }
    return unlike
  }

  /// Services whose slices are not those of the pods that they select.
  func slicesUnlikePods() -> [String] {
    var unlike: [String] = []
    for index in 0..<control.store.serviceCount {
      let id = ServiceID(index)
      guard let service = control.store.service(id), service.spec.selector != nil else { continue }
      let wanted = control.members(of: id).filter { PodEndpoint.counts($0.pod, includingTerminating: true) }
        .map { member in
          let node = member.pod.spec.nodeName.flatMap { control.store.nodesByName[$0] }
          return Self.line(PodEndpoint.endpoint(member.pod, id: member.id, node: node, service: service))
        }
      let slices = control.store.slices(of: id)
      let found = slices.flatMap { $0.endpoints.map(Self.line) }
      if wanted.sorted() != found.sorted() {
        unlike.append("\(control.store.serviceName(id)): \(found.sorted()) instead of \(wanted.sorted())")
      }
      if slices.contains(where: { $0.endpoints.count > 100 }) { unlike.append("a slice of more than 100") }
    }
    return unlike
  }

  private static func line(_ e: Endpoint) -> String {
    "\(e.addresses) \(e.targetPod.map { "\($0)" } ?? "") on \(e.nodeName ?? "") in \(e.zone ?? ""): "
      + "ready \(e.isReady), serving \(e.isServing), terminating \(e.isTerminating)"
  }

  /// Nodes whose tables differ from tables made of the API's present state.
  mutating func tablesUnlikeFresh() -> [String] {
    var unlike: [String] = []
    for index in nodePlanes.indices where nodePlanes[index].isUp {
      let node = NodeID(index)
      let staleness = proxies.staleness(of: node, at: now)
      if staleness.servicesWrong > 0 { unlike.append("node-\(index) has \(staleness.servicesWrong) wrong") }
      let programmed = proxies.ruleTexts(of: node).map(\.text)
      if programmed != proxies.freshRuleTexts(of: node).map(\.text) {
        unlike.append("node-\(index)'s rules differ from fresh ones")
      }
      if programmed.isEmpty { unlike.append("node-\(index) has no rules") }
    }
    return unlike
  }
}

extension ProxyFleet {
  /// What the node would have, had its process synced just now.
  fileprivate mutating func freshRuleTexts(of node: NodeID) -> [RuleText] {
    let kept = tables[node.index]
    defer { tables[node.index] = kept }
    var fresh = kept.nat
    fresh.services = history.latestRevision
    fresh.slices = history.latestRevision
    tables[node.index].nat = fresh
    tables[node.index].filter = fresh
    return ruleTexts(of: node)
  }
}
