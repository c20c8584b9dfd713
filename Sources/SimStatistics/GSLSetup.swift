// SPDX-License-Identifier: GPL-3.0-or-later
//
// What GSL has to be told before this module calls it.

import CGSL

/// GSL's default error handler ends the process; without it errors come back as return values.
enum GSLSetup {
  static let done: Void = sim_gsl_disable_abort()
}
