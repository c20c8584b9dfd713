// SPDX-License-Identifier: GPL-3.0-or-later
//
// Latencies in the unit of the reports.

import SimKernel
import SimStatistics

extension LatencyHistogram {
  var meanMilliseconds: Double? { mean?.milliseconds }
  var maxMilliseconds: Double? { max?.milliseconds }
  /// Nil when empty.
  func milliseconds(quantile probability: Double) -> Double? { quantile(probability)?.milliseconds }
}
