// SPDX-License-Identifier: GPL-3.0-or-later
//
// Settings that no object states: what the input says of them goes first, and each says where it comes from.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Scenario

@Suite struct ImportInferenceTests {
  static func node(_ name: String, podCIDR: String, version: String = "v1.36.0") -> String {
    """
    apiVersion: v1
    kind: Node
    metadata: {name: \(name), uid: \(name)}
    spec: {podCIDR: \(podCIDR)}
    status:
      addresses: [{type: InternalIP, address: 192.168.7.\(name.utf8.count)}]
      conditions: [{type: Ready, status: "True"}]
      nodeInfo: {kubeletVersion: \(version)}
    ---

    """
  }

  static func service(_ name: String, _ clusterIP: String, nodePort: Int? = nil) -> String {
    let port = nodePort.map { ", nodePort: \($0)" } ?? ""
    let type = nodePort == nil ? "ClusterIP" : "NodePort"
    return """
      apiVersion: v1
      kind: Service
      metadata: {name: \(name), uid: \(name)}
      spec:
        type: \(type)
        clusterIP: \(clusterIP)
        clusterIPs: [\(clusterIP)]
        ports: [{port: 80, protocol: TCP, targetPort: 80\(port)}]
      ---

      """
  }

  static func component(_ name: String, _ flags: String) -> String {
    """
    apiVersion: v1
    kind: Pod
    metadata: {name: \(name)-n, namespace: kube-system, uid: \(name)}
    spec: {nodeName: n, hostNetwork: true, containers: [{name: \(name), command: [\(name), \(flags)]}]}
    status: {phase: Running, podIP: 192.168.7.1, conditions: [{type: Ready, status: "True"}]}
    ---

    """
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var input: String
    var serviceCIDR = "10.96.0.0/12"
    var podCIDR = "10.244.0.0/16"
    var ports = 30000...32767
    /// Part of the origin of one of the settings.
    var origin: String
    var testDescription: String { name }
  }

  static let kubernetes = service("kubernetes", "172.20.0.1")
  static let cases: [Case] = [
    Case(
      name: "nothing but defaults", input: node("n", podCIDR: "10.244.0.0/24"),
      origin: "kind's default; every node's podCIDR fits"),
    Case(
      name: "the API server's Service", input: node("n", podCIDR: "10.244.0.0/24") + kubernetes,
      serviceCIDR: "172.20.0.0/16", origin: "from the clusterIP of default/kubernetes"),
    Case(
      name: "ServiceCIDR",
      input: node("n", podCIDR: "10.244.0.0/24") + kubernetes + """
        apiVersion: networking.k8s.io/v1
        kind: ServiceCIDR
        metadata: {name: kubernetes, uid: x}
        spec: {cidrs: [172.20.0.0/20]}

        """, serviceCIDR: "172.20.0.0/20", origin: "the ServiceCIDR object, dump.yaml:"),
    Case(
      name: "kubeadm-config",
      input: node("n", podCIDR: "10.9.0.0/24") + """
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: kubeadm-config, namespace: kube-system, uid: x}
        data:
          ClusterConfiguration: |
            kind: ClusterConfiguration
            networking: {podSubnet: 10.8.0.0/14, serviceSubnet: 172.30.0.0/16}

        """, serviceCIDR: "172.30.0.0/16", podCIDR: "10.8.0.0/14", origin: "kubeadm's ClusterConfiguration"),
    Case(
      name: "command lines",
      input: node("n", podCIDR: "10.9.0.0/24")
        + component(
          "kube-apiserver",
          "--service-cluster-ip-range=172.31.0.0/18, --service-node-port-range=20000-22767")
        + component("kube-controller-manager", "--cluster-cidr=10.9.0.0/16"), serviceCIDR: "172.31.0.0/18",
      podCIDR: "10.9.0.0/16", ports: 20000...22767, origin: "--cluster-cidr of kube-controller-manager"),
    Case(
      name: "blocks of nodes",
      input: node("n", podCIDR: "10.9.1.0/24") + node("nn", podCIDR: "10.9.2.0/24"),
      podCIDR: "10.9.0.0/22", origin: "the smallest block that holds every node's podCIDR"),
    Case(
      name: "a node port outside of the range",
      input: node("n", podCIDR: "10.244.0.0/24") + service("web", "10.96.0.9", nodePort: 8080),
      ports: 8080...32767, origin: "widened from 30000-32767"),
  ]

