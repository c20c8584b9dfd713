// SPDX-License-Identifier: GPL-3.0-or-later
//
// A stable hash of everything that decides a run's results: the scenario after --set, manifests, CSV columns.
// Not of paths, key order, layout, quotes, comments, or of keys that say nothing about the run; not of the
// seed, which stands beside the hash wherever a run is identified.

/// FNV-1a, 64 bits, over a canonical form (Fowler, Noll, Vo; draft-eastlake-fnv).
struct ContentHash {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func mix(byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }

  mutating func mix(_ word: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) {
      mix(byte: UInt8(truncatingIfNeeded: word >> UInt64(shift)))
    }
  }

  mutating func mix(_ text: String) {
    mix(UInt64(text.utf8.count))
    for byte in text.utf8 { mix(byte: byte) }
  }

  mutating func mix(_ values: [Double]) {
    mix(UInt64(values.count))
    for value in values { mix(value.bitPattern) }
  }

  /// A document in a shape; without one, everything in it counts.
  mutating func mix(_ node: DocumentNode, shape: Shape? = nil) {
    let shape = shape.flatMap { $0.resolved(for: node.kind) }
    switch node.content {
    case .scalar(let scalar): mix(scalar, of: node, shape)
    case .sequence(let items):
      mix(byte: UInt8(ascii: "["))
      mix(UInt64(items.count))
      var itemShape: Shape?
      if case .list(let item, _)? = shape { itemShape = item }
      for item in items { mix(item, shape: itemShape) }
    case .mapping(let entries):
      mix(byte: UInt8(ascii: "{"))
      for entry in entries.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
        let field = shape?.field(entry.key)
        if field?.isCommentary == true { continue }
        mix(entry.key)
        mix(entry.value, shape: field?.shape)
      }
      mix(byte: UInt8(ascii: "}"))
    }
  }

  private mutating func mix(_ scalar: DocumentNode.Scalar, of node: DocumentNode, _ shape: Shape?) {
    if case .text(let form)? = shape, form.isPath { return mix(byte: UInt8(ascii: "p")) }
    switch node.kind {
    case .null: mix(byte: UInt8(ascii: "0"))
    case .boolean: mix(byte: node.bool == true ? UInt8(ascii: "t") : UInt8(ascii: "f"))
    case .integer, .number:
      mix(byte: UInt8(ascii: "n"))
      // 5, 5.0 and 0x5 are one number.
      if let whole = node.wholeNumber {
        mix(UInt64(bitPattern: Int64(whole)))
      } else {
        mix((node.double ?? 0).bitPattern)
      }
    case .string, .list, .object:
      mix(byte: UInt8(ascii: "s"))
      mix(scalar.text)
    }
  }
}

extension Shape {
  /// This shape with definitions and alternatives resolved for a value of a type.
  func resolved(for kind: NodeKind) -> Shape? {
    switch self {
    case .named(let name): ScenarioFormat.definition(name).resolved(for: kind)
    case .either(let shapes): shapes.first { $0.accepts(kind) }?.resolved(for: kind)
    default: self
    }
  }

  /// The field of an object under a key, in any variant; for free keys a field of that name.
  func field(_ key: String) -> Field? {
    switch self {
    case .object(let object): object.allFields.first { $0.name == key }
    case .map(let value): Field(key, value, "")
    default: nil
    }
  }
}
