// SPDX-License-Identifier: GPL-3.0-or-later
//
// Hints by annotation, over time: when nodes come, go, or change readiness or zone, Services whose zones
// have too few endpoints by the new shares are looked at again at once (checkNodeTopologyDistribution in
// k/k pkg/controller/endpointslice).

import SimKernel

/// What the controller remembers of zones (`topologyCache`).
struct ZoneCache: Sendable {
  /// Of the store's nodes when `shares` was made; nil: never.
  var generation: Int?
  var shares: ZoneShares?
  /// Hinted endpoints by zone, of Services with hints.
  private(set) var hints: [ServiceID: [String: Int]] = [:]

  mutating func remember(_ service: ServiceID, _ byZone: [String: Int]) { hints[service] = byZone }
  mutating func forget(_ service: ServiceID) { hints[service] = nil }
  func hasHints(_ service: ServiceID) -> Bool { hints[service] != nil }

  /// Services that need another allocation, in order of index.
  var overloaded: [ServiceID] {
    hints.keys.sorted().filter { service in
      shares.map { $0.isOverloaded(hints[service]!) } ?? !hints[service]!.isEmpty
    }
  }
}

extension ControlPlane {
  /// To be called when Node objects may have changed.
  mutating func checkNodeTopology(_ out: inout ControlPlaneOutput) {
    guard endpointControllers.zones.generation != store.topologyGeneration else { return }
    refreshZoneShares()
    for service in endpointControllers.zones.overloaded { queueReconcile(service, &out) }
  }

  private mutating func refreshZoneShares() {
    endpointControllers.zones.generation = store.topologyGeneration
    endpointControllers.zones.shares = ZoneShares(
      nodes.compactMap { record in
        store.node(record.id).map { node in
          ZoneShares.NodeShare(
            zone: node.zone, cores: record.cores, isReady: node.ready == .ready,
            isControlPlane: node.metadata.labels["node-role.kubernetes.io/control-plane"] != nil
              || node.metadata.labels["node-role.kubernetes.io/master"] != nil)
        }
      })
  }

  /// The annotation's key is one that this version reads.
  private func asksForZoneHints(_ service: Service) -> Bool {
    if Behaviours.topologyModeAnnotation.value(in: settings.minorVersion) { return service.asksForZoneHints }
    let value = service.metadata.annotations[Service.topologyHintsAnnotation]
    return value == "Auto" || value == "auto"
  }

  /// Slices as they are, without hints where the controller shares these out anew.
  func comparableSlices(_ slices: [EndpointSlice], of service: Service) -> [EndpointSlice] {
    guard asksForZoneHints(service) else { return slices }
    return slices.map(\.withoutHints)
  }

  /// Adds the hints that the annotation asks for; `trafficDistribution` has no say then.
  mutating func withHints(
    _ slices: [EndpointSlice], existing: [EndpointSlice], of service: Service, _ id: ServiceID
  ) -> [EndpointSlice] {
    guard asksForZoneHints(service) else {
      endpointControllers.zones.forget(id)
      return slices
    }
    if endpointControllers.zones.generation != store.topologyGeneration { refreshZoneShares() }
    let old = Dictionary(existing.map { ($0.metadata.name, $0) }) { first, _ in first }
    var mixed = slices.map(\.withoutHints)
    var isChanged: [Bool] = []
    for index in mixed.indices {
      let before = old[mixed[index].metadata.name]
      isChanged.append(before?.withoutHints != mixed[index])
      if let before, !isChanged[index] { mixed[index] = before }
    }
    do {
      let hints = try ZoneHints(mixed, isChanged: isChanged, shares: endpointControllers.zones.shares)
      endpointControllers.zones.remember(id, hints.byZone)
      return hints.slices
    } catch {
      endpointControllers.zones.forget(id)
      return mixed.map(\.withoutHints)
    }
  }
}

extension EndpointSlice {
  var withoutHints: EndpointSlice {
    var slice = self
    for index in slice.endpoints.indices {
      slice.endpoints[index].zoneHints = nil
      slice.endpoints[index].nodeHints = nil
    }
    return slice
  }
}
