// SPDX-License-Identifier: GPL-3.0-or-later
import SimKernel

public struct LatencyHistogram: Sendable {
  public init() {}
}
