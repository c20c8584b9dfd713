// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names that the API server generates from `metadata.generateName`. A real one draws the suffix; here it is a
// hash of the prefix and a counter, so that the same history gives the same names.

import SimKernel

enum GeneratedName {
  /// k/k staging `apiserver/pkg/storage/names`.
  private static let suffixLength = 5
  /// The API server cuts the prefix so that name and suffix fit a label of 63 characters.
  private static let prefixMax = 58

  /// `prefix` with a suffix that no name in `taken` has.
  static func make(prefix: String, namespace: String, taken: Set<String>) -> String {
    var count = 0
    while true {
      let suffix = StableHash.suffix("name/\(namespace)/\(prefix)/\(count)", length: suffixLength)
      let name = String(prefix.prefix(prefixMax)) + suffix
      if !taken.contains(name) { return name }
      count += 1
    }
  }
}
