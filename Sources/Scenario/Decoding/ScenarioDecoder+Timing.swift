// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long the parts of the cluster take to learn of each other.

import Cluster
import SimKernel
import SimRandom

extension ScenarioDecoder {
  func decodeTiming(_ c: Cursor) {
    var t = TimingSettings()
    assign(durations(c["kubeletStatus"]), to: &t.kubeletStatus)
    assign(durations(c["kubeletWatch"]), to: &t.kubeletWatch)
    assign(durations(c["podStart"]), to: &t.podStart)
    assign(durations(c["podReady"]), to: &t.podReady)
    assign(durations(c["scheduler"]), to: &t.scheduler)
    assign(durations(c["workloadController"]), to: &t.workloadController)
    assign(durations(c["endpointController"]), to: &t.endpointController)
    assign(durations(c["proxyWatch"]), to: &t.proxyWatch)
    t.proxySync = durations(c["proxySync"])
    t.filterCommitShare = c["filterCommitShare"]?.number
    assign(durations(c["proxyRestart"]), to: &t.proxyRestart)
    assign(durations(c["proxyListing"]), to: &t.proxyListing)
    assign(durations(c["leaseRenewal"]), to: &t.leaseRenewal)
    assign(c["nodeMonitorPeriod"]?.duration, to: &t.nodeMonitorPeriod)
    assign(c["nodeMonitorGrace"]?.duration, to: &t.nodeMonitorGrace)
    assign(c["evictionToleration"]?.duration, to: &t.evictionToleration)
    assign(durations(c["nodeAddressUpdate"]), to: &t.nodeAddressUpdate)
    assign(durations(c["routePropagation"]), to: &t.routePropagation)
    assign(durations(c["nodeBoot"]), to: &t.nodeBoot)
    refuseZeroInterval(c["leaseRenewal"], t.leaseRenewal)
    scenario.cluster.timing = t
  }

  /// What happens again after a time of zero happens for ever at one instant.
  func refuseZeroInterval(_ cursor: Cursor?, _ distribution: Distribution?) {
    guard let cursor, let distribution else { return }
    if distribution.mean <= 1e-9 { mistake(cursor, "expected a time between occurrences longer than zero") }
  }
}

extension Distribution {
  /// Mean before bounds apply; enough to tell whether there is anything but zero.
  fileprivate var mean: Double {
    switch self {
    case .constant(let value): value
    case .uniform(let low, let high): (low + high) / 2
    case .exponential(let mean), .erlang(_, let mean), .poisson(let mean), .normal(let mean, _, _, nil): mean
    case .normal(let mean, _, _, let max?): Swift.min(mean, max)
    case .lognormal(let median, _, _, let max): Swift.min(median, max ?? median)
    case .gamma(let shape, let scale): shape * scale
    case .weibull(_, let scale), .pareto(_, let scale): scale
    case .geometric(let probability): 1 / probability
    case .hyperexponential(let probabilities, let means):
      zip(probabilities, means).map { $0 * $1 }.reduce(0, +)
    case .discrete(let values, let weights): zip(values, weights).map { $0 * $1 }.reduce(0, +)
    case .empirical(let values): values.reduce(0, +) / Double(Swift.max(1, values.count))
    case .mixture(let weights, let parts): zip(weights, parts).map { $0 * $1.mean }.reduce(0, +)
    }
  }
}
