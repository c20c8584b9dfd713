// SPDX-License-Identifier: GPL-3.0-or-later
//
// Workloads, budgets and autoscalers in kubectl's columns.

import SimKernel
import Testing

@testable import Cluster

@Suite struct WorkloadPrintingTests {
  static func run() throws -> ClusterRun {
    let scaler = HorizontalPodAutoscaler(
      metadata: ObjectMeta(name: "web"), targetKind: "Deployment", targetName: "web", maxReplicas: 9)
    return try ClusterRun(
      Small.cluster(),
      [
        Small.workload(.deployment, "web", replicas: 3), Small.workload(.statefulSet, "db", replicas: 2),
        Small.workload(.daemonSet, "agent", replicas: 0) { $0.template.nodeSelector = ["a": "b"] },
        Small.workload(.daemonSet, "log", replicas: 0),
        DrainTests.budget { $0.maxUnavailable = .string("34%") },
        .horizontalPodAutoscaler(scaler),
      ])
  }

  @Test(arguments: [
    (
      "deploy",
      """
      NAME   READY   UP-TO-DATE   AVAILABLE   AGE
      web    3/3     3            3           0s

      """
    ),
    (
      "sts",
      """
      NAME   READY   AGE
      db     2/2     0s

      """
    ),
    (
      "ds",
      """
      NAME    DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE
      agent   0         0         0       0            0           a=b             0s
      log     3         3         3       3            3           <none>          0s

      """
    ),
    (
      "pdb",
      """
      NAME   MIN AVAILABLE   MAX UNAVAILABLE   ALLOWED DISRUPTIONS   AGE
      web    N/A             34%               2                     0s

      """
    ),
    (
      "hpa",
      """
      NAME   REFERENCE        TARGETS              MINPODS   MAXPODS   REPLICAS   AGE
      web    Deployment/web   cpu: <unknown>/80%   1         9         3          0s

      """
    ),
  ])
  func `tables at the start`(kind: String, text: String) throws {
    let query = try #require(KubectlQuery(argument: kind))
    #expect(KubectlTable.render(query, view: try Self.run().plane.apiView()) == text)
  }

  @Test func `the ReplicaSets of a rollout`() throws {
    let run = try Self.run()
    run.perform(.rollout(NamespacedName(name: "web")))
    run.run(to: 1)
    let query = try #require(KubectlQuery(argument: "rs"))
    let rows = KubectlTable.render(query, view: run.plane.apiView()).split(separator: "\n").dropFirst()
    let numbers = rows.map { $0.split(separator: " ")[1...3].joined(separator: " ") }.sorted()
    #expect(numbers == ["1 1 0", "3 3 3"])
  }

  @Test func `what is not there is told in the API server's words`() throws {
    let query = try #require(KubectlQuery(argument: "deploy/none"))
    #expect(
      KubectlTable.render(query, view: try Self.run().plane.apiView())
        == "Error from server (NotFound): deployments.apps \"none\" not found\n")
  }
}
