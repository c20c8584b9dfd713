// SPDX-License-Identifier: GPL-3.0-or-later
//
// Input that cannot become a true table is refused at its place; input that dangles is completed or left out,
// and named.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Scenario

@Suite struct ImportRefusalTests {
  static let node = ImportInferenceTests.node("n", podCIDR: "10.244.0.0/24")

  static func pod(_ name: String, _ address: String, node: String = "n", labels: String = "app: web")
    -> String
  {
    """
    apiVersion: v1
    kind: Pod
    metadata: {name: \(name), uid: \(name), labels: {\(labels)}}
    spec: {nodeName: \(node), containers: [{name: a}]}
    status: {phase: Running, podIP: \(address), hostIP: 192.168.8.8, conditions: [{type: Ready, status: "True"}]}
    ---

    """
  }

  static func slice(_ name: String, service: String, _ endpoints: String, managed: Bool = true) -> String {
    let manager =
      managed ? ", endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io" : ""
    return """
      apiVersion: discovery.k8s.io/v1
      kind: EndpointSlice
      metadata: {name: \(name), uid: \(name), labels: {kubernetes.io/service-name: \(service)\(manager)}}
      addressType: IPv4
      ports: [{name: "", port: 80, protocol: TCP}]
      endpoints: [\(endpoints)]
      ---

      """
  }

  static func selecting(_ name: String, _ clusterIP: String, selector: String = "app: web") -> String {
    ImportInferenceTests.service(name, clusterIP).replacing(
      "type: ClusterIP", with: "type: ClusterIP\n  selector: {\(selector)}")
  }

  struct Wrong: Sendable, CustomTestStringConvertible {
    var name: String
    var input: String
    var message: String
    var testDescription: String { name }
  }

  static let wrong: [Wrong] = [
    Wrong(name: "no node", input: selecting("web", "10.96.0.9"), message: "no node in the input"),
    Wrong(
      name: "two pods of one address", input: node + pod("a", "10.244.0.5") + pod("b", "10.244.0.5"),
      message: "Pod default/b has the address 10.244.0.5 of Pod default/a, dump.yaml:10"),
    Wrong(
      name: "a pod with a node's address", input: node + pod("a", "192.168.7.1"),
      message: "Pod default/a has the address 192.168.7.1 of Node n"),
    Wrong(
      name: "two Services of one address",
      input: node + selecting("a", "10.96.0.9") + selecting("b", "10.96.0.9"),
      message: "provided IP is already allocated"),
    Wrong(
      name: "policy",
      input: node + "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}}\n",
      message: "NetworkPolicy would change the answer"),
    Wrong(
      name: "a pod that cannot be reconstructed",
      input: node + selecting("a", "10.96.0.9") + selecting("b", "10.96.0.8", selector: "app: other")
        + slice(
          "a-1", service: "a",
          "{addresses: [10.244.0.5], targetRef: {kind: Pod, name: p, namespace: default}}")
        + slice(
          "b-1", service: "b",
          "{addresses: [10.244.0.5], targetRef: {kind: Pod, name: p, namespace: default}}"),
      message: "cannot be reconstructed"),
    Wrong(
      name: "an unknown field of a manifest",
      input: node
        + "{apiVersion: v1, kind: Service, metadata: {name: w}, spec: {ports: [{port: 80}], selectr: {a: b}}}\n",
      message: "unknown field \"spec.selectr\""),
    Wrong(
      name: "no object", input: "just text\n", message: "expected a Kubernetes object"),
    Wrong(name: "broken text", input: "a: [\n", message: "YAML syntax"),
  ]

  @Test(arguments: wrong) func whatGivesNoTrueTableIsRefusedAtItsPlace(_ item: Wrong) throws {
    do {
      _ = try ScenarioImport.read([ImportFixture.yaml(item.input)])
      Issue.record("accepted")
    } catch {
      #expect(error.exitCode == 65)
      #expect(error.diagnostics[0].position.file == "dump.yaml")
      #expect(error.description.contains(item.message), "\(error.description)")
    }
  }

