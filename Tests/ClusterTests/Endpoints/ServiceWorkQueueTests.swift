// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

@testable import Cluster

@Suite struct ServiceWorkQueueTests {
  private let a = ServiceID(0)
  private let b = ServiceID(1)
  private func at(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }

  @Test func aServiceIsInLineOnceAndComesBackWhenAskedForWhileInWork() {
    var queue = ServiceWorkQueue(workers: 1, qps: 20, burst: 30)
    for service in [a, b, a] { _ = queue.add(service, at: at(1)) }
    queue.joinLine(a, at: at(1))
    queue.joinLine(b, at: at(1))
    let first = queue.takeNext()
    #expect(first == a)
    let busy = queue.takeNext()
    #expect(busy == nil, "the only worker is busy")
    let outcome1 = queue.add(a, at: at(2))
    #expect(outcome1)
    queue.joinLine(a, at: at(2))
    #expect(queue.backlog == 1, "not beside itself")
    queue.finish(a)
    let outcome2 = queue.takeNext()
    #expect(outcome2 == b)
    queue.finish(b)
    let outcome3 = queue.takeNext()
    #expect(outcome3 == a)
    queue.finish(a)
    let outcome4 = queue.takeNext()
    #expect(outcome4 == nil)
    #expect(queue.freeWorkers == 1)
  }

  @Test func theEarlierOfTwoRequestsStands() {
    var queue = ServiceWorkQueue(workers: 1, qps: 20, burst: 30)
    let outcome1 = queue.add(a, at: at(5))
    #expect(outcome1)
    let outcome2 = queue.add(a, at: at(6))
    #expect(!outcome2)
    let outcome3 = queue.add(a, at: at(1))
    #expect(outcome3)
    queue.joinLine(a, at: at(1))
    let outcome4 = queue.takeNext()
    #expect(outcome4 == a)
    queue.finish(a)
    queue.joinLine(a, at: at(5))
    let outcome5 = queue.takeNext()
    #expect(outcome5 == nil, "the later one is gone")
  }

  /// 1 s doubling to 1000 s, fifteen times (FACTS B).
  @Test func aFailingServiceBacksOffAndIsDroppedInTheEnd() {
    var queue = ServiceWorkQueue(workers: 1, qps: 20, burst: 30)
    let waits = (0..<16).map { _ in queue.failed(a, at: at(10)).map { ($0 - at(10)).seconds } }
    #expect(
      waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000, 1000, 1000, nil])
    let outcome1 = queue.failed(a, at: at(10))
    #expect(outcome1 == at(11), "forgotten when dropped")
    queue.succeeded(a)
    let outcome2 = queue.failed(a, at: at(20))
    #expect(outcome2 == at(21), "forgotten when it went well")
  }

  /// All Services' retries together: a hundred at once, then ten a second.
  @Test func retriesOfManyServicesAreSpread() {
    var queue = ServiceWorkQueue(workers: 1, qps: 20, burst: 30)
    let times = (0..<130).map { queue.failed(ServiceID($0), at: at(0))!.seconds }
    #expect(times[0..<110].allSatisfy { $0 == 1 })
    #expect(times[129] == 3)
  }

  @Test(arguments: [
    (rate: 20.0, burst: 30, requests: 30, last: 0.0), (20, 30, 31, 0.05), (20, 30, 3030, 150),
    (20, 1, 3, 0.1), (5, 10, 15, 1),
  ]) func aBurstGoesAtOnceAndTheRestAtTheRate(rate: Double, burst: Int, requests: Int, last: Double) {
    var bucket = TokenBucket(rate: rate, burst: burst)
    let times = (0..<requests).map { _ in bucket.take(at: at(0)).seconds }
    #expect(abs(times.last! - last) < 1e-6)
    #expect(times == times.sorted())
  }

  @Test func anIdleBucketFillsUpAgain() {
    var bucket = TokenBucket(rate: 10, burst: 2)
    let first = (0..<3).map { _ in bucket.take(at: at(0)) }
    #expect(first == [at(0), at(0), at(0.1)])
    let later = (0..<3).map { _ in bucket.take(at: at(1)) }
    #expect(later == [at(1), at(1), at(1.1)])
  }
}
