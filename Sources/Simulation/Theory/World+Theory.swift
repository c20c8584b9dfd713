// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which formulas apply to this run, and what they predict.

import Cluster
import SimKernel
import SimStatistics

extension World {
  /// Rows of theory.csv, by formula.
  func theory(spread: [SpreadStatistics], shares: [EndpointShare]) -> [TheoryRow] {
    arrivalRows() + spreadRows(spread) + idleRows(spread, shares) + detectionRows()
  }

  private func arrivalRows() -> [TheoryRow] {
    var predicted = [Double?](repeating: 0, count: groups.count)
    var simulated = [Int](repeating: 0, count: groups.count)
    for i in instances.indices {
      let instance = instances[i]
      let group = instance.group
      let settings = groups[group].settings
      let from = max(instance.bornAt, settings.start)
      let until = min(instance.diedAt, groups[group].stop)
      let mean = ExpectedArrivals.mean(settings.arrivals, from: from, until: until)
      predicted[group] = predicted[group].flatMap { sum in mean.map { sum + $0 } }
      simulated[group] += Int(instance.nextOrdinal)
    }
    return predicted.indices.compactMap { group in
      guard let mean = predicted[group], mean > 0 else { return nil }
      return TheoryRow(
        formula: .poissonArrivals, subject: groups[group].settings.name, predicted: mean,
        simulated: Double(simulated[group]), standardError: mean.squareRoot())
    }
  }

  private func name(_ target: Int) -> String {
    targets[target].port.isEmpty
      ? targets[target].service : targets[target].service + ":" + targets[target].port
  }

  private func spreadRows(_ spread: [SpreadStatistics]) -> [TheoryRow] {
    spread.compactMap { row in
      guard let statistic = row.statistic, let degrees = row.degreesOfFreedom, degrees > 0 else { return nil }
      return TheoryRow(
        formula: .multinomialSpread, subject: name(row.target), predicted: Double(degrees),
        simulated: statistic, standardError: Double(2 * degrees).squareRoot())
    }
  }

  /// Only where an idle endpoint is to be expected at all: with many connections the formula says nothing.
  private func idleRows(_ spread: [SpreadStatistics], _ shares: [EndpointShare]) -> [TheoryRow] {
    spread.compactMap { row in
      guard recorder.decisions(target: row.target).count == 1,
        !recorder.dependentTargets.contains(row.target), row.connections > 0
      else { return nil }
      let own = shares.filter { $0.target == row.target }
      let probabilities = own.map { $0.expectedConnections / Double(row.connections) }
      let (mean, variance) = IdleEndpoints.moments(probabilities: probabilities, draws: row.connections)
      guard mean >= 0.05 else { return nil }
      return TheoryRow(
        formula: .idleEndpoints, subject: name(row.target), predicted: mean,
        simulated: Double(own.count { $0.connections == 0 }), standardError: variance.squareRoot())
    }
  }
}
