// SPDX-License-Identifier: GPL-3.0-or-later
//
// Many tests at once: p-values adjusted so that the chance of any false alarm among all of them is bounded.

/// Several tests at once (Holm, Scandinavian Journal of Statistics 6, 1979).
public enum HolmCorrection {
  /// p-values such that, if those below α are taken for findings, the chance of any false one is at most α.
  /// Missing ones stay missing and count for nothing.
  public static func adjusted(_ pValues: [Double?]) -> [Double?] {
    let known = pValues.indices.filter { pValues[$0] != nil }
    let order = known.sorted { (pValues[$0]!, $0) < (pValues[$1]!, $1) }
    var adjusted = [Double?](repeating: nil, count: pValues.count)
    var largest = 0.0
    for (rank, index) in order.enumerated() {
      largest = max(largest, min(1, Double(order.count - rank) * pValues[index]!))
      adjusted[index] = largest
    }
    return adjusted
  }
}
