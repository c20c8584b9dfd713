// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel
import Testing

@testable import Cluster

/// The pods, nodes and Services behind golden/cases, built by hand.
enum CaseWorld {
  static let nodes: [String: Node] = [
    "test-cluster-worker": node("test-cluster-worker", zone: "zone-a"),
    "test-cluster-worker2": node("test-cluster-worker2", zone: "zone-b"),
  ]

  static func node(_ name: String, zone: String?) -> Node {
    var metadata = ObjectMeta(name: name, namespace: "")
    metadata.labels[Node.zoneLabel] = zone
    return Node(metadata: metadata)
  }

  static func pod(
    _ name: String, app: String, ip: String?, node: String = "test-cluster-worker", isReady: Bool = true,
    port: Int = 8080
  ) -> Pod {
    var container = Container(name: "c")
    for (portName, number, transport) in [
      ("http-web-svc", port, "TCP"), ("https", 8443, "TCP"), ("dns-u", 9053, "UDP"),
    ] {
      var containerPort = ContainerPort(containerPort: number)
      containerPort.name = portName
      containerPort.protocol = transport
      container.ports.append(containerPort)
    }
    var spec = PodSpec()
    spec.nodeName = node
    spec.containers = [container]
    var status = PodStatus()
    status.phase = .running
    status.podIP = ip.flatMap { IPv4Address($0) }
    status.isReady = isReady
    return Pod(metadata: ObjectMeta(name: name, labels: ["app": app]), spec: spec, status: status)
  }

  static let web = [
    pod("web-1", app: "web", ip: "10.244.1.21"),
    pod("web-2", app: "web", ip: "10.244.2.21", node: "test-cluster-worker2"),
    pod("web-3", app: "web", ip: "10.244.2.22", node: "test-cluster-worker2"),
  ]

  static func service(
    _ name: String, app: String? = "web", target: IntOrString = .int(8080),
    _ edit: (inout ServiceSpec) -> Void = { _ in }
  ) -> Service {
    var spec = ServiceSpec()
    spec.selector = app.map { ["app": $0] }
    spec.ports = [ServicePort(80, target: target, protocol: "TCP")]
    edit(&spec)
    return Service(metadata: ObjectMeta(name: name), spec: spec)
  }

  static func reconcile(
    _ service: Service, _ pods: [Pod], existing: [EndpointSlice] = [], nodes: [String: Node] = nodes
  ) -> [EndpointSlice] {
    let numbered = pods.map { (pod: $0, id: PodID(Int($0.metadata.name.filter(\.isNumber)) ?? 0)) }
    return EndpointSliceReconciler.reconcile(
      service: service, pods: numbered, nodes: nodes, existing: existing)
  }

  /// `count` ready pods with consecutive addresses and sortable names.
  static func many(_ range: Range<Int>) -> [Pod] {
    range.map { index in
      let digits = String(index)
      let name = "p" + String(repeating: "0", count: 5 - digits.count) + digits
      return pod(name, app: "web", ip: "10.244.\(index / 250).\(index % 250 + 1)")
    }
  }
}

@Suite struct EndpointSliceReconcilerTests {
  @Test("a Service with three pods has one slice with their nodes, zones and conditions")
  func plain() throws {
    let slices = CaseWorld.reconcile(CaseWorld.service("web"), CaseWorld.web)
    let slice = try #require(slices.first)
    #expect(slices.count == 1)
    #expect(slice.endpoints.map { $0.addresses } == [["10.244.1.21"], ["10.244.2.21"], ["10.244.2.22"]])
    #expect(slice.endpoints.map(\.zone) == ["zone-a", "zone-b", "zone-b"])
    #expect(slice.endpoints.allSatisfy { $0.ready == true && $0.serving == true && $0.terminating == false })
    #expect(slice.ports == [EndpointPort(port: 8080)])
    #expect(slice.serviceName?.name == "web")
    #expect(
      slice.metadata.labels["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io")
  }

  @Test("slice names are the Service's name and five letters of the API server's alphabet, always the same")
  func names() throws {
    let first = CaseWorld.reconcile(CaseWorld.service("web"), CaseWorld.web)
    let name = try #require(first.first?.metadata.name)
    #expect(name.hasPrefix("web-"))
    #expect(name.count == 9)
    #expect(name.dropFirst(4).allSatisfy { "bcdfghjklmnpqrstvwxz2456789".contains($0) })
    #expect(CaseWorld.reconcile(CaseWorld.service("web"), CaseWorld.web) == first)
  }

  @Test("a terminating pod is serving and not ready; unready pods are ready when addresses are published")
  func conditions() throws {
    var pods = CaseWorld.web
    pods[0].metadata.deletionTimestamp = .zero
    pods[1].status.isReady = false
    let plain = try #require(CaseWorld.reconcile(CaseWorld.service("web"), pods).first)
    #expect(plain.endpoints.map(\.ready) == [false, false, true])
    #expect(plain.endpoints.map(\.serving) == [true, false, true])
    #expect(plain.endpoints.map(\.terminating) == [true, false, false])
    let published = CaseWorld.service("web") { $0.publishNotReadyAddresses = true }
    let open = try #require(CaseWorld.reconcile(published, pods).first)
    #expect(open.endpoints.map(\.ready) == [true, true, true])
  }

