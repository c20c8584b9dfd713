// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long a node without power goes unnoticed, from the timers alone: grace + L - A. L, how late the
// controller's look finds a heartbeat, is uniform over its period; A is the age of the last heartbeat, of a
// lease renewed at random gaps or of a status posted every 300 s. It holds where the grace period is a whole
// number of looks (FACTS F1; docs/model.md, Heartbeats and eviction).

import Cluster
import SimKernel
import SimRandom

/// Mean and variance of the time from a crash to Ready Unknown, in seconds.
struct CrashDetection {
  let mean: Double
  let variance: Double

  /// nil where the formula does not apply: gaps that are neither constant nor uniform, or a grace period that
  /// is no whole number of looks.
  init?(_ timing: TimingSettings, minorVersion: Int) {
    let grace = timing.nodeMonitorGrace ?? Behaviours.nodeMonitorGrace.value(in: minorVersion)
    let period = timing.nodeMonitorPeriod
    guard period > .zero, grace.nanoseconds % period.nanoseconds == 0 else { return nil }
    let gap: (low: Double, high: Double)
    switch timing.leaseRenewal {
    case .constant(let value): gap = (value, value)
    case .uniform(let low, let high): gap = (low, high)
    default: return nil
    }
    guard gap.low > 0, gap.high < 300 else { return nil }
    // Moments of the age of a renewal process, then of the smaller of it and one that is uniform over 300 s.
    func moment(_ k: Int) -> Double {
      guard gap.high > gap.low else { return Self.power(gap.low, k) }
      return (Self.power(gap.high, k + 1) - Self.power(gap.low, k + 1))
        / (Double(k + 1) * (gap.high - gap.low))
    }
    func age(_ k: Int) -> Double { moment(k + 1) / (Double(k + 1) * moment(1)) }
    let first = age(1) - age(2) / 2 / 300
    let second = age(2) - 2 * age(3) / 3 / 300
    mean = grace.seconds + period.seconds / 2 - first
    variance = period.seconds * period.seconds / 12 + second - first * first
  }

  private static func power(_ x: Double, _ k: Int) -> Double { (0..<k).reduce(1) { value, _ in value * x } }
}

extension World {
  /// Nodes that lost power for the first time in the run, stayed without it and were noticed or should have
  /// been before its end.
  func detectionRows() -> [TheoryRow] {
    guard
      let formula = CrashDetection(
        scenario.cluster.timing, minorVersion: scenario.cluster.minorVersion)
    else { return [] }
    let patience = formula.mean + 10
    var silentSince: [String: Double] = [:]
    var delays: [Double] = []
    var disturbed: Set<String> = []
    for row in events where row.object.hasPrefix("node/") {
      let time = row.time.seconds
      switch row.action {
      case "down":
        if disturbed.contains(row.object) || time + patience > end.seconds { continue }
        silentSince[row.object] = time
        disturbed.insert(row.object)
      case "Ready=Unknown":
        if let since = silentSince.removeValue(forKey: row.object) { delays.append(time - since) }
      case "power on", "shutdown", "deleted", "joined", "registered":
        // One that may come back too soon would only be counted if it was noticed early.
        if silentSince.removeValue(forKey: row.object) != nil { return [] }
        disturbed.insert(row.object)
      default: break
      }
    }
    guard !delays.isEmpty, !events.contains(where: { $0.object.hasSuffix("control plane") }) else {
      return []
    }
    let n = Double(delays.count)
    return [
      TheoryRow(
        formula: .crashDetection, subject: "node lifecycle controller", predicted: formula.mean,
        simulated: delays.reduce(0, +) / n, standardError: (formula.variance / n).squareRoot())
    ]
  }
}
