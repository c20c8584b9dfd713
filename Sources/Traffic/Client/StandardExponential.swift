// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation

enum StandardExponential {
  /// log(1 − u), exact for small u.
  static func logOfOneMinus(_ u: Double) -> Double { log1p(-u) }
}
