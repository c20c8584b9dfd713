// SPDX-License-Identifier: GPL-3.0-or-later
//
// A dump is taken as it is: what controllers, kubelets and load balancers would change in it is not changed
// at t = 0.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Scenario

@Suite struct ImportStateTests {
  /// Three nodes (ready, silent, not ready), pods in every state, a Service whose slice lags behind them.
  static let dump = """
    apiVersion: v1
    kind: List
    items:
    - apiVersion: v1
      kind: Node
      metadata: {name: n1, uid: a1, labels: {topology.kubernetes.io/zone: z1}}
      spec: {podCIDR: 10.1.1.0/24}
      status:
        addresses: [{type: InternalIP, address: 192.168.1.1}, {type: ExternalIP, address: 203.0.113.9}]
        conditions: [{type: DiskPressure, status: "False"}, {type: Ready, status: "True"}]
        nodeInfo: {kubeletVersion: v1.34.1}
    - apiVersion: v1
      kind: Node
      metadata: {name: n2, uid: a2}
      spec: {podCIDR: 10.1.2.0/24, taints: [{key: node.kubernetes.io/unreachable, effect: NoExecute}]}
      status:
        addresses: [{type: InternalIP, address: 192.168.1.2}]
        conditions: [{type: Ready, status: Unknown}]
    - apiVersion: v1
      kind: Node
      metadata: {name: n3, uid: a3}
      spec: {podCIDR: 10.1.3.0/24}
      status:
        addresses: [{type: InternalIP, address: 192.168.1.3}]
        conditions: [{type: Ready, status: "False"}]
    - apiVersion: v1
      kind: Pod
      metadata: {name: done, uid: u1, labels: {app: web}}
      spec: {nodeName: n1, containers: [{name: a, env: [{name: TOKEN, value: hunter2}]}]}
      status: {phase: Succeeded, podIP: 10.1.1.5}
    - apiVersion: v1
      kind: Pod
      metadata: {name: web-1, uid: u2, labels: {app: web}}
      spec: {nodeName: n1, containers: [{name: a}]}
      status:
        phase: Running
        podIP: 10.1.1.5
        conditions: [{type: Ready, status: "True"}]
        containerStatuses: [{name: a, restartCount: 7}]
    - apiVersion: v1
      kind: Pod
      metadata: {name: web-2, uid: u3, labels: {app: web}}
      spec: {nodeName: n2, containers: [{name: a}]}
      status: {phase: Running, podIP: 10.1.2.5, conditions: [{type: Ready, status: "False"}]}
    - apiVersion: v1
      kind: Pod
      metadata: {name: web-3, uid: u4, labels: {app: web}, deletionTimestamp: "2026-01-01T00:00:00Z"}
      spec: {nodeName: n3, containers: [{name: a}]}
      status: {phase: Running, podIP: 10.1.3.5, conditions: [{type: Ready, status: "True"}]}
    - apiVersion: v1
      kind: Pod
      metadata: {name: waits, uid: u5, labels: {app: web}}
      spec: {containers: [{name: a}]}
      status: {phase: Pending}
    - apiVersion: v1
      kind: Pod
      metadata: {name: starts, uid: u6, labels: {app: web}}
      spec: {nodeName: n1, containers: [{name: a}]}
      status: {phase: Pending}
    - apiVersion: v1
      kind: Pod
      metadata: {name: failed, uid: u7, labels: {app: web}}
      spec: {nodeName: n1, containers: [{name: a}]}
      status: {phase: Failed}
    - apiVersion: v1
      kind: Pod
      metadata: {name: host, uid: u8, labels: {app: host}}
      spec: {nodeName: n1, hostNetwork: true, containers: [{name: a}]}
      status: {phase: Running, podIP: 192.168.1.99, conditions: [{type: Ready, status: "True"}]}
    - apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, uid: u9}
      spec:
        replicas: 9
        selector: {matchLabels: {app: web}}
        template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: x}]}}
    - apiVersion: v1
      kind: Service
      metadata: {name: web, uid: u10}
      spec:
        type: LoadBalancer
        clusterIP: 10.96.3.4
        clusterIPs: [10.96.3.4]
        ipFamilies: [IPv4]
        ipFamilyPolicy: SingleStack
        sessionAffinity: None
        internalTrafficPolicy: Cluster
        externalTrafficPolicy: Local
        healthCheckNodePort: 31999
        allocateLoadBalancerNodePorts: true
        selector: {app: web}
        ports: [{port: 80, protocol: TCP, targetPort: 8080, nodePort: 30080}]
      status: {loadBalancer: {}}
    - apiVersion: discovery.k8s.io/v1
      kind: EndpointSlice
      metadata:
        name: web-abc
        uid: u11
        labels:
          kubernetes.io/service-name: web
          endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io
      addressType: IPv4
      ports: [{name: "", port: 8080, protocol: TCP}]
      endpoints:
      - addresses: [10.1.2.5]
        conditions: {ready: true, serving: true, terminating: false}
        nodeName: n2
        targetRef: {kind: Pod, name: web-2, namespace: default, uid: u3}
      - addresses: [10.1.1.5]
        conditions: {ready: true, serving: true, terminating: false}
        nodeName: n1
        zone: z1
        targetRef: {kind: Pod, name: web-1, namespace: default, uid: u2}
    - {apiVersion: v1, kind: Secret, metadata: {name: s}}
    - {apiVersion: v1, kind: Secret, metadata: {name: t}}
    - {apiVersion: batch/v1, kind: Job, metadata: {name: j}}

    """

