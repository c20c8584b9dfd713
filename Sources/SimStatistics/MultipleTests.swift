// SPDX-License-Identifier: GPL-3.0-or-later
//
// Many tests at once: p-values adjusted so that the chance of any false alarm among all of them is bounded.

/// Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979); needs no independence.
public enum HolmAdjustment {
  /// For each p-value the smallest family-wise level at which its hypothesis is rejected, in the same order.
  public static func adjust(_ pValues: [Double]) -> [Double] {
    let order = pValues.indices.sorted { (pValues[$0], $0) < (pValues[$1], $1) }
    var adjusted = pValues
    var largest = 0.0
    for (rank, index) in order.enumerated() {
      largest = max(largest, min(1, pValues[index] * Double(pValues.count - rank)))
      adjusted[index] = largest
    }
    return adjusted
  }
}