  @Test(arguments: cases) func blocksComeFromTheInput(_ item: Case) throws {
    let result = try ScenarioImport.read([ImportFixture.yaml(item.input)])
    let cluster = try ImportFixture.scenario(result).cluster
    #expect("\(cluster.serviceCIDR)" == item.serviceCIDR)
    #expect("\(cluster.podCIDR)" == item.podCIDR)
    #expect(cluster.nodePortRange == item.ports)
    #expect(cluster.proxy?.clusterCIDR == IPv4CIDR(item.podCIDR))
    #expect(result.settings.contains { $0.origin.contains(item.origin) }, "\(result.settings)")
    let own = try ImportFixture.view(result).services.first { $0.metadata.name == "kubernetes" }
    if item.input.contains("name: kubernetes, uid: k") { #expect(own?.spec.clusterIP == "172.20.0.1") }
  }

  /// Everything that the reader of kube-proxy's configuration reads is written, and read back the same.
  @Test(arguments: ["iptables", "ipvs", "nftables"]) func kubeProxysConfigurationSurvives(_ mode: String)
    throws
  {
    let text = """
      apiVersion: kubeproxy.config.k8s.io/v1alpha1
      kind: KubeProxyConfiguration
      mode: \(mode)
      clusterCIDR: 10.8.0.0/13
      nodePortAddresses: [192.168.0.0/16, 127.0.0.0/8]
      iptables: {masqueradeAll: true, localhostNodePorts: false, minSyncPeriod: 1500ms, syncPeriod: 1m30s}
      ipvs: {minSyncPeriod: 3s, syncPeriod: 45s}
      nftables: {masqueradeAll: true, minSyncPeriod: 2s, syncPeriod: 1h0m0s}
      conntrack:
        maxPerCore: 100
        min: 7
        tcpEstablishedTimeout: 1h30m0s
        tcpCloseWaitTimeout: 7m0s
        udpTimeout: 35s
        udpStreamTimeout: 125s
        tcpBeLiberal: true

      """
    var mistakes: [Diagnostic] = []
    let document = try DocumentReader.read(text: text, path: "proxy.yaml")[0]
    let read = ManifestDecoder().objects(in: document, diagnostics: &mistakes).kubeProxyConfiguration
    let result = try ScenarioImport.read([
      ImportFixture.yaml(text), ImportFixture.yaml(Self.node("n", podCIDR: "10.9.0.0/24")),
    ])
    let scenario = try ImportFixture.scenario(result)
    #expect(mistakes.isEmpty)
    #expect(read != nil && scenario.cluster.proxy == read)
    #expect("\(scenario.cluster.podCIDR)" == "10.8.0.0/13")
    let isAssumed = result.settings.contains { $0.path == "cluster.proxy" && $0.origin.contains("assumed") }
    #expect(!isAssumed)
  }

  @Test func aConfigurationWithoutClusterCIDRKnowsNoPods() throws {
    let text = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
    let result = try ScenarioImport.read([
      ImportFixture.yaml(text), ImportFixture.yaml(Self.node("n", podCIDR: "10.9.0.0/24")),
    ])
    let proxy = try #require(try ImportFixture.scenario(result).cluster.proxy)
    #expect(proxy.clusterCIDR == nil)
  }

  @Test func aKindConfigurationGivesNodesAndBlocks() throws {
    let kind = """
      kind: Cluster
      apiVersion: kind.x-k8s.io/v1alpha4
      name: lab
      networking: {podSubnet: 10.30.0.0/16, serviceSubnet: 10.31.0.0/16, kubeProxyMode: ipvs}
      nodes:
      - {role: control-plane, image: "kindest/node:v1.31.2"}
      - {role: worker, labels: {topology.kubernetes.io/zone: z9, tier: front}}

      """
    let service = """
      apiVersion: v1
      kind: Service
      metadata: {name: web}
      spec: {selector: {app: web}, ports: [{port: 80}]}

      """
    let result = try ScenarioImport.read([
      ImportFixture.yaml(kind, name: "kind.yaml"), ImportFixture.yaml(service, name: "web.yaml"),
    ])
    let cluster = try ImportFixture.scenario(result).cluster
    #expect(cluster.nodes.map(\.name) == ["lab-control-plane", "lab-worker"])
    #expect(cluster.nodes[1].zone == "z9")
    #expect(cluster.nodes[1].labels["tier"] == "front")
    #expect(cluster.nodes[0].roles == ["control-plane"])
    #expect("\(cluster.serviceCIDR) \(cluster.podCIDR)" == "10.31.0.0/16 10.30.0.0/16")
    #expect(cluster.proxy?.mode == .ipvs)
    #expect(cluster.minorVersion == 31)
  }

  @Test func theDumpSaysWhichOfTheConfiguredNodesThereAre() throws {
    let kind =
      "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]\n"
    let node = Self.node("kind-worker", podCIDR: "10.244.1.0/24")
    let result = try ScenarioImport.read([ImportFixture.yaml(kind), ImportFixture.yaml(node)])
    #expect(try ImportFixture.view(result).nodes.map(\.metadata.name) == ["kind-worker"])
    #expect(ImportFixture.warnings(result).contains { $0.contains("kind-control-plane") })
  }
}
