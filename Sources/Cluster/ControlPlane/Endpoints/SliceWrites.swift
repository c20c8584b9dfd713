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
    let deletions = present.filter { !wanted.contains($0.metadata.name) }.map {
      SliceWrite.delete($0.metadata.name)
    }
    return creations + updates + deletions
  }
}
