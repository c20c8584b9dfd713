// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel
import Testing

@testable import Cluster

@Suite struct PrintingTests {
  @Test(
    "ages are kubectl's",
    arguments: [
      (47, "47s"), (98, "98s"), (119, "119s"), (120, "2m"), (123, "2m3s"), (352, "5m52s"), (599, "9m59s"),
      (600, "10m"), (10799, "179m"), (10800, "3h"), (11100, "3h5m"), (28799, "7h59m"), (28800, "8h"),
      (172_799, "47h"), (172_800, "2d"), (187_200, "2d4h"), (691_199, "7d23h"), (691_200, "8d"),
      (63_071_999, "729d"), (63_072_000, "2y"), (66_000_000, "2y33d"), (260_000_000, "8y"), (0, "0s"),
      (-1, "0s"),
      (-2, "<invalid>"),
    ] as [(Int64, String)])
  func ages(_ seconds: Int64, _ text: String) {
    #expect(humanDuration(.seconds(seconds)) == text)
  }

  @Test("fractions of a second are cut toward zero")
  func fractions() {
    #expect(humanDuration(.milliseconds(1999)) == "1s")
    #expect(humanDuration(.milliseconds(-1999)) == "0s")
  }

  private func service(_ type: String, _ edit: (inout Service) -> Void = { _ in }) -> Service {
    var service = Service(metadata: ObjectMeta(name: "a"), spec: ServiceSpec())
    service.spec.type = type
    edit(&service)
    return service
  }

  @Test("EXTERNAL-IP follows the type")
  func externalIP() {
    #expect(KubectlTable.externalIP(service("LoadBalancer"), wide: false) == "<pending>")
    #expect(KubectlTable.externalIP(service("NodePort"), wide: false) == "<none>")
    let ips = service("NodePort") { $0.spec.externalIPs = ["80.11.12.10", "80.11.12.11"] }
    #expect(KubectlTable.externalIP(ips, wide: false) == "80.11.12.10,80.11.12.11")
    let both = service("LoadBalancer") {
      $0.spec.externalIPs = ["80.11.12.10"]
      $0.status.loadBalancerIngress = [
        LoadBalancerIngress(ip: "192.0.2.9"), LoadBalancerIngress(ip: "192.0.2.1"),
      ]
    }
    #expect(KubectlTable.externalIP(both, wide: true) == "192.0.2.1,192.0.2.9,80.11.12.10")
    #expect(KubectlTable.externalIP(both, wide: false) == "192.0.2.1,192...,80.11.12.10")
    let external = service("ExternalName") { $0.spec.externalName = "my.database.example.com" }
    #expect(KubectlTable.externalIP(external, wide: false) == "my.database.example.com")
  }

  @Test("ENDPOINTS is <none> without subsets, empty with unready addresses only, cut after three")
  func endpointsCell() {
    var endpoints = Endpoints(metadata: ObjectMeta(name: "a"))
    #expect(KubectlTable.addressList(endpoints) == "<none>")
    let all = (1...5).map { EndpointAddress(ip: "10.0.0.\($0)") }
    let port = EndpointPort(port: 80)
    endpoints.subsets = [EndpointSubset(addresses: [], notReadyAddresses: all, ports: [port])]
    #expect(KubectlTable.addressList(endpoints) == "")
    endpoints.subsets = [EndpointSubset(addresses: all, ports: [port])]
    #expect(KubectlTable.addressList(endpoints) == "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more...")
    endpoints.subsets = [EndpointSubset(addresses: all, ports: [])]
    #expect(KubectlTable.addressList(endpoints) == "10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...")
  }

