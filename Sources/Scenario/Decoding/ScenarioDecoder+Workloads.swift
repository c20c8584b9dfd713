// SPDX-License-Identifier: GPL-3.0-or-later
//
// What nodes have for pods, drains, and rollouts that are paused or undone.

import Cluster
import SimKernel

extension ScenarioDecoder {
  func decodeAllocatable(_ c: Cursor, into capacity: inout NodeCapacity) {
    if let cpu = c["cpu"] { assign(quantity(cpu), to: &capacity.cpuMillis) }
    if let memory = c["memory"] { assign(quantity(memory).map { $0 / 1000 }, to: &capacity.memory) }
    assign(c["pods"]?.integer, to: &capacity.pods)
  }

  /// In thousandths.
  private func quantity(_ c: Cursor) -> Int64? {
    if let number = c.number { return Int64((number * 1000).rounded(.up)) }
    guard let text = c.string else { return nil }
    if let milli = QuantityText.milli(text) { return milli }
    mistake(c, "expected a quantity such as \"500m\", \"2\" or \"128Mi\"")
    return nil
  }

  func drainOptions(_ c: Cursor) -> DrainOptions {
    var options = DrainOptions()
    assign(c["by"]?.string.flatMap { DrainOptions.Drainer(rawValue: $0) }, to: &options.by)
    assign(c["timeout"]?.duration, to: &options.timeout)
    assign(c["gracePeriod"]?.duration, to: &options.gracePeriod)
    assign(c["disableEviction"]?.bool, to: &options.disablesEviction)
    assign(c["force"]?.bool, to: &options.force)
    assign(c["deleteNode"]?.bool, to: &options.deletesNode)
    return options
  }

  func rolloutAction(_ c: Cursor) -> ClusterAction? {
    for (key, make) in [
      ("undoRollout", { ClusterAction.undoRollout($0) }),
      ("pauseRollout", { ClusterAction.pauseRollout($0, true) }),
      ("resumeRollout", { ClusterAction.pauseRollout($0, false) }),
    ] as [(String, (NamespacedName) -> ClusterAction)] {
      guard let place = c[key], let name = place.namespacedName else { continue }
      checkWorkload(place)
      if let known = names.workloads[name], known.kind != .deployment {
        mistake(place, "expected the name of a Deployment")
      }
      return make(name)
    }
    return nil
  }
}
