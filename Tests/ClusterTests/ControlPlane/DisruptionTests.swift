// SPDX-License-Identifier: GPL-3.0-or-later
//
// PodDisruptionBudgets: what they allow, and drains that they hold up.

import SimKernel
import Testing

@testable import Cluster

@Suite struct DisruptionCountTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var min: IntOrString?
    var max: IntOrString?
    var matching = 10
    var healthy: Int
    var desired: Int
    var allowed: Int
  }

  static let cases = [
    Case(testDescription: "minAvailable as a number", min: .int(8), healthy: 10, desired: 8, allowed: 2),
    Case(testDescription: "none while too few are healthy", min: .int(8), healthy: 7, desired: 8, allowed: 0),
    Case(
      testDescription: "minAvailable in per cent rounds up", min: .string("75%"), healthy: 10, desired: 8,
      allowed: 2),
    Case(testDescription: "maxUnavailable", max: .int(1), healthy: 10, desired: 9, allowed: 1),
    Case(
      testDescription: "maxUnavailable in per cent rounds up", max: .string("25%"), healthy: 10, desired: 7,
      allowed: 3),
    Case(testDescription: "maxUnavailable 0", max: .int(0), healthy: 10, desired: 10, allowed: 0),
    Case(
      testDescription: "no pods, no disruptions", min: .int(0), matching: 0, healthy: 0, desired: 0,
      allowed: 0),
  ]

  @Test(arguments: cases) func `what the budget allows`(_ test: Case) {
    var budget = PodDisruptionBudget(metadata: ObjectMeta(name: "b"), selector: LabelSelector([:]))
    (budget.minAvailable, budget.maxUnavailable) = (test.min, test.max)
    let count = DisruptionCount(budget, matching: test.matching, scale: 10, healthy: test.healthy)
    #expect(count.desired == test.desired)
    #expect(count.allowed == test.allowed)
  }

  @Test func `a pod that is not ready may go while the rest is healthy, or always if the policy says so`() {
    var budget = PodDisruptionBudget(metadata: ObjectMeta(name: "b"), selector: LabelSelector([:]))
    budget.minAvailable = .int(2)
    let enough = DisruptionCount(budget, matching: 3, scale: 3, healthy: 2)
    #expect(enough.answer(podIsReady: true, policy: .ifHealthyBudget) == .refused)
    #expect(enough.answer(podIsReady: false, policy: .ifHealthyBudget) == .granted(counts: false))
    let few = DisruptionCount(budget, matching: 3, scale: 3, healthy: 1)
    #expect(few.answer(podIsReady: false, policy: .ifHealthyBudget) == .refused)
    #expect(few.answer(podIsReady: false, policy: .alwaysAllow) == .granted(counts: false))
  }
}

@Suite struct DrainTests {
  static func budget(_ change: (inout PodDisruptionBudget) -> Void) -> APIObject {
    var budget = PodDisruptionBudget(
      metadata: ObjectMeta(name: "web"), selector: LabelSelector(["app": "web"]))
    change(&budget)
    return .podDisruptionBudget(budget)
  }

  /// Two nodes with two replicas each.
  static func run(_ budgets: [APIObject]) throws -> ClusterRun {
    try ClusterRun(
      Small.cluster(["a", "b"]), [Small.workload(.deployment, "web", replicas: 4)] + budgets
    ) { _, _ in PodBehaviour(exitDelay: .seconds(1)) }
  }

  static func times(_ run: ClusterRun, _ action: String) -> [Double] {
    run.log.filter { $0.action == action }.map { ($0.time.seconds * 100).rounded() / 100 }
  }

  @Test func `without a budget all pods go at once, and the node is drained when the last has left`() throws {
    let run = try Self.run([])
    run.perform(.nodeDrain(.named("a")))
    run.run(to: 30)
    #expect(Self.times(run, "deletion requested") == [0, 0])
    #expect(run.log.contains { $0.action == "cordoned" })
    // kubelet 0.01 s, exit 1 s, sandbox 0.1 s, status 0.1 s
    #expect(Self.times(run, "drained") == [1.21])
    #expect(SchedulerTests.spread(run) == [0, 4])
  }

  @Test func `a refused eviction is tried again every 5 s`() throws {
    let run = try Self.run([Self.budget { $0.maxUnavailable = .int(1) }])
    run.perform(.nodeDrain(.named("a")))
    run.run(to: 30)
    #expect(Self.times(run, "eviction refused") == [0])
    #expect(Self.times(run, "deletion requested") == [0, 5], "the replacement is ready after about 2 s")
  }

  @Test func `a budget that allows nothing holds the drain until its timeout`() throws {
    let run = try Self.run([Self.budget { $0.minAvailable = .int(4) }])
    var options = DrainOptions()
    options.timeout = .seconds(60)
    run.perform(.nodeDrain(.named("a"), options))
    run.run(to: 100)
    #expect(Self.times(run, "deletion requested").isEmpty)
    #expect(Self.times(run, "drain timed out") == [60])
    options.disablesEviction = true
    run.perform(.nodeDrain(.named("a"), options))
    run.run(to: 130)
    #expect(Self.times(run, "deletion requested") == [100, 100], "deletions ask no budget")
  }

  @Test func `two budgets over one pod refuse for ever`() throws {
    let other = APIObject.podDisruptionBudget(
      {
        var budget = PodDisruptionBudget(metadata: ObjectMeta(name: "all"), selector: LabelSelector([:]))
        budget.maxUnavailable = .int(4)
        return budget
      }())
    let run = try Self.run([Self.budget { $0.maxUnavailable = .int(4) }, other])
    run.perform(.nodeDrain(.named("a")))
    run.run(to: 30)
    #expect(run.log.contains { $0.detail == "more than one PodDisruptionBudget selects it" })
    #expect(Self.times(run, "deletion requested").isEmpty)
  }

  @Test func `without force a bare pod stops the drain; a DaemonSet's stays`() throws {
    let run = try ClusterRun(
      Small.cluster(["a", "b"]),
      [Small.pod("bare", app: "x", on: "a"), Small.workload(.daemonSet, "agent", replicas: 0)])
    var options = DrainOptions()
    options.force = false
    run.perform(.nodeDrain(.named("a"), options))
    run.run(to: 5)
    #expect(run.log.contains { $0.action == "drain refused" })
    #expect(run.podNames().contains("bare"))
    run.perform(.nodeDrain(.named("a")))
    run.run(to: 40)
    #expect(!run.podNames().contains("bare"))
    #expect(SchedulerTests.spread(run) == [1, 1])
  }

  @Test func `the autoscaler taints, waits, and takes the machine away`() throws {
    let run = try Self.run([])
    var options = DrainOptions()
    options.by = .autoscaler
    options.deletesNode = true
    run.perform(.nodeDrain(.named("a"), options))
    run.run(to: 30)
    #expect(Self.times(run, "tainted") == [0])
    #expect(Self.times(run, "deletion requested") == [5, 5])
    #expect(Self.times(run, "drained") == [6.21])
    #expect(run.plane.store.node(run.node("a")) == nil)
    #expect(!run.plane.nodes[run.node("a").index].isUp)
  }
}
