// SPDX-License-Identifier: GPL-3.0-or-later
//
// Scenarios of tests: a small one that is right, and ways to make it wrong.

import Cluster
import Foundation
import NetworkTypes

@testable import Scenario

/// A scenario that is right, with one of everything; edited by tests.
enum TestScenario {
  static let text = #"""
    {
      "$schema": "scenario.schema.json",
      "name": "t",
      "question": "Does it work?",
      "issues": ["https://github.com/kubernetes/kubernetes/issues/1"],
      "kubernetes": "1.36",
      "seed": 7,
      "duration": "1m",
      "warmUp": "5s",
      "objects": [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
          "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}},
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
          "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}}
      ],
      "accept": ["NetworkPolicy"],
      "cluster": {
        "nodes": [
          {"name": "n1", "zone": "a", "addresses": ["172.18.0.3"], "podCIDR": "10.244.1.0/24", "cores": 8},
          {"name": "n2", "proxy": {"mode": "nftables"}, "labels": {"disk": "ssd"}},
          {"name": "late", "joinsAtStart": false}
        ],
        "proxy": {"mode": "iptables", "minSyncPeriod": "1s", "syncPeriod": "30s", "conntrack": {"maxPerCore": 32768}},
        "timing": {"podStart": {"lognormal": {"median": "1.5s", "sigma": 0.4}}, "nodeMonitorGrace": "40s"},
        "loadBalancer": {"checkInterval": "8s"},
        "dns": {"records": [{"name": "db.example.com", "addresses": ["198.51.100.7"]}]}
      },
      "network": {"sameZone": "100us", "loss": 0.001},
      "servers": [{"name": "web", "pods": {"labels": {"app": "web"}}, "serviceTime": {"exponential": {"mean": "5ms"}}}],
      "clients": [
        {"name": "c", "from": {"outside": {"address": "203.0.113.10", "count": 3}},
          "to": {"service": "default/web", "port": "http"}, "rate": "50/s", "retries": {"limit": 2}}
      ],
      "events": [
        {"at": "30s", "rebootNode": "n1", "downFor": {"uniform": {"low": "5s", "high": "10s"}}, "newAddress": "172.18.0.77"}
      ],
      "processes": [
        {"name": "churn", "every": {"exponential": {"mean": "10s"}}, "until": "50s", "deletePod": {"random": true}}
      ],
      "report": {"bin": "1s"}
    }
    """#

  /// The scenario after edits by `path=value`.
  static func edited(_ overrides: [String]) -> Result<ScenarioFile, ScenarioError> {
    Result { () throws(ScenarioError) in try load(text, overrides: overrides) }
  }

  static func load(
    _ text: String, path: String = "t.json", overrides: [String] = []
  ) throws(ScenarioError) -> ScenarioFile {
    try ScenarioLoader.load(
      SourceFile(path: path, text: text), overrides: overrides, manifestReader: SmallManifestReader())
  }

  /// Lines of the mistakes in a scenario, none if it is right.
  static func mistakes(_ text: String, path: String = "t.json", overrides: [String] = []) -> [String] {
    do {
      _ = try load(text, path: path, overrides: overrides)
      return []
    } catch {
      return error.diagnostics.map(\.description)
    }
  }
}

/// As much of Kubernetes' formats as these tests need.
struct SmallManifestReader: ManifestReading {
  func objects(in document: DocumentNode, diagnostics: inout [Diagnostic]) -> ManifestContents {
    var contents = ManifestContents()
    let name = document["metadata"]?["name"]?.string ?? ""
    let namespace = document["metadata"]?["namespace"]?.string ?? "default"
    let metadata = ObjectMeta(name: name, namespace: namespace)
    let spec = document["spec"]
    switch document["kind"]?.string {
    case "Service":
      var service = ServiceSpec()
      service.type = spec?["type"]?.string
      for item in spec?["ports"]?.sequence ?? [] {
        var port = ServicePort()
        port.name = item["name"]?.string ?? ""
        port.port = item["port"]?.int ?? 0
        service.ports.append(port)
      }
      contents.objects = [.service(Service(metadata: metadata, spec: service))]
    case "Deployment":
      var labels: Labels = [:]
      for entry in spec?["template"]?["metadata"]?["labels"]?.mapping ?? [] {
        labels[entry.key] = entry.value.string
      }
      var workload = Workload(
        kind: .deployment, metadata: metadata, selector: LabelSelector(labels), templateLabels: labels,
        template: PodSpec())
      workload.replicas = spec?["replicas"]?.int ?? 1
      contents.objects = [.workload(workload)]
    case "NetworkPolicy": contents.unmodelled = [("NetworkPolicy", document.position)]
    case "ConfigMap": contents.ignored["ConfigMap", default: 0] += 1
    default:
      diagnostics.append(
        Diagnostic(at: document["kind"] ?? document, path: DocumentPath("kind"), message: "unknown kind"))
    }
    return contents
  }
}
