// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which pods a Service's selector names, kept both ways so that a change of one pod costs only what that
// pod belongs to. Readiness, addresses and slices are not its business.

import SimKernel

private struct LabelKey: Hashable {
  var namespace: String
  var label: String
  var value: String

  init(_ namespace: String, _ label: (key: String, value: String)) {
    self.namespace = namespace
    self.label = label.key
    value = label.value
  }
}

/// Membership of pods in Services with selectors.
struct ServiceSelection: Sendable {
  private var selectors: [ServiceID: LabelSelector] = [:]
  /// By the first label of the selector, so that a pod is compared with few Services only.
  private var servicesByLabel: [LabelKey: [ServiceID]] = [:]
  private var members: [ServiceID: [PodID]] = [:]
  private var servicesOfPod: [PodID: [ServiceID]] = [:]

  /// Pods that the Service selects, in the order in which they were added.
  func pods(of service: ServiceID) -> [PodID] { members[service] ?? [] }
  /// Services that select the pod, in order of index.
  func services(of pod: PodID) -> [ServiceID] { servicesOfPod[pod] ?? [] }

  /// Sets, changes or (nil) removes a Service's selector. `candidates`: the namespace's pods with labels.
  mutating func setSelector(
    _ selector: LabelSelector?, of service: ServiceID, in namespace: String,
    candidates: [(id: PodID, labels: Labels)]
  ) {
    guard selectors[service] != selector else { return }
    for pod in members[service] ?? [] { servicesOfPod[pod]?.removeAll { $0 == service } }
    members[service] = nil
    if let first = selectors[service]?.matchLabels.elements.first {
      servicesByLabel[LabelKey(namespace, first)]?.removeAll { $0 == service }
    }
    selectors[service] = selector
    guard let selector else { return }
    precondition(!selector.matchLabels.isEmpty, "an empty selector of a Service means none")
    servicesByLabel[LabelKey(namespace, selector.matchLabels.elements.first!), default: []].append(service)
    for (id, labels) in candidates where selector.matches(labels) { join(id, service) }
  }

  mutating func add(_ pod: PodID, namespace: String, labels: Labels) {
    for label in labels {
      for service in servicesByLabel[LabelKey(namespace, label)] ?? []
      where selectors[service]!.matches(labels) {
        join(pod, service)
      }
    }
  }

  mutating func remove(_ pod: PodID) {
    for service in servicesOfPod[pod] ?? [] { members[service]?.removeAll { $0 == pod } }
    servicesOfPod[pod] = nil
  }

  private mutating func join(_ pod: PodID, _ service: ServiceID) {
    members[service, default: []].append(pod)
    servicesOfPod[pod, default: []].insertInOrder(service)
  }
}

extension Array<ServiceID> {
  /// Where one pod backs very many Services they come in order of their IDs, mostly.
  fileprivate mutating func insertInOrder(_ service: ServiceID) {
    var place = endIndex
    while place > startIndex, self[place - 1] > service { place -= 1 }
    insert(service, at: place)
  }
}
