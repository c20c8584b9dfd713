// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small worlds whose DNS is made of pods.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Traffic

@testable import Simulation

extension SmallWorld {
  static let kubeDNS = NamespacedName(namespace: "kube-system", name: "kube-dns")

  /// The Service `kube-dns` with CoreDNS pods on these nodes, which answer in 0.1 ms.
  mutating func addCoreDNS(on nodes: [Int]) {
    var spec = ServiceSpec()
    spec.selector = ["k8s-app": "kube-dns"]
    spec.clusterIP = "10.96.0.10"
    for (name, transport) in [("dns", "UDP"), ("dns-tcp", "TCP")] {
      var port = ServicePort()
      port.name = name
      port.port = 53
      port.targetPort = .int(53)
      port.protocol = transport
      spec.ports.append(port)
    }
    add(.service(Service(metadata: ObjectMeta(name: "kube-dns", namespace: "kube-system"), spec: spec)))
    for (i, node) in nodes.enumerated() { add(Self.coreDNSPod(i, on: node)) }
    file.cluster.dns.service = Self.kubeDNS
    file.cluster.dns.coreDNS.serviceTime = .constant(0.0001)
    file.cluster.dns.coreDNS.watchDelay = .constant(0.05)
  }

  static func coreDNSPod(_ index: Int, on node: Int) -> APIObject {
    var spec = PodSpec()
    spec.nodeName = "node-\(node)"
    var container = Container(name: "coredns")
    for transport in ["UDP", "TCP"] {
      var port = ContainerPort(containerPort: 53)
      port.protocol = transport
      container.ports.append(port)
    }
    spec.containers = [container]
    let metadata = ObjectMeta(
      name: "coredns-\(index)", namespace: "kube-system", labels: ["k8s-app": "kube-dns"])
    return .pod(Pod(metadata: metadata, spec: spec))
  }

  /// A pod of this app on another node; anything else as it is.
  static func moved(_ object: APIObject, _ app: String, to node: Int) -> APIObject {
    guard case .pod(var pod) = object, pod.metadata.labels["app"] == app else { return object }
    pod.spec.nodeName = "node-\(node)"
    return .pod(pod)
  }

  /// NodeLocal DNSCache on all nodes.
  mutating func addNodeLocal() {
    var spec = PodSpec()
    spec.hostNetwork = true
    spec.containers = [Container(name: "node-cache")]
    let labels: Labels = ["k8s-app": "node-local-dns"]
    add(
      .workload(
        Workload(
          kind: .daemonSet, metadata: ObjectMeta(name: "node-local-dns", namespace: "kube-system"),
          selector: LabelSelector(labels), templateLabels: labels, template: spec)))
    file.cluster.dns.nodeLocal = NodeLocalDNSSettings()
  }

  /// `web` behind its Service, CoreDNS on `dns`, and a client on node 0 that looks `web` up for each
  /// connection.
  static func looking(
    dns nodes: [Int] = [1, 1], seconds: Int64 = 10, every: Double = 0.1,
    _ change: (inout ClientSettings) -> Void = { _ in }
  ) -> SmallWorld {
    var w = SmallWorld(nodes: 2, duration: .seconds(seconds))
    w.addService()
    w.addWeb(on: [1, 1])
    w.serve()
    w.addCoreDNS(on: nodes)
    w.addClient(every: every) {
      $0.dnsCache = .zero
      change(&$0)
    }
    return w
  }
}
