// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes of EndpointSlices that fail because the scenario says so (an admission webhook, a quota, conflicts
// with another writer), or because the API server is down.

import SimKernel
import SimRandom

struct EndpointSyncFailures: Sendable {
  struct Rule: Sendable {
    /// nil: every Service's.
    var service: ServiceID?
    var probability: Double
    var until: SimTime
  }
  var rules: [Rule] = []
  /// Writes that were judged, by Service.
  var judged: [ServiceID: UInt64] = [:]
}

extension ControlPlane {
  mutating func makeEndpointWritesFail(
    _ name: NamespacedName?, probability: Double, until: SimTime, _ out: inout ControlPlaneOutput
  ) {
    let service = name.map { store.internService($0) }
    endpointControllers.failures.rules.append(.init(service: service, probability: probability, until: until))
    log(service.map { object($0) } ?? "endpoint controllers", "endpoint writes fail", "", &out)
  }

  mutating func endpointWriteFails(_ service: ServiceID) -> Bool {
    if apiServer.isDown { return true }
    guard !endpointControllers.failures.rules.isEmpty else { return false }
    let active = endpointControllers.failures.rules.filter {
      $0.until > now && ($0.service == nil || $0.service == service)
    }
    guard !active.isEmpty else { return false }
    let number = endpointControllers.failures.judged[service] ?? 0
    endpointControllers.failures.judged[service] = number + 1
    let entity = StableHash.of("service/\(store.serviceName(service))")
    var stream = draws.stream(.endpointFailure, entity: entity, number: number)
    return active.contains { stream.uniform() < $0.probability }
  }
}

extension RandomPurpose {
  static let endpointFailure = RandomPurpose("endpoint write fails")
}
