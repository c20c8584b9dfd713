// SPDX-License-Identifier: GPL-3.0-or-later
//
// What clients meet while pods come up, hang and are restarted.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct PodLifeTrafficTests {
  /// Service `web` without pods until `web-0` is applied at 2 s; it listens 3 s after it runs.
  private static func late(_ probe: Probe?) -> SmallWorld {
    var w = SmallWorld()
    w.file.cluster.kubelet.unprobed = .whenRunning
    w.addService()
    w.serve { $0.startup = .constant(3) }
    w.addClient(every: 0.05) { $0.start = .zero + .seconds(3) }
    guard case .pod(var pod) = SmallWorld.pod("web-0", app: "web", node: 1) else { return w }
    pod.spec.containers[0].readinessProbe = probe
    w.at(2, .apply([.pod(pod)]))
    return w
  }

  @Test func `a pod without readiness probe gets connections before it listens, and refuses them`() throws {
    let result = try Self.late(nil).run()
    // From 3 s, when the clients begin, to 2.02 + 0.1 + 3 s.
    #expect(result.count(.portClosed) == 42)
    #expect(result.count(.refused) == 42)
    #expect(result.failures.count == 1, "\(result.failures)")
  }

  @Test func `with a readiness probe it gets none, and clients meet a Service without endpoints`() throws {
    var probe = Probe(.httpGet)
    probe.period = .seconds(1)
    let result = try Self.late(probe).run()
    #expect(result.count(.portClosed) == 0)
    #expect(result.count(.noEndpoints) > 0)
    #expect(Set(result.groups.compactMap(\.cause)).isSubset(of: [.noEndpoints, .staleAPI, .staleTable]))
  }

  /// One pod that hangs at 3 s, liveness probed each second.
  @Test func `a pod that hangs answers nothing until liveness has restarted it`() throws {
    var w = SmallWorld(duration: .seconds(20))
    w.file.cluster.kubelet.unprobed = .whenRunning
    w.addService()
    guard case .pod(var pod) = SmallWorld.pod("web-0", app: "web", node: 1) else { return }
    var probe = Probe(.httpGet)
    probe.period = .seconds(1)
    probe.failureThreshold = 2
    pod.spec.terminationGracePeriod = .seconds(2)
    pod.spec.containers[0].livenessProbe = probe
    w.add(.pod(pod))
    w.serve()
    w.addClient(every: 0.1) { $0.requestTimeout = .seconds(1) }
    w.at(3.03, .podHang(.web(0), duration: nil))
    let result = try w.run()
    // Two probes of 1 s each, then 2 s of grace: between 4 and 5 s and a bit, or 10 connections each.
    let silent = result.count(.serverTimeout) + result.count(.podTerminated)
    #expect(silent >= 40 && silent <= 55, "\(result.failures)")
    #expect(Set(result.groups.compactMap(\.cause)).isSuperset(of: [.serverTimeout]))
    #expect(result.events.contains { $0.action == "liveness probe fails" })
    let last = result.lost.map(\.start).max() ?? .zero
    #expect(last < .zero + .seconds(9), "restarted, it answers again")
  }
}