  @Test("an empty slice shows <unset>")
  func emptySlice() {
    let slice = EndpointSlice(metadata: ObjectMeta(name: "web-abcde"))
    let view = APIView(slices: [slice], now: .zero)
    #expect(
      KubectlTable.render(kind: .endpointSlices, view: view)
        == """
        NAME        ADDRESSTYPE   PORTS     ENDPOINTS   AGE
        web-abcde   IPv4          <unset>   <unset>     0s

        """
    )
  }

  @Test(
    "what is not there is said in kubectl's words",
    arguments: [
      (
        KubectlQuery(kind: .endpoints, name: "noep"),
        "Error from server (NotFound): endpoints \"noep\" not found\n"
      ),
      (KubectlQuery(kind: .services), "No resources found in default namespace.\n"),
      (KubectlQuery(kind: .pods, namespace: "prod"), "No resources found in prod namespace.\n"),
      (KubectlQuery(kind: .pods, allNamespaces: true), "No resources found\n"),
      (KubectlQuery(kind: .nodes), "No resources found\n"),
      (
        KubectlQuery(kind: .endpointSlices, name: "x"),
        "Error from server (NotFound): endpointslices.discovery.k8s.io \"x\" not found\n"
      ),
    ])
  func nothingFound(_ query: KubectlQuery, _ text: String) {
    let view = APIView(now: .zero)
    #expect(KubectlTable.render(query, view: view) == text)
    #expect(query.count(in: view) == 0)
  }

  @Test(
    "kinds have kubectl's names",
    arguments: [
      ("svc", KubectlKind.services), ("Service", .services), ("ep", .endpoints), ("po", .pods),
      ("no", .nodes),
      ("eps", .endpointSlices), ("endpointslices", .endpointSlices), ("deploy", .deployments),
      ("rs", .replicaSets), ("sts", .statefulSets), ("ds", .daemonSets), ("hpa", .autoscalers),
      ("pdb", .budgets),
      ("cm", nil),
    ] as [(String, KubectlKind?)])
  func kinds(_ argument: String, _ kind: KubectlKind?) {
    #expect(KubectlKind(argument: argument) == kind)
  }

  @Test("a cordoned node, a crashed pod and a pod on its way out are told apart")
  func statusCells() {
    var node = Node(metadata: ObjectMeta(name: "n", namespace: ""))
    node.isUnschedulable = true
    node.ready = .unknown
    #expect(KubectlTable.cells(node, age: "1s", wide: false)[1] == "NotReady,SchedulingDisabled")
    var pod = Pod(metadata: ObjectMeta(name: "p"), spec: PodSpec())
    pod.spec.containers = [Container(name: "c")]
    #expect(
      KubectlTable.cells(pod, age: "1s", now: .zero, wide: false) == ["p", "0/1", "Pending", "0", "1s"])
    pod.spec.nodeName = "n"
    #expect(KubectlTable.cells(pod, age: "1s", now: .zero, wide: false)[2] == "ContainerCreating")
    pod.status.phase = .running
    pod.metadata.deletionTimestamp = .zero
    #expect(KubectlTable.cells(pod, age: "1s", now: .zero, wide: false)[2] == "Terminating")
    pod.status.phase = .succeeded
    #expect(KubectlTable.cells(pod, age: "1s", now: .zero, wide: false)[2] == "Completed")
    pod.status.restartCount = 3
    #expect(KubectlTable.cells(pod, age: "1s", now: .zero, wide: false)[3] == "3")
    pod.status.lastRestart = .zero - .seconds(300)
    #expect(KubectlTable.cells(pod, age: "1s", now: .zero, wide: false)[3] == "3 (5m ago)")
  }

  @Test(
    "YAML scalars are quoted where a reader would take them for something else",
    arguments: [
      ("web", "web"), ("", "\"\""), ("true", "\"true\""), ("No", "\"No\""), ("80", "\"80\""),
      ("1.5", "\"1.5\""),
      ("1e3", "\"1e3\""), ("10.96.0.1", "10.96.0.1"), ("2026-11-22T08:40:54Z", "\"2026-11-22T08:40:54Z\""),
      ("a: b", "'a: b'"), ("a #b", "'a #b'"), ("*x", "'*x'"), ("-x", "-x"), ("- x", "'- x'"),
      ("it's", "it's"),
      ("'q'", "'''q'''"), ("10.0.0.0/8", "10.0.0.0/8"), ("0x1F", "\"0x1F\""), ("info", "info"),
      ("nan", "nan"),
    ])
  func yamlScalars(_ text: String, _ written: String) {
    #expect(KubectlYAML.scalar(text) == written)
  }

  @Test("JSON has kubectl's indentation, sorted keys and escapes")
  func json() {
    var service = service("ClusterIP")
    service.metadata.annotations["note"] = "a<b>\n\"c\""
    let view = APIView(services: [service], now: .zero)
    let expected = """
      {
          "apiVersion": "v1",
          "kind": "Service",
          "metadata": {
              "annotations": {
                  "note": "a\\u003cb\\u003e\\n\\"c\\""
              },
              "creationTimestamp": "2026-01-01T00:00:00Z",
              "name": "a",
              "namespace": "default"
          },
          "spec": {
              "type": "ClusterIP"
          },
          "status": {
              "loadBalancer": {}
          }
      }

      """
    #expect(KubectlJSON.render(KubectlQuery(kind: .services, name: "a"), view: view) == expected)
  }

  @Test(
    "timestamps survive both ways",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"),
      (951_782_400, "2000-02-29T00:00:00Z"),
      (1_767_225_600, "2026-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
      (4_102_444_800, "2100-01-01T00:00:00Z"),
    ] as [(Int64, String)])
  func timestamps(_ seconds: Int64, _ text: String) {
    #expect(Timestamp.text(unixSeconds: seconds) == text)
    #expect(Timestamp.unixSeconds(text) == seconds)
  }

  @Test(
    "what is no timestamp is none",
    arguments: ["", "2026-01-01", "2026-13-01T00:00:00Z", "yesterday at noon, Z"])
  func noTimestamps(_ text: String) { #expect(Timestamp.unixSeconds(text) == nil) }
}
