// SPDX-License-Identifier: GPL-3.0-or-later
//
// Services in time: created, edited, refused, deleted; slices of hand-written Endpoints; the load balancer;
// DNS.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct ControlPlaneServiceTests {
  static let pods = [Small.workload(.deployment, "web", replicas: 3)]

  @Test func `an initial object that the API server refuses is an error`() {
    #expect(throws: APIRefusal.self) {
      try ClusterRun(Small.cluster(), [Small.service("web") { $0.clusterIP = "1.2.3.4" }])
    }
  }

  @Test func `a refusal at run time is logged and changes nothing`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.service("web")] + Self.pods)
    let before = run.plane.store.revision
    run.perform(.apply([Small.service("web") { $0.ports[0].port = 70000 }]))
    #expect(run.plane.store.revision == before)
    #expect(run.changes.isEmpty)
    let entry = try #require(run.log.last)
    #expect(entry.action == "refused")
    #expect(entry.detail.contains("spec.ports[0].port"))
  }

  @Test func `a new Service has its slices after the controller's delay, a deleted one loses them`() throws {
    let run = try ClusterRun(Small.cluster(), Self.pods)
    run.perform(.apply([Small.service("web")]))
    let id = run.service("web")
    #expect(run.plane.store.service(id)?.clusterAddress != nil)
    #expect(run.endpoints("web").isEmpty)
    run.run(to: 1)
    #expect(run.ready("web").count == 3)
    #expect(run.times { if case .slicesChanged(id, _) = $0 { true } else { false } } == [0.02])
    run.perform(.delete(.service, NamespacedName(name: "web")))
    #expect(run.plane.store.service(id) == nil)
    run.run(to: 2)
    #expect(run.plane.store.slices(of: id).isEmpty)
    run.perform(.apply([Small.service("web")]))
    #expect(run.service("web") == id, "the name keeps its index")
    run.run(to: 3)
    #expect(run.ready("web").count == 3)
  }

  @Test func `an edited selector moves the endpoints`() throws {
    let run = try ClusterRun(
      Small.cluster(), [Small.service("web"), Small.pod("x", app: "other")] + Self.pods)
    run.perform(.apply([Small.service("web") { $0.selector = ["app": "other"] }]))
    run.run(to: 1)
    #expect(run.endpoints("web").map(\.targetPod?.name) == ["x"])
  }

  @Test func `hand-written Endpoints of a Service without selector are mirrored`() throws {
    var written = Endpoints(metadata: ObjectMeta(name: "db"))
    written.subsets = [
      EndpointSubset(addresses: [EndpointAddress(ip: "10.1.2.3")], ports: [EndpointPort(port: 5432)])
    ]
    let service = Small.service("db") { $0.selector = nil }
    let run = try ClusterRun(Small.cluster(), [service, .endpoints(written)])
    #expect(run.ready("db") == ["10.1.2.3"])
    written.subsets[0].addresses = [EndpointAddress(ip: "10.1.2.4")]
    run.perform(.apply([.endpoints(written)]))
    run.run(to: 1)
    #expect(run.ready("db") == ["10.1.2.4"])
    run.perform(.delete(.endpoints, NamespacedName(name: "db")))
    run.run(to: 2)
    #expect(run.endpoints("db").isEmpty)
    #expect(run.plane.apiView().endpoints.map(\.metadata.name) == [])
  }

  @Test func `a hand-written slice serves a Service without selector and knows its pod`() throws {
    var slice = EndpointSlice(
      metadata: ObjectMeta(name: "db-1", labels: [EndpointSlice.serviceNameLabel: "db"]),
      ports: [EndpointPort(port: 8080)])
    slice.endpoints = [Endpoint(addresses: ["10.244.0.2"])]
    slice.endpoints[0].targetPod = NamespacedName(name: "x")
    let run = try ClusterRun(
      Small.cluster(),
      [Small.service("db") { $0.selector = nil }, .endpointSlice(slice), Small.pod("x", app: "db", on: "a")])
    #expect(run.endpoints("db").map(\.pod) == [run.pod("x")])
    run.perform(.delete(.endpointSlice, NamespacedName(name: "db-1")))
    #expect(run.endpoints("db").isEmpty)
  }

  @Test func `the view lists everything in order`() throws {
    let run = try ClusterRun(
      Small.cluster(["b", "a"]), [Small.service("web"), Small.service("db")] + Self.pods)
    let view = run.plane.apiView()
    #expect(view.services.map(\.metadata.name) == ["db", "web"])
    #expect(view.endpoints.map(\.metadata.name) == ["db", "web"])
    #expect(view.endpoints[1].subsets.flatMap(\.addresses).count == 3)
    #expect(view.nodes.map(\.metadata.name) == ["a", "b"])
    #expect(view.pods.count == 3 && view.slices.count == 2)
  }

  // MARK: Load balancer

  static func balanced(_ change: (inout ServiceSpec) -> Void = { _ in }) -> APIObject {
    Small.service("web") {
      $0.type = "LoadBalancer"
      change(&$0)
    }
  }

  @Test func `a load balancer gets its address after provisioning and targets after a check`() throws {
    let run = try ClusterRun(Small.cluster(), Self.pods)
    run.perform(.apply([Self.balanced()]))
    let id = run.service("web")
    #expect(run.plane.store.service(id)?.status.loadBalancerIngress == [])
    run.run(to: 1.9)
    #expect(run.plane.loadBalancerTargets(of: id) == [])
    run.run(to: 2)
    #expect(run.plane.store.service(id)?.status.loadBalancerIngress.map(\.ip) == ["192.0.2.1"])
    run.run(to: 10)
    #expect(run.plane.loadBalancerTargets(of: id) == [NodeID(0), NodeID(1), NodeID(2)])
  }

  @Test func `the address of a manifest is kept and no other gets it`() throws {
    var kept = Service(metadata: ObjectMeta(name: "kept"), spec: ServiceSpec())
    guard case .service(let base) = Self.balanced() else { return }
    kept.spec = base.spec
    kept.status.loadBalancerIngress = [LoadBalancerIngress(ip: "192.0.2.1")]
    let run = try ClusterRun(Small.cluster(), [.service(kept), Self.balanced()])
    let view = run.plane.apiView().services
    #expect(view.map { $0.status.loadBalancerIngress.map(\.ip) } == [["192.0.2.1"], ["192.0.2.2"]])
  }

  @Test func `a dead node stays a target for three checks and comes back after one`() throws {
    let run = try ClusterRun(Small.cluster(), [Self.balanced()] + Self.pods)
    let id = run.service("web")
    #expect(run.plane.loadBalancerTargets(of: id).count == 3)
    run.perform(.nodeCrash(.named("b"), returnAfter: .constant(60), newAddress: nil))
    run.run(to: 200)
    let changed = run.times { $0 == .loadBalancerTargetsChanged(id) }
    #expect(changed.count == 2)
    #expect(changed[0] >= 16 && changed[0] <= 24, "third failure of a check every 8 s")
    #expect(changed[1] >= 80 && changed[1] <= 88)
    #expect(run.plane.loadBalancerTargets(of: id).count == 3)
  }

  @Test func `with policy Local only nodes with a ready endpoint are healthy`() throws {
    let run = try ClusterRun(
      Small.cluster(),
      [Self.balanced { $0.externalTrafficPolicy = "Local" }, Small.pod("x", app: "web", on: "c")])
    let id = run.service("web")
    #expect(run.plane.loadBalancerTargets(of: id) == [NodeID(2)])
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 30)
    #expect(run.plane.loadBalancerTargets(of: id) == [])
  }

  @Test func `without a Service of type LoadBalancer nothing is checked`() throws {
    let run = try ClusterRun(Small.cluster(), [Self.balanced(), Small.service("db")] + Self.pods)
    run.perform(.delete(.service, NamespacedName(name: "web")))
    run.forgetChanges()
    run.perform(.nodeCrash(.named("b"), returnAfter: nil, newAddress: nil))
    run.run(to: 60)
    #expect(!run.log.contains { $0.action.hasPrefix("target") })
    run.perform(.apply([Self.balanced()]))
    run.run(to: 80)
    #expect(run.plane.loadBalancerTargets(of: run.service("web")) == [NodeID(0), NodeID(2)])
  }

  @Test func `what the probe says counts`() throws {
    let run = try ClusterRun(Small.cluster(), [Self.balanced()] + Self.pods)
    run.probe = { node, service, _ in service.isNone ? node == NodeID(1) : nil }
    run.run(to: 30)
    #expect(run.plane.loadBalancerTargets(of: run.service("web")) == [NodeID(1)])
  }

  @Test func `a deleted Node object is a target no longer, an unready one is`() throws {
    let run = try ClusterRun(Small.cluster(), [Self.balanced()] + Self.pods)
    run.probe = { _, _, _ in true }
    run.perform(.nodeCrash(.named("c"), returnAfter: nil, newAddress: nil))
    run.perform(.nodeDelete(.named("a")))
    run.run(to: 100)
    #expect(run.plane.loadBalancerTargets(of: run.service("web")) == [NodeID(1), NodeID(2)])
  }

  // MARK: DNS

  @Test func `names resolve as in the cluster's zone`() throws {
    var settings = Small.cluster()
    settings.dns.records = [
      ExternalRecord(name: "DB.example.com", addresses: [Small.address("203.0.113.9")], ttl: .seconds(7))
    ]
    let run = try ClusterRun(
      settings,
      [
        Small.service("web") { $0.clusterIP = "10.96.0.50" },
        Small.service("peers") {
          $0.clusterIP = "None"
          $0.selector = ["app": "web"]
        },
        Small.service("ext") {
          $0.type = "ExternalName"
          $0.externalName = "db.example.com"
          $0.selector = nil
          $0.ports = []
        },
        Small.service("loop") {
          $0.type = "ExternalName"
          $0.externalName = "loop.default.svc.cluster.local"
          $0.selector = nil
          $0.ports = []
        },
      ] + Self.pods)
    let web = [Small.address("10.96.0.50")]
    for name in [
      "web", "web.default", "web.default.svc", "web.default.svc.cluster.local",
      "WEB.default.svc.cluster.local.",
    ] {
      #expect(run.plane.resolve(name, from: "default").addresses == web, "\(name)")
    }
    #expect(run.plane.resolve("web", from: "other").exists == false)
    #expect(run.plane.resolve("web.default", from: "other").queries == 2)
    #expect(run.plane.resolve("peers", from: "default").addresses.count == 3)
    let external = run.plane.resolve("ext", from: "default")
    #expect(external.addresses == [Small.address("203.0.113.9")])
    #expect(external.ttl == .seconds(7) && external.canonicalName == "db.example.com")
    #expect(run.plane.resolve("db.example.com", from: "default").queries == 4)
    #expect(run.plane.resolve("db.example.com", from: nil).queries == 1)
    #expect(run.plane.resolve("web.default.svc.cluster.local", from: nil).exists == false)
    #expect(run.plane.resolve("loop", from: "default").exists == false)
    #expect(run.plane.resolve("nowhere.example.com", from: "default").exists == false)
    run.perform(.dnsChange(name: "db.example.com", addresses: [Small.address("203.0.113.10")]))
    #expect(run.plane.resolve(run.service("ext")).addresses == [Small.address("203.0.113.10")])
    #expect(run.changes.map(\.change) == [.dnsChanged("db.example.com")])
  }

  @Test func `a StatefulSet's pods have names under their headless Service`() throws {
    let run = try ClusterRun(
      Small.cluster(),
      [
        Small.service("db") { $0.clusterIP = "None" },
        Small.workload(.statefulSet, "db", replicas: 2) { $0.template.subdomain = "db" },
      ])
    #expect(run.plane.resolve("db-1.db", from: "default").addresses == [run.object("db-1")!.status.podIP!])
    #expect(run.plane.resolve("db-7.db", from: "default").exists == false)
    run.perform(.podUnready(.named(NamespacedName(name: "db-1")), duration: nil))
    run.run(to: 1)
    #expect(run.plane.resolve("db-1.db", from: "default").exists == false)
  }
}