  @Test("pods without address, finished, of other labels or namespaces, or on unknown nodes are left out")
  func leftOut() throws {
    var pods = CaseWorld.web
    pods.append(CaseWorld.pod("x1", app: "web", ip: nil))
    pods.append(CaseWorld.pod("x2", app: "web", ip: "10.244.9.2"))
    pods[4].status.phase = .succeeded
    pods.append(CaseWorld.pod("x3", app: "web", ip: "10.244.9.3"))
    pods[5].status.phase = .failed
    pods.append(CaseWorld.pod("x4", app: "other", ip: "10.244.9.4"))
    pods.append(CaseWorld.pod("x5", app: "web", ip: "10.244.9.5", node: "gone"))
    pods.append(CaseWorld.pod("x6", app: "web", ip: "10.244.9.6"))
    pods[8].metadata.namespace = "elsewhere"
    let slices = CaseWorld.reconcile(CaseWorld.service("web"), pods)
    #expect(slices.flatMap(\.endpoints).compactMap(\.targetPod?.name) == ["web-1", "web-2", "web-3"])
  }

  @Test("named target ports are resolved per pod; other numbers make other slices, a missing name no port")
  func namedPorts() throws {
    var pods = CaseWorld.web
    pods[1] = CaseWorld.pod("web-2", app: "web", ip: "10.244.2.21", port: 9090)
    pods[2].spec.containers[0].ports = []
    let slices = CaseWorld.reconcile(CaseWorld.service("web", target: .string("http-web-svc")), pods)
    #expect(slices.map(\.ports) == [[EndpointPort(port: 8080)], [EndpointPort(port: 9090)], []])
    #expect(slices.map { $0.endpoints.count } == [1, 1, 1])
    #expect(Set(slices.map(\.metadata.name)).count == 3)
  }

  @Test("no endpoints is written down as one empty slice without ports, which is kept")
  func placeholder() throws {
    let first = CaseWorld.reconcile(CaseWorld.service("web"), [])
    #expect(first.map { $0.endpoints.count } == [0])
    #expect(first[0].ports.isEmpty)
    #expect(CaseWorld.reconcile(CaseWorld.service("web"), [], existing: first) == first)
  }

  @Test("Services without selector and ExternalName are left alone; headless ones are not")
  func skipped() {
    #expect(CaseWorld.reconcile(CaseWorld.service("a", app: nil), CaseWorld.web).isEmpty)
    let external = CaseWorld.service("b") { $0.type = "ExternalName" }
    #expect(CaseWorld.reconcile(external, CaseWorld.web).isEmpty)
    let headless = CaseWorld.reconcile(CaseWorld.service("c") { $0.clusterIP = "None" }, CaseWorld.web)
    #expect(headless.first?.endpoints.count == 3)
    #expect(headless.first?.metadata.labels["service.kubernetes.io/headless"] == "")
  }

  @Test(
    "traffic distribution writes zone hints, and node hints for PreferSameNode, on ready endpoints only",
    arguments: [
      ("PreferClose", ["zone-a"], nil), ("PreferSameZone", ["zone-a"], nil),
      ("PreferSameNode", ["zone-a"], ["test-cluster-worker"]), (nil, nil, nil),
    ] as [(String?, [String]?, [String]?)])
  func hints(_ distribution: String?, _ zones: [String]?, _ nodes: [String]?) throws {
    var pods = CaseWorld.web
    pods[1].status.isReady = false
    let service = CaseWorld.service("td") { $0.trafficDistribution = distribution }
    let slice = try #require(CaseWorld.reconcile(service, pods).first)
    #expect(slice.endpoints[0].zoneHints == zones)
    #expect(slice.endpoints[0].nodeHints == nodes)
    #expect(slice.endpoints[1].zoneHints == nil)
    #expect(slice.endpoints[1].nodeHints == nil)
  }

  @Test("250 endpoints fill three slices, 100, 100, 50")
  func limit() {
    let slices = CaseWorld.reconcile(CaseWorld.service("web"), CaseWorld.many(0..<250))
    #expect(slices.map { $0.endpoints.count } == [100, 100, 50])
  }

  @Test("removals leave holes, and additions fill the slice that changed anyway")
  func holes() {
    let service = CaseWorld.service("web")
    let before = CaseWorld.reconcile(service, CaseWorld.many(0..<250))
    let removed = CaseWorld.many(0..<10)
    let after = CaseWorld.reconcile(service, Array(CaseWorld.many(10..<250)), existing: before)
    #expect(removed.count == 10)
    #expect(after.map { $0.endpoints.count } == [90, 100, 50])
    #expect(after.map(\.metadata.name) == before.map(\.metadata.name))
    let replaced = CaseWorld.reconcile(service, Array(CaseWorld.many(10..<260)), existing: before)
    #expect(replaced.map { $0.endpoints.count } == [100, 100, 50])
    #expect(replaced[1] == before[1])
    #expect(replaced[2] == before[2])
  }

