// SPDX-License-Identifier: GPL-3.0-or-later
//
// Probes, hooks and images as manifests have them.

import Cluster
import SimKernel
import Testing

@testable import Scenario

@Suite struct PodLifeReaderTests {
  private func pod(_ spec: String) throws -> (Pod, [Diagnostic]) {
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {\(spec)}\n"
    let (contents, diagnostics) = try KubernetesGolden.read(text: text, file: "m.yaml")
    guard case .pod(let pod) = try #require(contents.objects.first) else {
      throw APIRefusal(kind: "", name: "", causes: [])
    }
    return (pod, diagnostics)
  }

  private func container(_ fields: String) throws -> Container {
    let (pod, diagnostics) = try pod("containers: [{name: c, \(fields)}]")
    #expect(diagnostics.isEmpty)
    return try #require(pod.spec.containers.first)
  }

  @Test func `a probe has the API's defaults, also for zeros`() throws {
    let plain = try container("readinessProbe: {httpGet: {port: 80}}").readinessProbe
    #expect(plain == Probe(.httpGet))
    let zeros = "periodSeconds: 0, timeoutSeconds: 0, failureThreshold: 0, successThreshold: 0"
    #expect(try container("readinessProbe: {httpGet: {port: 80}, \(zeros)}").readinessProbe == plain)
  }

  @Test func `all of a probe's numbers are read`() throws {
    let probe = try container(
      """
      livenessProbe: {tcpSocket: {port: 80}, initialDelaySeconds: 1, periodSeconds: 2, timeoutSeconds: 3,
        successThreshold: 1, failureThreshold: 5, terminationGracePeriodSeconds: 6}
      """
    ).livenessProbe
    var expected = Probe(.tcpSocket)
    expected.initialDelay = .seconds(1)
    expected.period = .seconds(2)
    expected.timeout = .seconds(3)
    expected.failureThreshold = 5
    expected.terminationGracePeriod = .seconds(6)
    #expect(probe == expected)
  }

  @Test(arguments: [
    ("{sleep: {seconds: 5}}", PreStopHook.sleep(.seconds(5))),
    ("{exec: {command: [sleep, '10']}}", .command(.seconds(10))),
    ("{exec: {command: [/bin/sleep, 1.5s]}}", .command(.milliseconds(1500))),
    ("{exec: {command: [/bin/sh, -c, 'sleep 2m']}}", .command(.minutes(2))),
    ("{exec: {command: [sh, -c, 'sleep 5; nginx -s quit']}}", .unknown),
    ("{exec: {command: [nginx, -s, quit]}}", .unknown),
    ("{httpGet: {path: /stop, port: 80}}", .unknown),
  ])
  func `a preStop hook that waits says how long`(hook: String, expected: PreStopHook) throws {
    #expect(try container("lifecycle: {preStop: \(hook)}").preStop == expected)
  }

  @Test func `init containers, restart policy, host ports and images`() throws {
    let (pod, diagnostics) = try pod(
      """
      restartPolicy: Never, priorityClassName: system-node-critical,
        initContainers: [{name: i, image: x}, {name: s, restartPolicy: Always}],
        containers: [{name: c, image: 'r/a:1', imagePullPolicy: Always,
          ports: [{containerPort: 80, hostPort: 81}]}]
      """)
    #expect(diagnostics.isEmpty)
    #expect(pod.spec.initContainers.map(\.name) == ["i"])
    #expect(pod.spec.containers.map(\.name) == ["c", "s"])
    #expect(pod.spec.restartPolicy == .never)
    #expect(pod.spec.priorityClassName == "system-node-critical")
    #expect(pod.spec.containers[0].imagePullPolicy == .always)
    #expect(pod.spec.containers[0].ports[0].hostPort == 81)
  }

  @Test(arguments: [
    ("readinessProbe: {httpGet: {port: 80}, periodSecond: 1}", "periodSeconds"),
    ("imagePullPolicy: Allways", "Always"), ("lifecycle: {prestop: {}}", "preStop"),
  ])
  func `a near miss is named`(fields: String, suggestion: String) throws {
    let (_, diagnostics) = try pod("containers: [{name: c, \(fields)}]")
    #expect(diagnostics.map(\.suggestion) == [suggestion])
  }
}
