// SPDX-License-Identifier: GPL-3.0-or-later
//
// The time that a slice's annotation `endpoints.kubernetes.io/last-change-trigger-time` tells, from which
// kube-proxy counts the network programming latency (k/k staging
// endpointslice/util/trigger_time_tracker.go): of all pods whose condition Ready has another transition
// time than at the last sync, the oldest such time; for a Service that is new to the controller, its
// creation. Transition times have whole seconds in the API. So a deletion alone, which leaves Ready as it
// is, gives no time, and the annotation goes.

import SimKernel

struct TriggerTimeTracker: Sendable {
  private struct ServiceState {
    var service = SimTime(nanoseconds: .min)
    var pods: [String: SimTime] = [:]
  }
  /// Condition Ready of a pod and since when.
  private struct Readiness {
    var isReady: Bool
    var since: SimTime
  }
  private var states: [ServiceID: ServiceState] = [:]
  private var readiness: [PodID: Readiness] = [:]

  /// A Pod object was written.
  mutating func note(_ pod: PodID, isReady: Bool, at now: SimTime) {
    if readiness[pod]?.isReady == isReady { return }
    readiness[pod] = Readiness(isReady: isReady, since: now)
  }

  mutating func forget(_ pod: PodID) { readiness[pod] = nil }
  mutating func forget(_ service: ServiceID) { states[service] = nil }

  /// What a sync of the Service writes into the annotation; nil: it takes the annotation away.
  /// - Parameters:
  ///   - created: of the Service.
  ///   - pods: all that it selects, with their names.
  mutating func triggerTime(
    _ service: ServiceID, created: SimTime, pods: [(name: String, id: PodID)]
  ) -> SimTime? {
    let known = states[service]
    var state = ServiceState(service: created.wholeSeconds)
    var oldest: SimTime?
    for pod in pods {
      guard let since = readiness[pod.id]?.since.wholeSeconds else { continue }
      state.pods[pod.name] = since
      guard known?.pods[pod.name].map({ since > $0 }) ?? true else { continue }
      oldest = min(oldest ?? since, since)
    }
    states[service] = state
    guard let known else { return state.service }
    if state.service > known.service { oldest = min(oldest ?? state.service, state.service) }
    return oldest
  }
}

extension SimTime {
  /// As the API's `metav1.Time` writes it.
  var wholeSeconds: SimTime {
    let second: Int64 = 1_000_000_000
    let rest = nanoseconds % second
    return SimTime(nanoseconds: nanoseconds - (rest < 0 ? rest + second : rest))
  }
}
