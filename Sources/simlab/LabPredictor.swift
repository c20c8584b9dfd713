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

  /// Nil for what the lab has not: a packet from inside that leaves for the load balancer.
  mutating func predict(_ target: LabTarget, from vantage: LabVantage) throws -> LabPrediction? {
    let request = try TraceRequest(
      from: vantage.from, to: target.end.description, transport: target.transport,
      via: target.isMachine ? nil : vantage.via)
    let trace = try session.trace(request)
    if trace.hops.contains(where: { $0.component == .loadBalancer }) { return nil }
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

  /// As `predict`, where the lab has all that is needed.
  mutating func sure(_ target: LabTarget, from vantage: LabVantage) throws -> LabPrediction {
    guard let prediction = try predict(target, from: vantage) else {
      throw LabError.unusable("\(target.name) is to be reached without a load balancer")
    }
    return prediction
  }
}
