// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many replicas a mean cpu utilisation asks for (k/k pkg/controller/podautoscaler/replica_calculator.go
// GetResourceReplicas), and how fast the autoscaler may go there (horizontal.go
// normalizeDesiredReplicasWithBehaviors).

import SimKernel

/// The pods of a scale target and what each uses.
struct ReplicaCalculator: Sendable, Equatable {
  struct Member: Sendable, Equatable {
    /// Thousandths of a core; nil: the metrics server has nothing of it.
    var usage: Int64?
    var request: Int64
    /// Terminating or failed: as if it were not there.
    var isIgnored = false
    /// Pending, or so young that its start-up may be what it uses cpu for.
    var isUnready = false
  }
  var members: [Member]
  /// Per cent of the request.
  var target: Int
  var toleranceUp = 0.1
  var toleranceDown = 0.1

  /// - Returns: nil if there are no metrics; `utilization` in per cent.
  func desired(current: Int) -> (replicas: Int, utilization: Int)? {
    let counted = members.filter { !$0.isIgnored }
    let known = counted.filter { !$0.isUnready && $0.usage != nil }
    let missing = counted.filter { !$0.isUnready && $0.usage == nil }
    let unready = counted.filter(\.isUnready)
    guard !known.isEmpty, let (ratio, utilization) = ratio(known.map { ($0.usage!, $0.request) }) else {
      return nil
    }
    let countsUnready = !unready.isEmpty && ratio > 1
    if !countsUnready, missing.isEmpty {
      if isTolerable(ratio) { return (current, utilization) }
      return (Self.ceiling(ratio * Double(known.count)), utilization)
    }
    // What is missing is taken to be against the change: full when scaling down, idle when scaling up.
    var all = known.map { ($0.usage!, $0.request) }
    if ratio < 1 {
      all += missing.map { ($0.request * Int64(max(100, target)) / 100, $0.request) }
    } else if ratio > 1 {
      all += missing.map { (0, $0.request) }
    }
    if countsUnready { all += unready.map { (0, $0.request) } }
    guard let (corrected, _) = self.ratio(all) else { return nil }
    if isTolerable(corrected) || (ratio < 1 && corrected > 1) || (ratio > 1 && corrected < 1) {
      return (current, utilization)
    }
    let replicas = Self.ceiling(corrected * Double(all.count))
    if (corrected < 1 && replicas > current) || (corrected > 1 && replicas < current) {
      return (current, utilization)
    }
    return (replicas, utilization)
  }

  private func ratio(_ usages: [(usage: Int64, request: Int64)]) -> (Double, Int)? {
    let requests = usages.reduce(0) { $0 + $1.request }
    guard requests > 0 else { return nil }
    let utilization = Int(usages.reduce(0) { $0 + $1.usage } * 100 / requests)
    return (Double(utilization) / Double(target), utilization)
  }

  private func isTolerable(_ ratio: Double) -> Bool {
    ratio >= 1 - toleranceDown && ratio <= 1 + toleranceUp
  }

  private static func ceiling(_ value: Double) -> Int { Int(value.rounded(.up)) }
}

/// What an autoscaler remembers, and the pace that its rules allow.
struct ScalingPace: Sendable, Equatable {
  private struct Recommendation: Equatable {
    var replicas: Int
    var time: SimTime
  }
  private struct Change: Equatable {
    var by: Int
    var time: SimTime
  }
  private var recommendations: [Recommendation] = []
  private var ups: [Change] = []
  private var downs: [Change] = []

  /// The number of replicas to go to now.
  mutating func next(
    current: Int, recommended: Int, of scaler: HorizontalPodAutoscaler, at now: SimTime
  ) -> Int {
    let stable = stabilised(current: current, recommended: recommended, scaler, now)
    if stable > current {
      let limit = max(current, limitUp(current, scaler.scaleUp, now))
      return min(stable, min(scaler.maxReplicas, limit))
    }
    if stable < current {
      let limit = min(current, limitDown(current, scaler.scaleDown, now))
      return max(stable, max(scaler.minReplicas, limit))
    }
    return stable
  }

  /// Between the lowest recommendation of the time that scaling up has to wait and the highest one of the
  /// time that scaling down has to.
  private mutating func stabilised(
    current: Int, recommended: Int, _ scaler: HorizontalPodAutoscaler, _ now: SimTime
  ) -> Int {
    if recommendations.isEmpty { recommendations.append(Recommendation(replicas: current, time: now)) }
    var (up, down) = (recommended, recommended)
    for past in recommendations {
      if now - past.time < scaler.scaleUp.stabilization { up = min(up, past.replicas) }
      if now - past.time < scaler.scaleDown.stabilization { down = max(down, past.replicas) }
    }
    let longest = max(scaler.scaleUp.stabilization, scaler.scaleDown.stabilization)
    recommendations.removeAll { now - $0.time >= longest }
    recommendations.append(Recommendation(replicas: recommended, time: now))
    return min(max(current, up), down)
  }

  /// A change that was made counts against the policies of later looks.
  mutating func changed(from: Int, to: Int, at now: SimTime) {
    // No policy looks back further than 30 min (autoscaling/v2 validation, periodSeconds).
    ups.removeAll { now - $0.time > .seconds(1800) }
    downs.removeAll { now - $0.time > .seconds(1800) }
    if to > from { ups.append(Change(by: to - from, time: now)) }
    if to < from { downs.append(Change(by: from - to, time: now)) }
  }

  private func atStart(of period: SimDuration, _ current: Int, _ now: SimTime) -> Int {
    func sum(_ changes: [Change]) -> Int {
      changes.filter { now - $0.time < period }.reduce(0) { $0 + $1.by }
    }
    return current - sum(ups) + sum(downs)
  }

  private func limitUp(_ current: Int, _ rules: ScalingRules, _ now: SimTime) -> Int {
    let proposals = rules.policies.map { policy in
      let start = atStart(of: policy.period, current, now)
      switch policy.kind {
      case .pods: return start + policy.value
      case .percent: return Int((Double(start) * (1 + Double(policy.value) / 100)).rounded(.up))
      }
    }
    switch rules.selection {
    case .disabled: return current
    case .max: return proposals.max() ?? current
    case .min: return proposals.min() ?? current
    }
  }

  private func limitDown(_ current: Int, _ rules: ScalingRules, _ now: SimTime) -> Int {
    let proposals = rules.policies.map { policy in
      let start = atStart(of: policy.period, current, now)
      switch policy.kind {
      case .pods: return start - policy.value
      case .percent: return Int(Double(start) * (1 - Double(policy.value) / 100))
      }
    }
    switch rules.selection {
    case .disabled: return current
    case .max: return proposals.min() ?? current
    case .min: return proposals.max() ?? current
    }
  }
}
