// SPDX-License-Identifier: GPL-3.0-or-later
//
// How endpoints of one port set are spread over slices (k/k staging `endpointslice/reconciler.go`; FACTS B):
// what is there stays where it is, removals leave holes, additions go first to slices that change anyway
// (fullest first), then to the untouched slice that they fill best, then to new slices. No defragmentation.

struct SliceFiller {
  private let endpointsMax: Int
  private(set) var kept: [EndpointSlice] = []
  /// Contents of slices still to be created, in order.
  private(set) var created: [[Endpoint]] = []

  /// - Parameters:
  ///   - existing: this port set's slices.
  ///   - desired: the endpoints wanted, one per pod, in the order in which additions are placed.
  ///   - max: endpoints in one slice.
  init(existing: [EndpointSlice], desired: [Endpoint], max: Int) {
    endpointsMax = max
    var wanted = WantedEndpoints(desired)
    var changed: [Bool] = []
    for slice in existing {
      var slice = slice
      let before = slice.endpoints
      slice.endpoints = before.compactMap { wanted.take(as: $0) }
      if slice.endpoints.isEmpty { continue }
      changed.append(slice.endpoints != before)
      kept.append(slice)
    }
    var rest = wanted.rest[...]
    fillChanged(changed, with: &rest)
    while !rest.isEmpty {
      guard let index = bestFit(for: rest.count, changed: changed) else {
        created.append(Array(rest.prefix(endpointsMax)))
        rest = rest.dropFirst(endpointsMax)
        continue
      }
      kept[index].endpoints += rest
      rest = []
    }
  }

  private mutating func fillChanged(_ changed: [Bool], with rest: inout ArraySlice<Endpoint>) {
    let order = kept.indices.filter { changed[$0] }.sorted {
      (kept[$1].endpoints.count, $0) < (kept[$0].endpoints.count, $1)
    }
    for index in order {
      let count = min(rest.count, endpointsMax - kept[index].endpoints.count)
      if count <= 0 { continue }
      kept[index].endpoints += rest.prefix(count)
      rest = rest.dropFirst(count)
    }
  }

  /// The untouched slice that ends closest to full with `count` more; nil if none has room for all.
  private func bestFit(for count: Int, changed: [Bool]) -> Int? {
    guard count < endpointsMax else { return nil }
    var best: Int?
    for index in kept.indices where !changed[index] {
      let size = kept[index].endpoints.count
      guard size + count <= endpointsMax else { continue }
      if best.map({ kept[$0].endpoints.count < size }) ?? true { best = index }
    }
    return best
  }
}

/// The endpoints still to be placed, found by what makes an endpoint the same one to the controller: pod
/// name, addresses and hostname; not the pod's uid, so a pod made again under its name and address stays in
/// place.
private struct WantedEndpoints {
  private struct Key: Hashable {
    var pod: NamespacedName?
    var addresses: [String]
    var hostname: String?
    init(_ endpoint: Endpoint) {
      pod = endpoint.targetPod
      addresses = endpoint.addresses
      hostname = endpoint.hostname
    }
  }
  private let desired: [Endpoint]
  private var isTaken: [Bool]
  private var indexByKey: [Key: Int] = [:]

  init(_ desired: [Endpoint]) {
    self.desired = desired
    isTaken = Array(repeating: false, count: desired.count)
    for (index, endpoint) in desired.enumerated() { indexByKey[Key(endpoint)] = index }
  }

  /// The wanted form of an endpoint that is there; nil if it is not wanted any more, or was met before.
  mutating func take(as old: Endpoint) -> Endpoint? {
    guard let index = indexByKey[Key(old)], !isTaken[index] else { return nil }
    isTaken[index] = true
    return desired[index]
  }

  var rest: [Endpoint] { desired.indices.filter { !isTaken[$0] }.map { desired[$0] } }
}
