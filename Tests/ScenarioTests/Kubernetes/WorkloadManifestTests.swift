// SPDX-License-Identifier: GPL-3.0-or-later
//
// What manifests say about workloads, where pods may be, budgets and autoscalers.

import Cluster
import SimKernel
import Testing

@testable import Scenario

@Suite struct WorkloadManifestTests {
  static func read(_ text: String) throws -> (objects: [APIObject], mistakes: [String]) {
    let file = SourceFile(path: "m.yaml", text: text)
    var diagnostics: [Diagnostic] = []
    var objects: [APIObject] = []
    for document in try DocumentReader.read(file) {
      objects += ManifestDecoder().objects(in: document, diagnostics: &diagnostics).objects
    }
    return (objects, diagnostics.map(\.description))
  }

  @Test(
    arguments: [
      ("500m", 500), ("2", 2000), ("1.5", 1500), ("128Mi", 134_217_728_000), ("1G", 1_000_000_000_000),
      ("1e3", 1_000_000), ("0.1m", 1),
    ] as [(String, Int64)])
  func `quantities`(text: String, milli: Int64) { #expect(QuantityText.milli(text) == milli) }

  @Test(arguments: ["", "m", "1Q", "-1", "nan", "1 Mi"]) func `no quantities`(text: String) {
    #expect(QuantityText.milli(text) == nil)
  }

  @Test func `a pod's requests are the sum of its containers, or the largest init container's`() throws {
    let (objects, mistakes) = try Self.read(
      """
      apiVersion: v1
      kind: Pod
      metadata: {name: p}
      spec:
        priorityClassName: high
        initContainers:
        - {name: i, resources: {requests: {cpu: 900m}}}
        - {name: s, restartPolicy: Always, resources: {limits: {memory: 1Gi}}}
        containers:
        - {name: a, resources: {requests: {cpu: 500m, memory: 64Mi}}, ports: [{containerPort: 80, hostPort: 8080}]}
        - {name: b, resources: {limits: {cpu: "0.25"}}}
        topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {a: b}}}
        affinity:
          nodeAffinity:
            requiredDuringSchedulingIgnoredDuringExecution:
              nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]
          podAntiAffinity:
            preferredDuringSchedulingIgnoredDuringExecution:
            - {weight: 7, podAffinityTerm: {topologyKey: host, labelSelector: {matchLabels: {a: b}}}}
      """)
    #expect(mistakes.isEmpty)
    guard case .pod(let pod)? = objects.first else { return #expect(Bool(false)) }
    let scheduling = pod.spec.scheduling
    #expect(scheduling.cpuMillis == 900)
    #expect(scheduling.memory == 1_140_850_688)
    #expect(scheduling.hostPorts == [HostPort(port: 8080)])
    #expect(scheduling.nodeTerms.first?.matches(["disk": "ssd"]) == true)
    #expect(scheduling.preferredPods.map(\.weight) == [-7])
    #expect(scheduling.spread.map(\.isRequired) == [true])
    #expect(scheduling.unmodelled == ["priorityClassName"])
  }

  @Test func `budgets and autoscalers`() throws {
    let (objects, mistakes) = try Self.read(
      """
      apiVersion: policy/v1
      kind: PodDisruptionBudget
      metadata: {name: web}
      spec: {minAvailable: 50%, selector: {matchLabels: {app: web}}, unhealthyPodEvictionPolicy: AlwaysAllow}
      ---
      apiVersion: autoscaling/v2
      kind: HorizontalPodAutoscaler
      metadata: {name: web}
      spec:
        scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
        maxReplicas: 9
        metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}]
        behavior: {scaleDown: {stabilizationWindowSeconds: 60, policies: [{type: Pods, value: 1, periodSeconds: 30}]}}
      """)
    #expect(mistakes.isEmpty)
    guard case .podDisruptionBudget(let budget)? = objects.first,
      case .horizontalPodAutoscaler(let scaler)? = objects.last
    else { return #expect(Bool(false)) }
    #expect(budget.minAvailable == .string("50%") && budget.unhealthyPodEviction == .alwaysAllow)
    #expect(scaler.maxReplicas == 9 && scaler.minReplicas == 1 && scaler.targetUtilization == 60)
    #expect(scaler.scaleUp == .up)
    #expect(scaler.scaleDown.policies == [.init(.pods, value: 1, period: .seconds(30))])
  }

  @Test(arguments: [
    (
      "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: 1, maxUnavailable: 1}",
      "cannot be both set"
    ),
    (
      "apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: b}\nspec: {minAvailable: most}",
      "expected a number of pods or a percentage"
    ),
    (
      "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: b}\nspec: {maxReplicas: 3}",
      "expected kind and name of what is scaled"
    ),
    (
      "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: b}\nspec: {scaleTargetRef: {kind: Deployment, name: web}}",
      #"spec: missing key "maxReplicas": an integer from 1 to 2147483647"#
    ),
    (
      "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: b}\nspec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 10000000000}",
      "spec.maxReplicas: expected an integer from 1 to 2147483647, found 10000000000"
    ),
    (
      "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: [{name: a, resources: {requests: {cpu: lots}}}]}",
      "expected a quantity"
    ),
  ])
  func `mistakes are told at their place`(text: String, words: String) throws {
    let mistakes = try Self.read(text).mistakes
    #expect(mistakes.contains { $0.contains(words) && $0.contains("m.yaml:4:") }, "\(mistakes)")
  }
}
