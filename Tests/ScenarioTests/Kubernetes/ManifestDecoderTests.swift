// SPDX-License-Identifier: GPL-3.0-or-later

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Scenario

@Suite struct ManifestDecoderTests {
  private func read(_ text: String, file: String = "m.yaml") throws -> (ManifestContents, [Diagnostic]) {
    try KubernetesGolden.read(text: text, file: file)
  }

  private func workload(_ text: String) throws -> Workload {
    let (contents, diagnostics) = try read(text)
    #expect(diagnostics.isEmpty)
    guard case .workload(let workload) = try #require(contents.objects.first) else {
      Issue.record("no workload")
      throw APIRefusal(kind: "", name: "", causes: [])
    }
    return workload
  }

  @Test(
    "a misspelt field is named with its place and the field that was meant",
    arguments: [
      ("spec: {selectr: {app: web}}", "spec.selectr", "selector", "4:8"),
      ("spec: {ports: [{port: 80, tragetPort: 8080}]}", "spec.ports[0].tragetPort", "targetPort", "4:27"),
      ("spec: {type: NodePort, foo: 1}", "spec.foo", nil, "4:24"),
      ("spce: {}", "spce", "spec", "4:1"),
      ("status: {loadBalancer: {ingres: []}}", "status.loadBalancer.ingres", "ingress", "4:25"),
    ] as [(String, String, String?, String)])
  func unknownFields(_ line: String, _ field: String, _ suggestion: String?, _ place: String) throws {
    let (_, diagnostics) = try read("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n" + line + "\n")
    let first = try #require(diagnostics.first)
    #expect(diagnostics.count == 1)
    #expect(first.message == "unknown field \"\(field)\"")
    #expect(first.suggestion == suggestion)
    #expect(first.position.description == "m.yaml:" + place)
  }

  @Test("a field that only a later release knows is let pass where types grow, a near miss is not")
  func openPlaces() throws {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {brandNewThing: 1, containres: []}\n"
    let (_, diagnostics) = try read(pod)
    #expect(diagnostics.map(\.suggestion) == ["containers"])
  }

  @Test(
    "a value of the wrong type is a mistake at its place",
    arguments: [
      ("spec: {ports: [{port: eighty}]}", "spec.ports[0].port", "expected an integer"),
      ("spec: {ports: [{port: \"80\"}]}", "spec.ports[0].port", "expected an integer"),
      ("spec: {ports: 80}", "spec.ports", "expected a list"),
      ("spec: {ports: [80]}", "spec.ports[0]", "expected an object"),
      ("spec: {selector: {app: 5}}", "spec.selector.app", "expected a string (in quotes)"),
      ("spec: {selector: [app]}", "spec.selector", "expected an object"),
      ("spec: {publishNotReadyAddresses: maybe}", "spec.publishNotReadyAddresses", "expected true or false"),
      ("spec: {externalIPs: 80.11.12.10}", "spec.externalIPs", "expected a list of strings"),
      ("spec: []", "spec", "expected an object"),
      ("spec: {ports: [{port: 99999999999999999999}]}", "spec.ports[0].port", "expected an integer"),
    ])
  func wrongTypes(_ line: String, _ path: String, _ message: String) throws {
    let (_, diagnostics) = try read("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n" + line + "\n")
    #expect(diagnostics.map(\.path) == [path])
    #expect(diagnostics.map(\.message) == [message])
    #expect(diagnostics.allSatisfy { $0.position.line == 4 && $0.position.column > 1 })
  }

  @Test("all mistakes of a file are reported, with paths into its List")
  func allMistakes() throws {
    let text = """
      apiVersion: v1
      kind: List
      items:
      - apiVersion: v1
        kind: Service
        metadata: {name: a}
        spec: {typ: NodePort, ports: [{port: x}]}
      - kind: Service
        metadata: {name: b}
      - 7
      ---
      apiVersion: v1
      kind: Pod
      metadata: {}
      """
    let (_, diagnostics) = try read(text)
    #expect(
      diagnostics.map(\.path) == [
        "items[0].spec.typ", "items[0].spec.ports[0].port", "items[1]", "items[2]", "metadata.name",
      ])
    #expect(diagnostics[0].message == "unknown field \"spec.typ\"")
    #expect(diagnostics[2].message == "apiVersion not set")
  }

  @Test("kinds without meaning here are counted; another project's Service is not a Service")
  func ignored() throws {
    let text = """
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: settings}
      data: {a: b}
      ---
      apiVersion: serving.knative.dev/v1
      kind: Service
      metadata: {name: kn}
      spec: {template: {}}
      ---
      apiVersion: batch/v1
      kind: CronJob
      metadata: {name: h}
      ---
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: more}
      """
    let (contents, diagnostics) = try read(text)
    #expect(diagnostics.isEmpty)
    #expect(contents.objects.isEmpty)
    #expect(
      contents.ignored == [
        "ConfigMap": 2, "Service.serving.knative.dev": 1, "CronJob": 1,
      ])
  }

  @Test("an API version that the group does not serve is a mistake")
  func versions() throws {
    let text = "apiVersion: discovery.k8s.io/v1beta1\nkind: EndpointSlice\nmetadata: {name: a}\n"
    let (_, diagnostics) = try read(text)
    #expect(diagnostics.map(\.message) == ["expected discovery.k8s.io/v1 for kind EndpointSlice"])
  }

  @Test("what would change the answer but is not modelled is named with its place")
  func unmodelled() throws {
    let text = """
      apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: deny}
      ---
      apiVersion: v1
      kind: Service
      metadata:
        name: dual
        annotations: {service.kubernetes.io/topology-mode: Auto}
      spec:
        ipFamilies: [IPv4, IPv6]
        ports: [{port: 80}]
      ---
      apiVersion: discovery.k8s.io/v1
      kind: EndpointSlice
      metadata: {name: six}
      addressType: IPv6
      endpoints: []
      ports: []
      ---
      apiVersion: v1
      kind: Service
      metadata: {name: free}
      spec: {clusterIP: None, ipFamilies: [IPv4, IPv6], ipFamilyPolicy: RequireDualStack}
      """
    let (contents, diagnostics) = try read(text)
    #expect(diagnostics.isEmpty)
    #expect(contents.unmodelled.map(\.kind) == ["NetworkPolicy", "IPv6", "topology-mode", "IPv6"])
    #expect(contents.unmodelled.map(\.position.line) == [1, 11, 9, 17])
    #expect(contents.objects.count == 2)
  }

  @Test("a Deployment is read with selector, template and bounds")
  func deployment() throws {
    let deployment = try workload(
      """
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web, namespace: shop, labels: {app: web}}
      spec:
        replicas: 4
        minReadySeconds: 5
        selector:
          matchLabels: {app: web}
          matchExpressions: [{key: tier, operator: In, values: [front]}]
        strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 10%}}
        template:
          metadata: {labels: {app: web, tier: front}}
          spec:
            terminationGracePeriodSeconds: 45
            initContainers:
            - {name: once, image: i, ports: [{containerPort: 1, name: gone}]}
            - {name: sidecar, image: i, restartPolicy: Always, ports: [{containerPort: 15020, name: metrics}]}
            containers:
            - {name: c, image: i, ports: [{containerPort: 8080, name: http}]}
      """)
    #expect(deployment.kind == .deployment)
    #expect(deployment.metadata.namespace == "shop")
    #expect(deployment.replicas == 4)
    #expect(deployment.minReady == .seconds(5))
    #expect(deployment.maxSurge == .int(1))
    #expect(deployment.maxUnavailable == .string("10%"))
    #expect(deployment.selector.matches(deployment.templateLabels))
    #expect(!deployment.selector.matches(["app": "web"]))
    #expect(deployment.template.terminationGracePeriod == .seconds(45))
    #expect(deployment.template.containers.map(\.name) == ["c", "sidecar"])
  }

  @Test("defaults of workloads follow their kind", arguments: ["StatefulSet", "DaemonSet", "ReplicaSet"])
  func workloadDefaults(_ kind: String) throws {
    let result = try workload(
      """
      apiVersion: apps/v1
      kind: \(kind)
      metadata: {name: a}
      spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}}}
      """)
    #expect(result.kind.rawValue == kind)
    #expect(result.replicas == 1)
    #expect(result.maxUnavailable == (kind == "ReplicaSet" ? .string("25%") : .int(1)))
  }

  @Test("a dump's JSON form is read like its YAML form")
  func json() throws {
    let text = """
      {"apiVersion": "v1", "kind": "ServiceList", "items": [
        {"metadata": {"name": "a", "managedFields": [{"manager": "m"}],
          "creationTimestamp": "2026-11-22T08:40:10Z", "deletionTimestamp": null}, "spec": {"ports": [{"port": 80, "targetPort": "http"}]}}]}
      """
    let (contents, diagnostics) = try read(text, file: "dump.json")
    #expect(diagnostics.isEmpty)
    guard case .service(let service) = try #require(contents.objects.first) else {
      Issue.record("no Service")
      return
    }
    #expect(service.spec.ports[0].targetPort == .string("http"))
    #expect(service.metadata.creationTimestamp == .zero + .seconds(10))
    #expect(service.metadata.deletionTimestamp == nil)
  }

  @Test("huge numbers of seconds saturate instead of overflowing")
  func hugeNumbers() throws {
    let text = """
      apiVersion: v1
      kind: Pod
      metadata: {name: a}
      spec: {terminationGracePeriodSeconds: 9223372036854775807, containers: []}
      """
    let (contents, diagnostics) = try read(text)
    #expect(diagnostics.isEmpty)
    guard case .pod(let pod) = try #require(contents.objects.first) else {
      Issue.record("no Pod")
      return
    }
    #expect(pod.spec.terminationGracePeriod == .max)
  }
}

