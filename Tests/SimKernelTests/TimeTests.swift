// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

@Suite("Time") struct TimeTests {
  @Test(arguments: [
    (Int64(0), "0s"), (1, "0.000000001s"), (1_500_000_000, "1.5s"), (-2_000_000_000, "-2s"),
    (60_000_000_000, "60s"),
  ]) func `a span prints as seconds without trailing zeros`(nanoseconds: Int64, text: String) {
    #expect(SimDuration(nanoseconds: nanoseconds).description == text)
  }
  @Test func `adding to never stays never`() {
    #expect(SimTime.distantFuture + .seconds(1) == .distantFuture)
    #expect(SimDuration(seconds: 1e300) == .max)
  }
  @Test func `the digest depends on order`() {
    var a = RunDigest()
    var b = RunDigest()
    a.mix(1)
    a.mix(2)
    b.mix(2)
    b.mix(1)
    #expect(a != b)
  }
}