  @Test func whatIsNotModelledIsNamedFirstAndOncePerKind() throws {
    let dual = Self.selecting("d", "10.96.0.9").replacing(
      "clusterIPs: [10.96.0.9]", with: "clusterIPs: [10.96.0.9, \"fd00::1\"]\n  ipFamilies: [IPv4, IPv6]")
    let policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}}\n---\n"
    let input = "{apiVersion: v1, kind: Service, metadata: {}}\n---\n" + Self.node + dual + policy + policy
    do {
      _ = try ScenarioImport.read([ImportFixture.yaml(input)])
      Issue.record("accepted")
    } catch {
      let lines = error.description.split(separator: "\n")
      #expect(lines[0].contains("IPv6 (in 2 places, this is the first) would change the answer"))
      #expect(lines[1].contains("NetworkPolicy (in 2 places, this is the first) would change the answer"))
      #expect(lines[2].contains("expected a name"))
      #expect(lines.count == 3)
    }
  }

  @Test func theIPv4SideOfADualStackClusterIsWhatRemains() throws {
    let input =
      Self.node.replacing(
        "podCIDR: 10.244.0.0/24", with: "podCIDR: 10.244.0.0/24, podCIDRs: [10.244.0.0/24, \"fd00::/64\"]")
      + Self.selecting("d", "10.96.0.9").replacing(
        "clusterIPs: [10.96.0.9]",
        with:
          "clusterIPs: [\"fd00::1\", 10.96.0.9]\n  ipFamilies: [IPv6, IPv4]\n  ipFamilyPolicy: PreferDualStack"
      ).replacing("clusterIP: 10.96.0.9", with: "clusterIP: \"fd00::1\"")
      + Self.selecting("six", "\"fd00::2\"")
      + Self.pod("p", "10.244.0.5").replacing(
        "podIP: 10.244.0.5", with: "podIP: \"fd00::5\", podIPs: [{ip: \"fd00::5\"}, {ip: 10.244.0.5}]")
      + Self.slice("d-6", service: "d", "{addresses: [\"fd00::5\"]}").replacing("IPv4", with: "IPv6")
    let result = try ScenarioImport.read([ImportFixture.yaml(input)], accept: ["IPv6"])
    let view = try ImportFixture.view(result)
    #expect(view.services.map(\.metadata.name) == ["d"])
    #expect(view.services[0].spec.clusterIP == "10.96.0.9")
    #expect(view.services[0].spec.ipFamilyPolicy == "SingleStack")
    #expect(view.slices.flatMap(\.endpoints).flatMap(\.addresses) == ["10.244.0.5"])
    #expect(!result.text.contains("fd00"))
    #expect(try ImportFixture.scenario(result).cluster.nodes.count == 1)
    let warnings = ImportFixture.warnings(result).joined(separator: "\n")
    #expect(warnings.contains("Service six has IPv6 addresses only"))
    #expect(warnings.contains("EndpointSlice d-6 has IPv6 addresses only"))
  }

  // MARK: What dangles

  @Test func aNodeThatPodsNameIsMadeFromThem() throws {
    let input =
      Self.node + Self.pod("a", "10.244.5.5", node: "lost") + Self.selecting("web", "10.96.0.9")
      + Self.slice(
        "w-1", service: "web",
        "{addresses: [10.244.5.5], nodeName: lost, zone: z7, targetRef: {kind: Pod, name: a, namespace: default}}"
      )
    let result = try ScenarioImport.read([ImportFixture.yaml(input)])
    let node = try #require(try ImportFixture.view(result).nodes.first { $0.metadata.name == "lost" })
    #expect(node.internalIPs == [IPv4Address("192.168.8.8")!])
    #expect(node.podCIDR == IPv4CIDR("10.244.5.0/24"))
    #expect(node.zone == "z7")
    #expect(
      result.warnings.contains { $0.text.contains("Node lost not in the input") && $0.position?.line == 10 })
  }

  @Test func aPodThatSlicesNameIsMadeFromThem() throws {
    let service = Self.selecting("web", "10.96.0.9").replacing("targetPort: 80", with: "targetPort: http")
    let input =
      Self.node + service
      + Self.slice(
        "w-1", service: "web",
        """
        {addresses: [10.244.0.5], nodeName: n, conditions: {ready: false, serving: true, terminating: true}, \
        targetRef: {kind: Pod, name: a, namespace: default, uid: u}}, {addresses: [10.244.0.6], nodeName: n, \
        conditions: {ready: false, serving: false, terminating: false}}
        """)
    let result = try ScenarioImport.read([ImportFixture.yaml(input)])
    let view = try ImportFixture.view(result)
    #expect(view.pods.map(\.metadata.name) == ["a", "web-10-244-0-6"])
    #expect(view.pods[0].metadata.deletionTimestamp != nil)
    #expect(view.pods.map(\.status.isReady) == [true, false])
    let warnings = ImportFixture.warnings(result)
    #expect(warnings.contains { $0.contains("2 pods (default/a, default/web-10-244-0-6)") })
    #expect(view.slices[0].endpoints.map { $0.addresses[0] } == ["10.244.0.5", "10.244.0.6"])
  }

  @Test func theControllerHasNoReasonToTouchASliceOfReconstructedPods() throws {
    let input =
      Self.node + Self.selecting("web", "10.96.0.9")
      + Self.slice(
        "w-1", service: "web",
        """
        {addresses: [10.244.0.5], nodeName: n, conditions: {ready: true, serving: true, terminating: false}, \
        targetRef: {kind: Pod, name: a, namespace: default, uid: u}}
        """)
    let result = try ScenarioImport.read([ImportFixture.yaml(input)])
    let isTouched = ImportFixture.warnings(result).contains { $0.contains("put right by the controller") }
    #expect(!isTouched)
  }

  @Test func aSliceWithoutServiceIsLeftOut() throws {
    let input = Self.node + Self.slice("x-1", service: "gone", "{addresses: [10.244.0.5]}")
    let result = try ScenarioImport.read([ImportFixture.yaml(input)])
    #expect(try ImportFixture.view(result).slices.isEmpty)
    #expect(
      ImportFixture.warnings(result) == [
        "EndpointSlice default/x-1 is of Service default/gone, which is not in the input: left out"
      ])
  }

  @Test func aHandWrittenSliceOfAServiceWithoutSelectorStays() throws {
    let input =
      Self.node + ImportInferenceTests.service("db", "10.96.0.9")
      + Self.slice("db-manual", service: "db", "{addresses: [203.0.113.77]}", managed: false)
    let result = try ScenarioImport.read([ImportFixture.yaml(input)])
    #expect(try ImportFixture.view(result).slices.map(\.metadata.name) == ["db-manual"])
    #expect(result.warnings.isEmpty, "\(result.warnings)")
  }

  @Test func ofTwoVersionsTheLaterHolds() throws {
    let input = Self.node + Self.selecting("web", "10.96.0.9") + Self.selecting("web", "10.96.0.10")
    let result = try ScenarioImport.read([ImportFixture.yaml(input)])
    #expect(try ImportFixture.view(result).services.map(\.spec.clusterIP) == ["10.96.0.10"])
    #expect(ImportFixture.warnings(result).contains { $0.contains("is given twice and differs") })
  }

  @Test func theSameFileTwiceIsTheSame() throws {
    let input = Self.node + Self.selecting("web", "10.96.0.9")
    let once = try ScenarioImport.read([ImportFixture.yaml(input)])
    let twice = try ScenarioImport.read([ImportFixture.yaml(input), ImportFixture.yaml(input)])
    #expect(twice.warnings == once.warnings)
    #expect(twice.counts.map(\.count) == once.counts.map(\.count))
  }

  @Test func aFieldOfANewerKubernetesIsLeftOutAndNamed() throws {
    let input =
      Self.node + Self.selecting("web", "10.96.0.9").replacing("  ports:", with: "  brandNew: 1\n  ports:")
    let result = try ScenarioImport.read([ImportFixture.yaml(input)])
    #expect(result.warnings.contains { $0.text == "unknown field \"spec.brandNew\": left out" })
    #expect(!result.text.contains("\"brandNew\""))
  }
}
