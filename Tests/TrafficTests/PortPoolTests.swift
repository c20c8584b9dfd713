// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

@testable import Traffic

struct PortPoolTests {
  private let start = SimTime.zero

  @Test func givesEveryPortOfTheRangeOnceAndThenNone() {
    var pool = PortPool(start: 12_345_678)
    var seen: Set<UInt16> = []
    while let port = pool.take(now: start) { seen.insert(port) }
    #expect(seen == Set(PortPool.range))
    #expect(pool.inUse == 28_232)
  }

  @Test func aPortGivenBackIsFreeAtOnceOrAfterAMinute() {
    var pool = PortPool(start: 0)
    var ports: [UInt16] = []
    while let port = pool.take(now: start) { ports.append(port) }
    pool.release(ports[7], now: start, lingers: false)
    #expect(pool.take(now: start) == ports[7])
    pool.release(ports[9], now: start, lingers: true)
    #expect(pool.take(now: start + .milliseconds(59_999)) == nil)
    #expect(pool.take(now: start + .seconds(60)) == ports[9])
  }

  @Test func lingeringPortsInThousandsAllComeBack() {
    var pool = PortPool(start: 3)
    for second in 0..<200 {
      let now = start + .seconds(Int64(second))
      for _ in 0..<400 {
        guard let port = pool.take(now: now) else {
          Issue.record("no port at \(second) s")
          return
        }
        pool.release(port, now: now, lingers: true)
      }
    }
    #expect(pool.inUse == 60 * 400)
  }
}
