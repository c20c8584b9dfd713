// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the pods are that matter to a pod which looks for a node: those of its own controller, which it is
// spread among by default, and those that its affinities and spread constraints name
// (k/k pkg/scheduler/framework/plugins/podtopologyspread, interpodaffinity).

import Foundation
import SimKernel

/// Counts for one decision of the scheduler.
struct PlacementCounts {
  /// Pods by the value of a node label.
  private struct Domains {
    var isRequired: Bool
    var maxSkew: Int
    /// By node; nil: the node lacks the label.
    var values: [String?]
    var counts: [String: Int]
    /// 1 if the pod itself is one of those counted.
    var own: Int
    var least: Int
  }

  /// Pods of the same ReplicaSet or other controller, by node; empty: no default spreading.
  private var siblings: [Int32] = []
  private var zoneSiblings: [String: Int] = [:]
  private var zones: [String?] = []
  private var spreads: [Domains] = []
  private var together: [Domains] = []
  private var apart: [Domains] = []
  private var preferred: [(weight: Int, domains: Domains)] = []
  /// Values of labels at which pods that are there want none like this one.
  private var unwelcome: [(values: [String?], taken: Set<String>)] = []

  init(_ plane: borrowing ControlPlane, _ pod: PodID, _ object: Pod) {
    let scheduling = object.spec.scheduling
    if scheduling.spread.isEmpty {
      countSiblings(plane, pod)
    }
    let labels = object.metadata.labels
    let namespace = object.metadata.namespace
    for constraint in scheduling.spread {
      var domains = Self.domains(
        plane, constraint.topologyKey, constraint.selector, namespace, labels, counting: .active)
      domains.isRequired = constraint.isRequired
      domains.maxSkew = constraint.maxSkew
      domains.least = Self.least(plane, domains, object.spec)
      spreads.append(domains)
    }
    func term(_ term: PodAffinityTerm) -> Domains {
      Self.domains(plane, term.topologyKey, term.selector, namespace, labels, counting: .all)
    }
    together = scheduling.affinity.map(term)
    apart = scheduling.antiAffinity.map(term)
    preferred = scheduling.preferredPods.map { ($0.weight, term($0.term)) }
    if plane.usesAntiAffinity { countUnwelcome(plane, namespace, labels) }
  }

  private mutating func countSiblings(_ plane: borrowing ControlPlane, _ pod: PodID) {
    let owner = plane.pods[pod.index].owner
    guard !owner.isNone else { return }
    siblings = [Int32](repeating: 0, count: plane.nodes.count)
    var hasZones = false
    for node in plane.nodes where node.zone != nil { hasZones = true }
    if hasZones { zones = plane.nodes.map(\.zone) }
    for other in plane.workloads[owner.index].pods where other != pod {
      let node = plane.pods[other.index].node
      guard !node.isNone, plane.isActive(other) else { continue }
      siblings[node.index] += 1
      if hasZones, let zone = zones[node.index] { zoneSiblings[zone, default: 0] += 1 }
    }
  }

  private enum Counting { case active, all }

  private static func domains(
    _ plane: borrowing ControlPlane, _ key: String, _ selector: LabelSelector, _ namespace: String,
    _ own: Labels, counting: Counting
  ) -> Domains {
    var values: [String?] = []
    for index in plane.nodes.indices {
      values.append(plane.store.node(NodeID(index))?.metadata.labels[key])
    }
    var counts: [String: Int] = [:]
    for pod in plane.store.pods(in: namespace) {
      let record = plane.pods[pod.index]
      guard !record.node.isNone, selector.matches(record.labels), let value = values[record.node.index],
        counting == .all || plane.isActive(pod)
      else { continue }
      counts[value, default: 0] += 1
    }
    return Domains(
      isRequired: true, maxSkew: 1, values: values, counts: counts, own: selector.matches(own) ? 1 : 0,
      least: 0)
  }

