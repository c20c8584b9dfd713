// SPDX-License-Identifier: GPL-3.0-or-later
//
// Endpoints of one Service port as kube-proxy keeps them: conditions, place, hints. Names are interned.

import NetworkTypes
import SimKernel

struct EndpointConditions: OptionSet, BitwiseCopyable {
  let rawValue: UInt8
  static let ready = EndpointConditions(rawValue: 1)
  static let serving = EndpointConditions(rawValue: 2)
  static let terminating = EndpointConditions(rawValue: 4)
}

/// 0 is "none" in interned names here, so that comparing is enough.
struct NameIndex: Hashable, BitwiseCopyable {
  var rawValue: UInt32
  static let none = NameIndex(rawValue: 0)
}

/// Hints of an endpoint; nil = the slice gives none of that kind.
struct EndpointHints: Hashable {
  var zones: [NameIndex]?
  var nodes: [NameIndex]?
}

struct EndpointRecord: Equatable, BitwiseCopyable {
  var backend: BackendID
  var node: NameIndex
  /// Index into the interned hints.
  var hints: UInt32
  var conditions: EndpointConditions

  var isReady: Bool { conditions.contains(.ready) }
  var isServingTerminating: Bool { conditions.isSuperset(of: [.serving, .terminating]) }
  var isUsable: Bool { isReady || isServingTerminating }
}

/// Where a node is, as endpoint selection looks at it.
struct Locality: Hashable, BitwiseCopyable {
  var node: NameIndex
  var zone: NameIndex
}