@Suite struct ClusterConfigurationReadingTests {
  private func read(_ text: String, file: String = "m.yaml") throws -> (ManifestContents, [Diagnostic]) {
    try KubernetesGolden.read(text: text, file: file)
  }

  @Test("a KubeProxyConfiguration is read; zero and null mean kube-proxy's defaults")
  func configuration() throws {
    let text = """
      apiVersion: kubeproxy.config.k8s.io/v1alpha1
      kind: KubeProxyConfiguration
      mode: nftables
      clusterCIDR: 192.168.20.0/24
      configSyncPeriod: 0s
      nodePortAddresses: ["127.0.0.0/8"]
      iptables: {syncPeriod: 5s, localhostNodePorts: false, minSyncPeriod: 0s, masqueradeBit: null}
      nftables: {syncPeriod: 1m30s, minSyncPeriod: 250ms, masqueradeAll: true}
      conntrack: {maxPerCore: null, min: null, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: 2h0m0s}
      """
    let (contents, diagnostics) = try read(text)
    #expect(diagnostics.isEmpty)
    var expected = ProxySettings()
    expected.mode = .nftables
    expected.clusterCIDR = IPv4CIDR("192.168.20.0/24")
    expected.nodePortAddresses = [IPv4CIDR("127.0.0.0/8")!]
    expected.localhostNodePorts = false
    expected.syncPeriod = .seconds(90)
    expected.minSyncPeriod = .milliseconds(250)
    expected.masqueradeAll = true
    expected.tcpEstablishedTimeout = .hours(2)
    #expect(contents.kubeProxyConfiguration == expected)
  }

