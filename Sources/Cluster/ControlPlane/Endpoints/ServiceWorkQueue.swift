// SPDX-License-Identifier: GPL-3.0-or-later
//
// The work queue of a controller that works on Services (client-go util/workqueue): a Service waits for its
// delay, then in line for a worker; it is in line once, and while it is worked on it comes back afterwards.
// Failed ones come back after a back-off. Decides who is next and when; does no work.

import SimKernel

struct ServiceWorkQueue: Sendable {
  /// k/k pkg/controller/endpointslice: first and longest back-off of a Service, tries before it is dropped.
  static let firstBackoff = SimDuration.seconds(1)
  static let longestBackoff = SimDuration.seconds(1000)
  static let retriesMax = 15

  /// Delayed additions: when each Service joins the line.
  private(set) var waiting: [ServiceID: SimTime] = [:]
  private var line: [ServiceID] = []
  /// Start of what is left of `line`.
  private var head = 0
  /// In line, or to come back when the present work on it is done.
  private var isDirty: Set<ServiceID> = []
  private var inWork: Set<ServiceID> = []
  private(set) var freeWorkers: Int
  private var failures: [ServiceID: Int] = [:]
  /// Of all retries together: 10 a second, burst 100 (k/k pkg/controller/endpointslice, NewController).
  private var retries = TokenBucket(rate: 10, burst: 100)
  /// The controller's API client.
  private var client: TokenBucket

  init(workers: Int, qps: Double, burst: Int) {
    freeWorkers = workers
    client = TokenBucket(rate: qps, burst: burst)
  }

  /// Services in line.
  var backlog: Int { line.count - head }

  /// Asks for work on a Service at a later time. An earlier request stands.
  /// - Returns: false if an earlier request or one for the same time is there.
  mutating func add(_ service: ServiceID, at time: SimTime) -> Bool {
    if let known = waiting[service], known <= time { return false }
    waiting[service] = time
    return true
  }

  /// The time of a delayed addition has come; one that was replaced by an earlier one is ignored.
  mutating func joinLine(_ service: ServiceID, at now: SimTime) {
    guard waiting[service] == now else { return }
    waiting[service] = nil
    guard isDirty.insert(service).inserted, !inWork.contains(service) else { return }
    line.append(service)
  }

  /// Gives a free worker the next Service in line.
  mutating func takeNext() -> ServiceID? {
    guard freeWorkers > 0, head < line.count else { return nil }
    let service = line[head]
    head += 1
    if head > 64, head * 2 > line.count {
      line.removeFirst(head)
      head = 0
    }
    isDirty.remove(service)
    inWork.insert(service)
    freeWorkers -= 1
    return service
  }

  /// A worker is done with a Service, which gets in line again if it was asked for meanwhile.
  mutating func finish(_ service: ServiceID) {
    inWork.remove(service)
    freeWorkers += 1
    if isDirty.contains(service) { line.append(service) }
  }

  mutating func succeeded(_ service: ServiceID) { failures[service] = nil }

  /// The work failed.
  /// - Returns: when to try again; nil: it has been tried often enough.
  mutating func failed(_ service: ServiceID, at now: SimTime) -> SimTime? {
    let before = failures[service] ?? 0
    guard before < Self.retriesMax else {
      failures[service] = nil
      return nil
    }
    failures[service] = before + 1
    let backoff = min(Self.longestBackoff, Self.firstBackoff * (1 << Int64(min(before, 20))))
    return max(now + backoff, retries.take(at: now))
  }

  /// When the API client may send the next request.
  mutating func request(at now: SimTime) -> SimTime { client.take(at: now) }

  /// The process has started anew: nothing is in line, no worker has anything.
  mutating func restart(workers: Int) {
    (waiting, line, head, isDirty, inWork, failures) = ([:], [], 0, [], [], [:])
    freeWorkers = workers
  }
}
