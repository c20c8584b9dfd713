// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

@testable import Traffic

struct RetransmissionTests {
  private func times(_ next: (Int) -> SimDuration?) -> [Double] {
    var times: [Double] = []
    var at = SimDuration.zero
    while let wait = next(times.count) {
      at = at + wait
      times.append(at.seconds)
    }
    return times
  }

  @Test func synTimesAreThoseOfLinux() {
    // FACTS E3: with four linear timeouts (6.5 and later) and without.
    #expect(times { Retransmission.afterSyn($0, linear: 4) } == [1, 2, 3, 4, 5, 7, 11, 19, 35, 67])
    #expect(times { Retransmission.afterSyn($0, linear: 0) } == [1, 3, 7, 15, 31, 63])
  }

  @Test func dataIsRetransmittedFifteenTimes() {
    // FACTS E4: 0.2 s doubled up to 120 s; given up after 924.6 s, of which the last 120 s pass in silence.
    let found = times { Retransmission.afterData($0) }
    #expect(found.count == 15)
    #expect(found[0] == 0.2 && abs(found[14] - 804.6) < 1e-6)
  }
}