  static func imported() throws -> ScenarioImport {
    try ScenarioImport.read([ImportFixture.yaml(dump)])
  }

  @Test func podsAreInTheStateOfTheDump() throws {
    let view = try ImportFixture.view(Self.imported())
    let table = KubectlTable.render(kind: .pods, view: view, wide: true)
    #expect(
      ImportFixture.withoutAges(table).dropFirst().map { $0.replacing(" <none> <none>", with: "") } == [
        "done 0/1 Completed 0 10.1.1.5 n1", "failed 0/1 Error 0 <none> n1",
        "host 1/1 Running 0 192.168.1.99 n1", "starts 0/1 ContainerCreating 0 <none> n1",
        "waits 0/1 Pending 0", "web-1 1/1 Running 7 10.1.1.5 n1", "web-2 0/1 Running 0 10.1.2.5 n2",
        "web-3 1/1 Terminating 0 10.1.3.5 n3",
      ])
  }

  @Test func nodesKeepTheirReadiness() throws {
    let view = try ImportFixture.view(Self.imported())
    #expect(view.nodes.map(\.ready) == [.ready, .unknown, .notReady])
    #expect(view.nodes[0].externalIPs == [IPv4Address("203.0.113.9")!])
    #expect(view.nodes[1].taints == ["node.kubernetes.io/unreachable:NoExecute"])
  }

  @Test func aSilentNodeIsDown() throws {
    let scenario = try ImportFixture.scenario(Self.imported())
    let plane = try ControlPlane(
      settings: scenario.cluster, objects: scenario.objects, seed: scenario.seed)
    let up = plane.nodes.map(\.isUp)
    let web2 = plane.pods.first { $0.name.name == "web-2" }?.hasProcess
    let web1 = plane.pods.first { $0.name.name == "web-1" }?.hasProcess
    #expect(up == [true, false, true])
    #expect(web2 == false)
    #expect(web1 == true)
  }

  @Test func aLaggingSliceStaysAsItIsAtTheStart() throws {
    let result = try Self.imported()
    let slice = try #require(try ImportFixture.view(result).slices.first { $0.metadata.name == "web-abc" })
    #expect(slice.endpoints.map { $0.addresses[0] } == ["10.1.2.5", "10.1.1.5"])
    #expect(slice.endpoints.map(\.isReady) == [true, true])
    #expect(ImportFixture.warnings(result).contains { $0.contains("slices of Service default/web") })
  }

  @Test func controllersPutRightAfterTheStartWhatTheDumpHasWrong() throws {
    let scenario = try ImportFixture.scenario(Self.imported())
    var plane = try ControlPlane(
      settings: scenario.cluster, objects: scenario.objects, seed: scenario.seed)
    var out = ControlPlaneOutput()
    plane.start(into: &out)
    let reconciled = out.schedule.contains { if case .endpointSyncDue = $0.1 { true } else { false } }
    let synced = out.schedule.contains { if case .syncWorkload = $0.1 { true } else { false } }
    #expect(reconciled)
    #expect(synced)
  }

  @Test func aPendingLoadBalancerStaysPending() throws {
    let service = try #require(
      try ImportFixture.view(Self.imported()).services.first { $0.metadata.name == "web" })
    #expect(service.status.loadBalancerIngress.isEmpty)
    #expect(service.spec.healthCheckNodePort == 31999)
    #expect(service.spec.ports[0].nodePort == 30080)
  }

  @Test func everythingThatDoesNotFitIsNamedWithItsPlace() throws {
    let result = try Self.imported()
    for (line, text) in [
      (65, "Pod default/host has its node's network and the address 192.168.1.99"),
      (12, "Node n2 is Ready=Unknown"), (70, "Deployment default/web wants 9 replicas and has 4 pods"),
      (77, "the slices of Service default/web"),
    ] {
      let match = result.warnings.first { $0.text.contains(text) }
      #expect(match?.position?.line == line, "\(text): \(result.warnings)")
    }
    #expect(result.warnings.count == 4, "\(result.warnings)")
    #expect(result.ignored.map(\.kind) == ["Job", "Secret"])
    #expect(result.ignored.map(\.count) == [1, 2])
  }

  @Test func whatThePodsRunStaysAtHome() throws {
    let text = try Self.imported().text
    #expect(text.contains("web-1"))
    #expect(!text.contains("hunter2"))
  }
}
