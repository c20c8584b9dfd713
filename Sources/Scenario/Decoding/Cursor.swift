// SPDX-License-Identifier: GPL-3.0-or-later
//
// A node with the way to it. Reading gives nil where the value has the wrong shape: ShapeValidator has said so
// already, and decoding goes on to find what else is wrong.

import Cluster
import NetworkTypes
import OrderedCollections
import SimKernel

/// A place in a scenario document.
struct Cursor {
  let node: DocumentNode
  let path: DocumentPath

  subscript(key: String) -> Cursor? { node[key].map { Cursor(node: $0, path: path.key(key)) } }

  /// The elements of a list; none if this is no list.
  var items: [Cursor] {
    (node.sequence ?? []).enumerated().map { Cursor(node: $0.element, path: path.index($0.offset)) }
  }

  var string: String? { node.string }
  var integer: Int? { node.wholeNumber }
  var bool: Bool? { node.bool }
  var number: Double? { node.double.flatMap { $0.isFinite ? $0 : nil } }
  var strings: [String] { items.compactMap(\.string) }

  /// At most a year.
  var duration: SimDuration? {
    string.flatMap { DurationText.parse($0) }.flatMap { $0 <= DurationText.limit ? $0 : nil }
  }
  var time: SimTime? { duration.map { SimTime.zero + $0 } }
  /// Per second.
  var rate: Double? { string.flatMap { RateText.parse($0) } }
  var address: IPv4Address? { string.flatMap { IPv4Address($0) } }
  var addresses: [IPv4Address] { items.compactMap(\.address) }
  var block: IPv4CIDR? { string.flatMap { IPv4CIDR($0) } }
  var port: UInt16? { integer.flatMap { $0 > 0 ? UInt16(exactly: $0) : nil } }
  var transport: TransportProtocol? { string.flatMap { TransportProtocol(apiName: $0) } }

  /// `namespace/name`, or `name` in namespace default.
  var namespacedName: NamespacedName? {
    guard let parts = string?.split(separator: "/", omittingEmptySubsequences: false) else { return nil }
    switch parts.count {
    case 1: return NamespacedName(name: String(parts[0]))
    case 2: return NamespacedName(namespace: String(parts[0]), name: String(parts[1]))
    default: return nil
    }
  }

  var labels: Labels {
    var labels: Labels = [:]
    for entry in node.mapping ?? [] { labels[entry.key] = entry.value.string }
    return labels
  }
}

/// Reads a key into a variable that holds the default. Does nothing if the key is missing or wrong.
func assign<T>(_ value: T?, to variable: inout T) {
  if let value { variable = value }
}
func assign<T>(_ value: T?, to variable: inout T?) {
  if let value { variable = value }
}
