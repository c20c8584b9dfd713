// SPDX-License-Identifier: GPL-3.0-or-later
//
// What `sim trace` says, in the lab's words.

import KernelLab
import NetworkTypes
import Scenario
import SimKernel
import Simulation

struct LabPredictor: ~Copyable {
  private var session: TraceSession

  /// - Parameter time: if another one than the cluster's.
  init(_ cluster: LabCluster, at time: SimTime? = nil) throws {
    session = try TraceSession(cluster.file, at: time ?? cluster.time)
  }

  mutating func predict(_ target: LabTarget, from vantage: LabVantage) throws -> LabPrediction {
    let request = try TraceRequest(
      from: vantage.from, to: target.end.description, transport: target.transport,
      via: target.isMachine ? nil : vantage.via)
    let trace = try session.trace(request)
    let ways = trace.outcomes.map { outcome -> LabWay in
      let view = LabView(rawValue: outcome.clientSees.rawValue) ?? .silence
      guard view == .answer, let backend = outcome.backend else {
        return LabWay(probability: outcome.probability, view: view)
      }
      return LabWay(
        probability: outcome.probability, view: view, server: LabEnd(backend.ip, backend.port),
        seen: outcome.sourceSeen)
    }
    return LabPrediction(ways: ways, isSticky: target.isSticky && ways.contains { $0.view == .answer })
  }
}