  @Test("with nothing else to change, additions go where they come closest to filling a slice")
  func bestFit() {
    let service = CaseWorld.service("web")
    let before = CaseWorld.reconcile(service, CaseWorld.many(0..<250))
    let holed = CaseWorld.reconcile(service, Array(CaseWorld.many(10..<250)), existing: before)
    #expect(holed.map { $0.endpoints.count } == [90, 100, 50])
    let five = CaseWorld.reconcile(service, Array(CaseWorld.many(10..<255)), existing: holed)
    #expect(five.map { $0.endpoints.count } == [95, 100, 50])
    let twenty = CaseWorld.reconcile(service, Array(CaseWorld.many(10..<270)), existing: holed)
    #expect(twenty.map { $0.endpoints.count } == [90, 100, 70])
    let sixty = CaseWorld.reconcile(service, Array(CaseWorld.many(10..<310)), existing: holed)
    #expect(sixty.map { $0.endpoints.count } == [90, 100, 50, 60])
  }

  @Test("a pod whose readiness changes stays in its slice and place")
  func updateInPlace() {
    let service = CaseWorld.service("web")
    let before = CaseWorld.reconcile(service, CaseWorld.web)
    var pods = CaseWorld.web
    pods[1].status.isReady = false
    let after = CaseWorld.reconcile(service, pods, existing: before)
    #expect(after[0].metadata == before[0].metadata)
    #expect(after[0].endpoints.map(\.ready) == [true, false, true])
  }

  @Test("slices of other writers are returned untouched")
  func foreignSlices() {
    let mine = EndpointSlice(
      metadata: ObjectMeta(name: "mine", labels: [EndpointSlice.serviceNameLabel: "web"]),
      endpoints: [Endpoint(addresses: ["192.0.2.1"])])
    let slices = CaseWorld.reconcile(CaseWorld.service("web"), CaseWorld.web, existing: [mine])
    #expect(slices.count == 2)
    #expect(slices[0] == mine)
  }
}

@Suite struct LegacyEndpointsTests {
  @Test("addresses are sorted, unready ones apart, terminating ones gone")
  func computed() throws {
    var pods = Array(CaseWorld.web.reversed())
    pods[0].status.isReady = false
    pods.append(CaseWorld.pod("web-4", app: "web", ip: "10.244.2.99"))
    pods[3].metadata.deletionTimestamp = .zero
    let service = CaseWorld.service("web")
    let endpoints = try #require(EndpointsReconciler.reconcile(service: service, pods: pods, existing: nil))
    let subset = try #require(endpoints.subsets.first)
    #expect(endpoints.subsets.count == 1)
    #expect(subset.addresses.map(\.ip) == ["10.244.1.21", "10.244.2.21"])
    #expect(subset.notReadyAddresses.map(\.ip) == ["10.244.2.22"])
  }

  @Test("no pods give an object without subsets; no selector gives none")
  func empty() throws {
    let service = CaseWorld.service("web")
    #expect(EndpointsReconciler.reconcile(service: service, pods: [], existing: nil)?.subsets.isEmpty == true)
    let bare = CaseWorld.service("noep", app: nil)
    #expect(EndpointsReconciler.reconcile(service: bare, pods: CaseWorld.web, existing: nil) == nil)
  }

  @Test("the thousand and first address is cut, and the object says so")
  func truncated() throws {
    let service = CaseWorld.service("web")
    let endpoints = try #require(
      EndpointsReconciler.reconcile(service: service, pods: CaseWorld.many(0..<1001), existing: nil))
    #expect(endpoints.subsets.first?.addresses.count == 1000)
    #expect(endpoints.metadata.annotations["endpoints.kubernetes.io/over-capacity"] == "truncated")
  }

  @Test("hand-written Endpoints are mirrored, up to 1000 addresses, and follow their owner")
  func mirroring() throws {
    let service = CaseWorld.service("mirror", app: nil)
    var endpoints = Endpoints(metadata: ObjectMeta(name: "mirror"))
    endpoints.subsets = [
      EndpointSubset(addresses: [EndpointAddress(ip: "10.244.1.21")], ports: [EndpointPort(port: 8080)])
    ]
    let slices = EndpointsMirroring.reconcile(endpoints: endpoints, service: service, existing: [])
    let slice = try #require(slices.first)
    #expect(slice.endpoints.map(\.ready) == [true])
    #expect(slice.endpoints[0].serving == nil)
    #expect(slice.metadata.controller?.kind == "Endpoints")
    endpoints.subsets[0].addresses = (0..<1500).map { EndpointAddress(ip: "10.1.\($0 / 250).\($0 % 250)") }
    let more = EndpointsMirroring.reconcile(endpoints: endpoints, service: service, existing: slices)
    #expect(more.map(\.metadata.name) == slices.map(\.metadata.name))
    #expect(more[0].endpoints.count == 1000)
    #expect(EndpointsMirroring.reconcile(endpoints: nil, service: service, existing: more).isEmpty)
    let selecting = CaseWorld.service("mirror")
    #expect(EndpointsMirroring.reconcile(endpoints: endpoints, service: selecting, existing: []).isEmpty)
  }
}
