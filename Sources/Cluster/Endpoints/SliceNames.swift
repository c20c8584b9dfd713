// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names that the API server generates from `metadata.generateName`: five characters of an alphabet without
// vowels and look-alikes. A real one draws them; here they are a hash of the prefix and a counter, so that
// the same history gives the same names.

enum GeneratedName {
  /// k/k staging `apimachinery/pkg/util/rand`: 27 characters.
  private static let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
  private static let suffixLength = 5
  /// The API server cuts the prefix so that name and suffix fit a label of 63 characters.
  private static let prefixMax = 58

  /// `prefix` with a suffix that no name in `taken` has.
  static func make(prefix: String, namespace: String, taken: Set<String>) -> String {
    let base = String(prefix.prefix(prefixMax))
    var count: UInt64 = 0
    while true {
      var bits = CountedHash.draw(seed: 0, key: "name/\(namespace)/\(prefix)", count: count)
      var name = base
      for _ in 0..<suffixLength {
        name.append(alphabet[Int(bits % UInt64(alphabet.count))])
        bits /= UInt64(alphabet.count)
      }
      if !taken.contains(name) { return name }
      count += 1
    }
  }
}
