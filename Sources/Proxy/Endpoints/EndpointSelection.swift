// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which endpoints of a Service port a node may use: FACTS C5 (k/k pkg/proxy/topology.go). Decides the cluster
// set, the local set and whether anything usable exists; decides nothing about verdicts.

import SimKernel

/// The sets that a node's chains are made of.
struct EndpointChoice: Equatable {
  /// In the order of the records; empty also where the Service port does not use it.
  var cluster: [BackendID] = []
  var local: [BackendID] = []
  /// Some usable endpoint exists somewhere in the cluster.
  var hasAnyEndpoints = false
}

/// How Ready endpoints are narrowed down by hints.
enum TopologyMode: Equatable {
  case everywhere, zone, node
}

struct EndpointSelection {
  var usesClusterEndpoints: Bool
  var usesLocalEndpoints: Bool
  /// Serving terminating endpoints are used where no ready one is (KEP-1669).
  var usesTerminating = true
  /// False: hints are ignored, because an old kube-proxy misses the Service's annotation.
  var followsHints = true
  /// Interned hints that the records refer to.
  var hints: [EndpointHints]

  func choose(_ endpoints: [EndpointRecord], from place: Locality) -> EndpointChoice {
    var choice = EndpointChoice()
    choice.hasAnyEndpoints = endpoints.contains { isUsable($0) }
    guard choice.hasAnyEndpoints else { return choice }
    if usesClusterEndpoints {
      let mode = topologyMode(of: endpoints, from: place)
      choice.cluster = endpoints.filter { $0.isReady && isAvailable($0, mode, place) }.map(\.backend)
      if choice.cluster.isEmpty, usesTerminating {
        choice.cluster = endpoints.filter(\.isServingTerminating).map(\.backend)
      }
    }
    if usesLocalEndpoints {
      let here = endpoints.filter { $0.node == place.node && place.node != .none }
      choice.local = here.filter(\.isReady).map(\.backend)
      if choice.local.isEmpty, usesTerminating {
        choice.local = here.filter(\.isServingTerminating).map(\.backend)
      }
    }
    return choice
  }

  private func isUsable(_ endpoint: EndpointRecord) -> Bool {
    usesTerminating ? endpoint.isUsable : endpoint.isReady
  }

  /// Hints count only if every Ready endpoint has them and at least one names this place.
  func topologyMode(of endpoints: [EndpointRecord], from place: Locality) -> TopologyMode {
    guard followsHints else { return .everywhere }
    var allHaveNode = true
    var allHaveZone = true
    var namesNode = false
    var namesZone = false
    for endpoint in endpoints where endpoint.isReady {
      let hint = hints[Int(endpoint.hints)]
      if let nodes = hint.nodes, !nodes.isEmpty {
        namesNode = namesNode || nodes.contains(place.node)
      } else {
        allHaveNode = false
      }
      if let zones = hint.zones, !zones.isEmpty {
        namesZone = namesZone || zones.contains(place.zone)
      } else {
        allHaveZone = false
      }
    }
    if allHaveNode && namesNode && place.node != .none { return .node }
    if allHaveZone && namesZone && place.zone != .none { return .zone }
    return .everywhere
  }

  private func isAvailable(_ endpoint: EndpointRecord, _ mode: TopologyMode, _ place: Locality) -> Bool {
    switch mode {
    case .everywhere: true
    case .zone: hints[Int(endpoint.hints)].zones?.contains(place.zone) ?? false
    case .node: hints[Int(endpoint.hints)].nodes?.contains(place.node) ?? false
    }
  }

  /// Whether two nodes may choose differently between these endpoints.
  func dependsOnPlace(_ endpoints: [EndpointRecord]) -> Bool {
    if usesLocalEndpoints { return true }
    guard followsHints else { return false }
    var allHaveNode = true
    var allHaveZone = true
    var anyReady = false
    for endpoint in endpoints where endpoint.isReady {
      anyReady = true
      let hint = hints[Int(endpoint.hints)]
      if hint.nodes?.isEmpty ?? true { allHaveNode = false }
      if hint.zones?.isEmpty ?? true { allHaveZone = false }
    }
    return anyReady && (allHaveNode || allHaveZone)
  }
}
