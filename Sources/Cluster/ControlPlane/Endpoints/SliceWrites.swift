// SPDX-License-Identifier: GPL-3.0-or-later
//
// The writes that turn a Service's slices into those that it must have, in the controller's order: creations,
// updates, deletions (finalize in k/k staging endpointslice/reconciler.go). Every slice written gets the
// trigger time of the sync.

import SimKernel

enum SliceWrites {
  /// - Parameter trigger: nil takes the annotation away.
  static func between(
    _ present: [EndpointSlice], _ desired: [EndpointSlice], trigger: SimTime?
  ) -> [SliceWrite] {
    let byName = Dictionary(present.map { ($0.metadata.name, $0) }) { first, _ in first }
    let wanted = Set(desired.map(\.metadata.name))
    var creations: [SliceWrite] = []
    var updates: [SliceWrite] = []
    for slice in desired {
      var written = slice
      written.triggerTime = trigger
      if let old = byName[slice.metadata.name] {
        if old != slice { updates.append(.update(written)) }
      } else {
        creations.append(.create(written))
      }
    }
    var obsolete = present.filter { !wanted.contains($0.metadata.name) }
    reuse(&obsolete, for: &creations, &updates)
    return creations + updates + obsolete.map { .delete($0.metadata.name) }
  }

  /// What is to be created goes into slices that would be deleted.
  private static func reuse(
    _ obsolete: inout [EndpointSlice], for creations: inout [SliceWrite], _ updates: inout [SliceWrite]
  ) {
    var place = 0
    while place < obsolete.count, case .create(var slice)? = creations.last {
      let old = obsolete[place]
      let manager = EndpointSlice.managedByLabel
      guard old.metadata.labels[manager] == slice.metadata.labels[manager],
        old.addressType == slice.addressType, old.metadata.controller == slice.metadata.controller
      else {
        place += 1
        continue
      }
      let labels = slice.metadata.labels
      slice.metadata = old.metadata
      slice.metadata.labels = labels
      creations.removeLast()
      obsolete.remove(at: place)
      updates.append(.update(slice))
    }
  }
}
