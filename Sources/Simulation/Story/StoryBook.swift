// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which incident a lost connection belongs to. The log of events says what the scenario did and what
// followed; what followed is led back: a pod's deletion to the rollout, the scaling, the drain or the lost
// node behind it.

import Cluster
import NetworkTypes
import Proxy
import SimKernel

/// What a lost connection was about, kept with its row.
public struct LossPlace: Sendable, Equatable {
  /// PodID of the backend, or of whoever had the address that was dialled; −1: none.
  var pod: Int32 = -1
  /// Node that the loss is blamed on, or that decided.
  var node: Int32 = -1
  /// Node by which it entered from outside.
  var entry: Int32 = -1
  var service: Int32 = -1
}

/// Reads the log of a run backwards.
final class StoryBook {
  /// Index of the event that a chain of events goes back to.
  typealias Root = Int

  let events: [ClusterEventRow]
  /// Indices of events by object, in order of time.
  private var byObject: [String: [Int]] = [:]

  /// Pods that a Service selects, gone ones included; filled when asked for.
  var members: [ServiceID: [Int32]] = [:]

  init(_ events: [ClusterEventRow]) {
    self.events = events
    for index in events.indices { byObject[events[index].object, default: []].append(index) }
  }

  /// The latest event about an object at or before a time, among these actions.
  func latest(_ object: String, until time: SimTime, _ actions: Set<String>) -> Int? {
    byObject[object]?.last { events[$0].time <= time && actions.contains(events[$0].action) }
  }

  /// The first event of the object's latest way out: since it last came to serve.
  func takeaway(_ pod: String, until time: SimTime) -> Int? {
    guard let list = byObject[pod] else { return nil }
    var first: Int?
    for index in list where events[index].time <= time {
      if Self.comings.contains(events[index].action) { first = nil }
      if first == nil, Self.takeaways.contains(events[index].action) { first = index }
    }
    return first
  }

  /// The first event by which the pod came, at or before a time: the start of its last coming.
  func coming(_ pod: String, until time: SimTime) -> Int? {
    latest(pod, until: time, Self.realStarts.union(["created", "started"]))
  }

  func events(of object: String) -> [Int] { byObject[object] ?? [] }

  static let takeaways: Set<String> = [
    "deletion requested", "SIGTERM", "ended", "crashed", "hangs", "probe fails", "readiness probe fails",
    "removed",
  ]
  static let comings: Set<String> = [
    "ready", "answers", "started", "probe succeeds", "readiness probe succeeds", "Ready=True",
  ]
  /// By which a pod shows that it would serve, before anybody knows.
  static let realStarts: Set<String> = ["ready", "answers", "probe succeeds", "readiness probe succeeds"]
  static let nodeTakeaways: Set<String> = ["down", "shutdown", "address changed", "deleted"]
  /// By which a kube-proxy is told to do otherwise, or begins again.
  static let proxyBeginnings: Set<String> = ["kube-proxy configured", "kube-proxy restarts"]
  static let balancerActions: Set<String> = ["target unhealthy", "target healthy"]
  /// What begins by itself: actions of the scenario, and of controllers that act on load.
  static let selfMade: Set<String> = ["rollout", "scaled", "rescaled"]

  func isRoot(_ index: Int) -> Bool {
    events[index].occurrence >= 0 || Self.selfMade.contains(events[index].action)
  }

  /// Events that began something about a workload, under any of the names that they go by: its own, and for a
  /// ReplicaSet that of the Deployment which made it.
  func workloadRoots(_ name: NamespacedName, _ kind: String) -> [Int] {
    var names = [name.description]
    if let hyphen = name.name.lastIndex(of: "-") {
      names.append(NamespacedName(namespace: name.namespace, name: String(name.name[..<hyphen])).description)
    }
    let kinds = ["workload", kind, "deployment", "horizontalpodautoscaler"]
    let objects = names.flatMap { name in kinds.map { "\($0)/\(name)" } }
    return objects.flatMap { byObject[$0] ?? [] }.filter { isRoot($0) }
  }

  /// The first event of the same occurrence, which is what the scenario did.
  func head(_ index: Int) -> Root {
    let occurrence = events[index].occurrence
    guard occurrence >= 0 else { return index }
    var first = index
    while first > 0, events[first - 1].time == events[index].time {
      first -= 1
      if events[first].occurrence != occurrence { continue }
    }
    while events[first].occurrence != occurrence { first += 1 }
    return first
  }
}
