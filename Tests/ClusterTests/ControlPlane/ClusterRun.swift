// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs a control plane alone: an event loop with invariants after each step, a record of the changes with
// their times, and builders for small clusters whose delays are constants, so that tests can say when
// something happens.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

final class ClusterRun {
  var plane: ControlPlane
  private(set) var now = SimTime.zero
  private(set) var changes: [(time: SimTime, change: ClusterChange)] = []
  private(set) var log: [ClusterLogEntry] = []
  private var queue: [(at: SimTime, number: Int, event: ClusterEvent)] = []
  private var scheduled = 0
  private var out = ControlPlaneOutput()
  var probe: (NodeID, ServiceID, SimTime) -> Bool? = { _, _, _ in nil }
  /// Tells the control plane what pods have used, as the world does.
  var beforeScrape: (inout ControlPlane, SimTime) -> Void = { _, _ in }

  init(
    _ settings: ClusterSettings, _ objects: [APIObject] = [], seed: UInt64 = 1,
    behaviour: @escaping @Sendable (String, Labels) -> PodBehaviour = { _, _ in PodBehaviour() }
  ) throws {
    plane = try ControlPlane(settings: settings, objects: objects, podBehaviour: behaviour, seed: seed)
    plane.start(into: &out)
    take()
  }

  func actions(_ events: [TimedAction], _ processes: [RandomProcess] = [], duration: SimDuration) {
    plane.scheduleActions(events, processes: processes, duration: duration, into: &out)
    take()
  }

  func perform(_ action: ClusterAction) {
    plane.perform(action, at: now, into: &out)
    take()
  }

  func processExited(_ pod: PodID) {
    plane.processExited(pod, at: now, into: &out)
    take()
  }

  /// Handles everything up to and at `seconds` after the start.
  func run(to seconds: Double) {
    let end = SimTime.zero + SimDuration(seconds: seconds)
    while let next = queue.first, next.at <= end {
      queue.removeFirst()
      now = next.at
      if next.event == .scrapeMetrics { beforeScrape(&plane, now) }
      plane.handle(next.event, at: now, into: &out, probe: probe)
      take()
      checkInvariants()
    }
    now = end
  }

  private func take() {
    for (at, event) in out.schedule {
      precondition(at >= now, "\(event) is scheduled in the past: \(at) < \(now)")
      let entry = (at: at, number: scheduled, event: event)
      scheduled += 1
      let place = queue.partitioningIndex { ($0.at, $0.number) > (entry.at, entry.number) }
      queue.insert(entry, at: place)
    }
    changes += out.changes.map { (now, $0) }
    log += out.log
    out.removeAll()
  }

  private func checkInvariants() {
    var owners: [IPv4Address: PodID] = [:]
    for node in plane.nodes {
      var live = 0
      for pod in node.pods {
        let record = plane.pods[pod.index]
        #expect(record.node == node.id)
        if let object = plane.store.pod(pod), object.metadata.deletionTimestamp == nil { live += 1 }
        guard node.isUp, let address = record.address, !record.isHostNetwork else { continue }
        let other = owners.updateValue(pod, forKey: address)
        #expect(other == nil, "\(address) is held twice at \(now)")
      }
      #expect(live == node.livePods, "pods of \(node.name) at \(now)")
      if !node.isUp { #expect(!node.pods.contains { plane.pods[$0.index].hasProcess }) }
    }
  }

  // MARK: Looking

  func pod(_ name: String) -> PodID? { plane.store.podID(NamespacedName(name: name)) }
  func object(_ name: String) -> Pod? { pod(name).flatMap { plane.store.pod($0) } }
  func node(_ name: String) -> NodeID { plane.nodeID(name)! }
  func service(_ name: String) -> ServiceID { plane.store.serviceID(NamespacedName(name: name))! }

  func endpoints(_ service: String) -> [Endpoint] {
    plane.store.slices(of: self.service(service)).flatMap(\.endpoints)
  }
  /// Addresses of ready endpoints, sorted as text.
  func ready(_ service: String) -> [String] {
    endpoints(service).filter(\.isReady).flatMap(\.addresses).sorted()
  }
  /// Names of pods in the API, with a `-` before those that terminate.
  func podNames() -> [String] {
    plane.store.pods(in: "default").map { id in
      let object = plane.store.pod(id)!
      return (object.metadata.deletionTimestamp == nil ? "" : "-") + object.metadata.name
    }
  }
  /// Seconds at which a change like this came about.
  func times(of matches: (ClusterChange) -> Bool) -> [Double] {
    changes.filter { matches($0.change) }.map(\.time.seconds)
  }
  func forgetChanges() { changes = [] }
}

extension Array {
  func partitioningIndex(_ belongsAfter: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if belongsAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

// MARK: Builders

enum Small {
  /// Delays that tests can add up.
  static var timing: TimingSettings {
    var timing = TimingSettings()
    timing.kubeletStatus = .constant(0.1)
    timing.kubeletWatch = .constant(0.01)
    timing.podStart = .constant(1)
    timing.podReady = .constant(0.5)
    timing.scheduler = .constant(0.01)
    timing.workloadController = .constant(0.01)
    timing.endpointController = .constant(0.02)
    timing.nodeAddressUpdate = .constant(5)
    timing.routePropagation = .constant(1)
    timing.nodeBoot = .constant(20)
    return timing
  }

  static func cluster(_ names: [String] = ["a", "b", "c"]) -> ClusterSettings {
    var settings = ClusterSettings()
    settings.timing = timing
    // Pods of these tests have no probes unless a test gives them some.
    settings.kubelet.unprobed = .whenAnswering
    settings.nodes = names.map { NodeSettings(name: $0) }
    return settings
  }

  static func service(_ name: String, _ change: (inout ServiceSpec) -> Void = { _ in }) -> APIObject {
    var spec = ServiceSpec()
    var port = ServicePort()
    port.port = 80
    port.targetPort = .int(8080)
    spec.ports = [port]
    spec.selector = ["app": name]
    change(&spec)
    return .service(Service(metadata: ObjectMeta(name: name), spec: spec))
  }

  static func podSpec(_ change: (inout PodSpec) -> Void = { _ in }) -> PodSpec {
    var spec = PodSpec()
    var container = Container(name: "c")
    container.ports = [ContainerPort(containerPort: 8080)]
    spec.containers = [container]
    change(&spec)
    return spec
  }

  static func pod(
    _ name: String, app: String, on node: String? = nil, _ change: (inout Pod) -> Void = { _ in }
  ) -> APIObject {
    var pod = Pod(
      metadata: ObjectMeta(name: name, labels: ["app": app]), spec: podSpec { $0.nodeName = node })
    change(&pod)
    return .pod(pod)
  }

  static func workload(
    _ kind: Workload.Kind, _ name: String, replicas: Int, _ change: (inout Workload) -> Void = { _ in }
  ) -> APIObject {
    var workload = Workload(
      kind: kind, metadata: ObjectMeta(name: name), selector: LabelSelector(["app": name]),
      templateLabels: ["app": name], template: podSpec())
    workload.replicas = replicas
    change(&workload)
    return .workload(workload)
  }

  static func address(_ text: String) -> IPv4Address { IPv4Address(text)! }
}
