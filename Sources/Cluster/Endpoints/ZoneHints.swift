// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which endpoint carries the hint for which zone under `topology-mode: Auto` (k/k staging
// endpointslice/topologycache, AddHints and its utils): slices that do not change otherwise keep their
// hints as far as the zones' shares allow; in the others every endpoint is hinted for its own zone, then
// zones with too many give to zones with too few. Where upstream goes through a map in random order, zones
// come by name here.

struct ZoneHints {
  /// Ready endpoints per zone that hints point to, afterwards.
  private(set) var byZone: [String: Int] = [:]
  private(set) var slices: [EndpointSlice]
  private var isAllocatable: [Bool]
  private let allocations: [ZoneShares.Allocation]

  /// - Parameters:
  ///   - slices: all slices of the Service; those that are unchanged have the hints that they had.
  ///   - isChanged: by slice: it is created or written anyway.
  init(_ slices: [EndpointSlice], isChanged: [Bool], shares: ZoneShares?) throws(ZoneShares.RefusalError) {
    guard let shares else { throw ZoneShares.RefusalError(.insufficientNodeInfo) }
    let ready = slices.reduce(0) { $0 + $1.endpoints.count { $0.ready == true } }
    allocations = try shares.allocations(endpoints: ready).get()
    self.slices = slices
    isAllocatable = isChanged
    keepUnchanged()
    try hintForOwnZone()
    redistribute()
  }

  /// Slices that stay as they are, unless a hint is missing, is for a zone that gets none, or makes a zone's
  /// share too large.
  private mutating func keepUnchanged() {
    for index in slices.indices where !isAllocatable[index] {
      guard let hints = hints(of: slices[index]) else {
        isAllocatable[index] = true
        continue
      }
      for (zone, count) in hints { byZone[zone, default: 0] += count }
    }
  }

  private func hints(of slice: EndpointSlice) -> [String: Int]? {
    var found: [String: Int] = [:]
    for endpoint in slice.endpoints where endpoint.ready == true {
      guard let zones = endpoint.zoneHints, !zones.isEmpty else { return nil }
      for zone in zones {
        guard allocations.contains(where: { $0.zone == zone }) else { return nil }
        found[zone, default: 0] += 1
      }
    }
    for allocation in allocations {
      let count = (found[allocation.zone] ?? 0)
      if count > 0, count + (byZone[allocation.zone] ?? 0) > allocation.maximum { return nil }
    }
    return found
  }

  private mutating func hintForOwnZone() throws(ZoneShares.RefusalError) {
    for index in slices.indices where isAllocatable[index] {
      for place in slices[index].endpoints.indices {
        slices[index].endpoints[place].zoneHints = nil
        slices[index].endpoints[place].nodeHints = nil
        guard slices[index].endpoints[place].ready == true else { continue }
        guard let zone = slices[index].endpoints[place].zone, !zone.isEmpty else {
          throw ZoneShares.RefusalError(.endpointWithoutZone)
        }
        byZone[zone, default: 0] += 1
        slices[index].endpoints[place].zoneHints = [zone]
      }
    }
  }

  private mutating func redistribute() {
    var (giving, receiving) = exchange()
    for index in slices.indices where isAllocatable[index] {
      for place in slices[index].endpoints.indices {
        guard let receiver = receiving.firstIndex(where: { $0.count > 0 }) else { return }
        let endpoint = slices[index].endpoints[place]
        guard endpoint.ready == true, let zone = endpoint.zone,
          let giver = giving.firstIndex(where: { $0.zone == zone && $0.count > 0 })
        else { continue }
        let other = receiving[receiver].zone
        slices[index].endpoints[place].zoneHints = [other]
        giving[giver].count -= 1
        receiving[receiver].count -= 1
        byZone[zone, default: 0] -= 1
        byZone[other, default: 0] += 1
      }
    }
  }

  private typealias Counts = [(zone: String, count: Int)]

  /// How many endpoints each zone gives and gets: one at a time from the zone with most too many to the one
  /// with most too few, until the differences are less than half an endpoint, or both are less than one.
  private func exchange() -> (giving: Counts, receiving: Counts) {
    var surplus = allocations.map { Double(byZone[$0.zone] ?? 0) - $0.desired }
    var giving = allocations.map { (zone: $0.zone, count: 0) }
    var receiving = giving
    while true {
      guard let giver = surplus.indices.max(by: { (surplus[$0], $1) < (surplus[$1], $0) }),
        let receiver = surplus.indices.min(by: { (surplus[$0], $0) < (surplus[$1], $1) })
      else { break }
      let (give, get) = (surplus[giver], -surplus[receiver])
      if give < 0.5 || get < 0.5 || (give < 1 && get < 1) { break }
      giving[giver].count += 1
      receiving[receiver].count += 1
      surplus[giver] -= 1
      surplus[receiver] += 1
    }
    return (giving, receiving)
  }
}

extension Service {
  /// Older key of the topology annotation; where both are set it decides.
  static let topologyHintsAnnotation = "service.kubernetes.io/topology-aware-hints"
  static let topologyModeAnnotation = "service.kubernetes.io/topology-mode"

  /// The annotation asks for hints in proportion to CPUs (hintsEnabled in k/k staging
  /// endpointslice/utils.go); any other spelling than these two means no.
  public var asksForZoneHints: Bool {
    let value =
      metadata.annotations[Self.topologyHintsAnnotation] ?? metadata.annotations[Self.topologyModeAnnotation]
    return value == "Auto" || value == "auto"
  }
}