  /// The smallest count of a domain that has a node which the pod's node affinity allows
  /// (nodeAffinityPolicy Honor, nodeTaintsPolicy Ignore).
  private static func least(_ plane: borrowing ControlPlane, _ domains: Domains, _ spec: PodSpec) -> Int {
    var least = Int.max
    for index in plane.nodes.indices {
      guard let value = domains.values[index], let node = plane.store.node(NodeID(index)),
        PodScheduler.isWanted(node, spec)
      else { continue }
      least = min(least, domains.counts[value] ?? 0)
    }
    return least == Int.max ? 0 : least
  }

  /// Anti-affinity holds for both sides.
  private mutating func countUnwelcome(
    _ plane: borrowing ControlPlane, _ namespace: String, _ labels: Labels
  ) {
    for pod in plane.store.pods(in: namespace) {
      let node = plane.pods[pod.index].node
      guard !node.isNone, let object = plane.store.pod(pod) else { continue }
      for term in object.spec.scheduling.antiAffinity where term.selector.matches(labels) {
        guard let value = plane.store.node(node)?.metadata.labels[term.topologyKey] else { continue }
        var values: [String?] = []
        for index in plane.nodes.indices {
          values.append(plane.store.node(NodeID(index))?.metadata.labels[term.topologyKey])
        }
        unwelcome.append((values, [value]))
      }
    }
  }

  // MARK: Answers

  func refusal(_ node: Int) -> PodScheduler.Refusal? {
    for domains in together {
      guard let value = domains.values[node] else { return .affinity }
      // The first of a group that wants to be together may go anywhere.
      if (domains.counts[value] ?? 0) == 0, !(domains.counts.isEmpty && domains.own > 0) { return .affinity }
    }
    for domains in apart {
      if let value = domains.values[node], (domains.counts[value] ?? 0) > 0 { return .antiAffinity }
    }
    for rule in unwelcome {
      if let value = rule.values[node], rule.taken.contains(value) { return .antiAffinity }
    }
    for domains in spreads where domains.isRequired {
      guard let value = domains.values[node] else { return .spread }
      if (domains.counts[value] ?? 0) + domains.own - domains.least > domains.maxSkew { return .spread }
    }
    return nil
  }

  /// Raw spreading numbers of these nodes; less is better.
  func spread(_ fitting: [Int]) -> [Int] {
    if !siblings.isEmpty { return defaultSpread(fitting) }
    let soft = spreads.filter { !$0.isRequired }
    if soft.isEmpty { return fitting.map { _ in 0 } }
    let sizes = soft.map { domains in Set(fitting.compactMap { domains.values[$0] }).count }
    return fitting.map { node in
      var score = 0.0
      for (domains, size) in zip(soft, sizes) {
        guard let value = domains.values[node] else { continue }
        score += Self.score(domains.counts[value] ?? 0, size, domains.maxSkew)
      }
      return Int(score.rounded())
    }
  }

  private func defaultSpread(_ fitting: [Int]) -> [Int] {
    let zoneCount = zones.isEmpty ? 0 : Set(fitting.compactMap { zones[$0] }).count
    return fitting.map { node in
      var score = Self.score(Int(siblings[node]), fitting.count, PodScheduler.defaultHostSkew)
      if zoneCount > 0, let zone = zones[node] {
        score += Self.score(zoneSiblings[zone] ?? 0, zoneCount, PodScheduler.defaultZoneSkew)
      }
      return Int(score.rounded())
    }
  }

  /// Domains that are many weigh more (scoreForCount, topologyNormalizingWeight).
  private static func score(_ count: Int, _ domains: Int, _ maxSkew: Int) -> Double {
    Double(count) * log(Double(domains + 2)) + Double(maxSkew - 1)
  }

  /// Sum of the weights of preferred pod terms, times the pods that are there.
  func preference(_ fitting: [Int]) -> [Int] {
    fitting.map { node in
      preferred.reduce(0) { sum, term in
        guard let value = term.domains.values[node] else { return sum }
        return sum + term.weight * (term.domains.counts[value] ?? 0)
      }
    }
  }
}
