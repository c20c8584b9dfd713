// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many endpoints each zone is owed by the annotation `service.kubernetes.io/topology-mode: Auto`: in
// proportion to the CPUs of its ready nodes, and never so few that an endpoint gets more than 20 % above its
// fair part (KEP-2433; k/k staging endpointslice/topologycache). Which endpoint gets which hint is decided by
// ZoneHints.

/// Zones and their share of the cluster's CPUs, in order of name.
struct ZoneShares: Sendable, Equatable {
  /// `overloadThreshold`
  static let overloadThreshold = 0.2

  /// Why a Service cannot have hints.
  enum Refusal: Sendable, Equatable {
    /// A ready node has no zone or no CPUs, or all are in one zone.
    case insufficientNodeInfo
    case fewerEndpointsThanZones(endpoints: Int, zones: Int)
    /// Every zone rounds up, and the sum is more than there is (k/k 122437).
    case overloadThreshold(endpoints: Int, zones: Int)
    case endpointWithoutZone

    var words: String {
      switch self {
      case .insufficientNodeInfo: "nodes without a zone, or all in one zone"
      case .fewerEndpointsThanZones(let endpoints, let zones): "\(endpoints) endpoints for \(zones) zones"
      case .overloadThreshold(let endpoints, let zones):
        "\(endpoints) endpoints cannot be shared out to \(zones) zones without overload"
      case .endpointWithoutZone: "an endpoint without a zone"
      }
    }
  }

  /// What a zone is to get.
  struct Allocation: Sendable, Equatable {
    var zone: String
    var minimum: Int
    var maximum: Int
    var desired: Double
  }

  var ratios: [(zone: String, ratio: Double)]

  /// One node as the controller counts it.
  struct NodeShare {
    var zone: String?
    var cores: Int
    var isReady: Bool
    var isControlPlane: Bool
  }

  /// nil: no hints for any Service.
  init?(_ nodes: [NodeShare]) {
    var cores: [String: Int] = [:]
    for node in nodes where node.isReady && !node.isControlPlane {
      guard let zone = node.zone, !zone.isEmpty, node.cores > 0 else { return nil }
      cores[zone, default: 0] += node.cores
    }
    guard cores.count >= 2 else { return nil }
    let total = cores.values.reduce(0, +)
    ratios = cores.keys.sorted().map { ($0, Double(cores[$0]!) / Double(total)) }
  }

  static func == (a: Self, b: Self) -> Bool {
    a.ratios.elementsEqual(b.ratios) { $0.zone == $1.zone && $0.ratio == $1.ratio }
  }

  /// - Parameter endpoints: number of ready ones.
  func allocations(endpoints: Int) -> Result<[Allocation], RefusalError> {
    guard ratios.count <= endpoints else {
      return .failure(.init(.fewerEndpointsThanZones(endpoints: endpoints, zones: ratios.count)))
    }
    var rest = endpoints
    var allocations: [Allocation] = []
    for (zone, ratio) in ratios {
      let desired = ratio * Double(endpoints)
      let minimum = Self.minimum(desired)
      rest -= minimum
      if rest < 0 {
        return .failure(.init(.overloadThreshold(endpoints: endpoints, zones: ratios.count)))
      }
      allocations.append(
        Allocation(zone: zone, minimum: minimum, maximum: 0, desired: max(desired, Double(minimum))))
    }
    for index in allocations.indices { allocations[index].maximum = allocations[index].minimum + rest }
    return .success(allocations)
  }

  /// Some zone has fewer hinted endpoints than the least that it may have.
  func isOverloaded(_ hints: [String: Int]) -> Bool {
    if hints.isEmpty { return false }
    let total = Double(hints.values.reduce(0, +))
    return ratios.contains { zone, ratio in (hints[zone] ?? 0) < Self.minimum(total * ratio) }
  }

  private static func minimum(_ desired: Double) -> Int {
    Int((desired * (1 / (1 + overloadThreshold))).rounded(.up))
  }

  struct RefusalError: Error, Equatable {
    var refusal: Refusal
    init(_ refusal: Refusal) { self.refusal = refusal }
  }
}