  @Test("the configuration that a real kube-proxy ran with is read without complaint")
  func goldenConfiguration() throws {
    let (contents, diagnostics) = try read(try KubernetesGolden.text("kube-proxy-config.yaml"))
    #expect(diagnostics.isEmpty)
    #expect(contents.kubeProxyConfiguration?.nodePortAddresses == [IPv4CIDR("127.0.0.0/8")!])
    #expect(contents.kubeProxyConfiguration?.conntrackMaxPerCore == 0)
    #expect(contents.kubeProxyConfiguration?.conntrackMin == 262_144)
  }

  @Test("mistakes inside the ConfigMap point at their line of the outer file")
  func configMap() throws {
    let text = """
      apiVersion: v1
      kind: ConfigMap
      metadata: {name: kube-proxy, namespace: kube-system}
      data:
        config.conf: |-
          apiVersion: kubeproxy.config.k8s.io/v1alpha1
          kind: KubeProxyConfiguration
          mode: ""
          nodePortAddress: ["127.0.0.0/8"]
          clusterCIDR: 10.244.0.0
        kubeconfig.conf: |-
          apiVersion: v1
      """
    let (contents, diagnostics) = try read(text)
    #expect(contents.kubeProxyConfiguration?.mode == .iptables)
    #expect(diagnostics.map(\.position.description) == ["m.yaml:9:5", "m.yaml:10:18"])
    #expect(diagnostics[0].suggestion == "nodePortAddresses")
    #expect(diagnostics[0].path == "data[\"config.conf\"].nodePortAddress")
    #expect(diagnostics[1].message == "expected a CIDR block such as 10.244.0.0/16")
  }

  @Test("a syntax error inside the ConfigMap points into the outer file")
  func configMapSyntax() throws {
    let text =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kube-proxy}\ndata:\n  config.conf: |\n    a: [1\n"
    let (_, diagnostics) = try read(text)
    #expect(diagnostics.count == 1)
    #expect((6...7).contains(diagnostics[0].position.line))
    #expect(diagnostics[0].position.file == "m.yaml")
  }

  @Test(
    "modes that kube-proxy does not have are refused or named",
    arguments: [("ebpf", 1, 0), ("iptabels", 1, 0), ("kernelspace", 0, 1)])
  func modes(_ mode: String, _ mistakes: Int, _ unmodelled: Int) throws {
    let (contents, diagnostics) = try read(
      "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: \(mode)\n")
    #expect(diagnostics.count == mistakes)
    #expect(contents.unmodelled.count == unmodelled)
    if mode == "iptabels" { #expect(diagnostics.first?.suggestion == "iptables") }
  }

  @Test("kind's nodes are named as kind names them, and its defaults hold")
  func kind() throws {
    let text = """
      kind: Cluster
      apiVersion: kind.x-k8s.io/v1alpha4
      name: test-cluster
      nodes:
      - role: control-plane
        image: kindest/node:v1.24.1@sha256:abc
        kubeadmConfigPatches:
        - |
          kind: ClusterConfiguration
          apiServer:
            extraArgs:
              "service-node-port-range": "20000-22767"
      - role: worker
        labels: {topology.kubernetes.io/zone: zone-a}
      - role: worker
      networking:
        kubeProxyMode: ipvs
        podSubnet: 10.10.0.0/16
      """
    let (contents, diagnostics) = try read(text)
    #expect(diagnostics.isEmpty)
    #expect(
      contents.kindNodes?.map(\.name) == [
        "test-cluster-control-plane", "test-cluster-worker", "test-cluster-worker2",
      ])
    #expect(contents.kindNodes?.map(\.zone) == [nil, "zone-a", nil])
    #expect(contents.kindNodes?.map(\.roles) == [["control-plane"], [], []])
    #expect(contents.kindPodCIDR == IPv4CIDR("10.10.0.0/16"))
    #expect(contents.kindServiceCIDR == IPv4CIDR("10.96.0.0/16"))
    #expect(contents.kindProxyMode == .ipvs)
    #expect(contents.kindMinorVersion == 24)
    #expect(contents.kindNodePortRange == 20000...22767)
  }

  @Test("a kind config without nodes is one control plane called kind-control-plane")
  func kindDefault() throws {
    let (contents, diagnostics) = try read("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n")
    #expect(diagnostics.isEmpty)
    #expect(contents.kindNodes?.map(\.name) == ["kind-control-plane"])
  }

  @Test("a misspelt role, key or mode in a kind config is named")
  func kindMistakes() throws {
    let text = """
      kind: Cluster
      apiVersion: kind.x-k8s.io/v1alpha4
      nodes: [{role: workr}, {rol: worker}]
      networking: {kubeProxyMode: iptable, ipFamily: dual}
      """
    let (contents, diagnostics) = try read(text)
    #expect(diagnostics.map(\.path) == ["nodes[0].role", "nodes[1].rol", "networking.kubeProxyMode"])
    #expect(diagnostics.map(\.suggestion) == ["worker", "role", "iptables"])
    #expect(contents.unmodelled.map(\.kind) == ["IPv6"])
  }

  @Test(
    "Go's durations are read, nothing else",
    arguments: [
      ("0s", 0), ("1m30s", 90_000), ("24h0m0s", 86_400_000), ("1.5h", 5_400_000), ("250ms", 250),
      ("15", nil), ("", nil), ("-1s", nil), ("1x", nil),
    ] as [(String, Int64?)])
  func durations(_ text: String, _ milliseconds: Int64?) {
    #expect(GoDuration.parse(text) == milliseconds.map { .milliseconds($0) })
  }
}

@Suite struct TaintReadingTests {
  @Test("taints and tolerations are read and match as the scheduler matches them")
  func tolerations() throws {
    let text = """
      apiVersion: v1
      kind: Node
      metadata: {name: n}
      spec: {taints: [{key: dedicated, value: db, effect: NoSchedule}, {key: gone, effect: NoExecute}]}
      ---
      apiVersion: v1
      kind: Pod
      metadata: {name: p}
      spec:
        containers: []
        tolerations:
        - {operator: Exists}
        - {key: dedicated, value: db, effect: NoSchedule}
        - {key: dedicated, operator: Equal, value: web}
        - {key: gone, operator: Exists, effect: NoSchedule}
      """
    let (contents, diagnostics) = try KubernetesGolden.read(text: text)
    #expect(diagnostics.isEmpty)
    guard case .node(let node) = contents.objects[0], case .pod(let pod) = contents.objects[1] else {
      Issue.record("expected a Node and a Pod")
      return
    }
    #expect(node.taints == ["dedicated=db:NoSchedule", "gone:NoExecute"])
    #expect(pod.spec.tolerations.map { $0.covers(node.taints[0]) } == [true, true, false, false])
    #expect(pod.spec.tolerations.map { $0.covers(node.taints[1]) } == [true, false, false, false])
  }
}
