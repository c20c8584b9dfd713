// SPDX-License-Identifier: GPL-3.0-or-later
//
// A process that listens on one port: its workers, its queue, the connections it holds and those that wait to
// be accepted. Takes arrivals, answers when the work will be done; schedules nothing.

import NetworkTypes
import SimKernel
import SimRandom

public struct ServerProcess: Sendable {
  public enum SynAnswer: Sendable { case accepted, queued, closed, backlogFull }
  public enum Admission: Sendable, Equatable {
    case servedAt(SimTime)
    /// The queue is full: the request is never answered.
    case overflow
  }

  public let settings: Int
  public let host: HostReference
  public let port: UInt16
  public let transport: TransportProtocol
  /// Accepts new connections.
  public var isListening = true
  /// The process exists.
  public var isRunning = true
  /// It takes connections and answers no request.
  public var isHanging = false
  public private(set) var openConnections = 0
  public private(set) var requestsInSystem = 0
  /// Connections in the accept queue, oldest first: slot and generation.
  public private(set) var acceptQueue: [(slot: UInt32, generation: UInt16)] = []

  private let concurrency: Int?
  private let queueLimit: Int?
  private let connectionLimit: Int?
  private let backlog: Int
  /// When each worker is free, nanoseconds: a binary heap by time. Empty for unlimited workers.
  private var workerFree: [Int64]
  /// Work taken on so far, nanoseconds. Unlimited workers: minus the start of each request, plus its end.
  private var work: Int64 = 0

  public init(_ s: ServerSettings, settings index: Int, host: HostReference, port: UInt16) {
    settings = index
    self.host = host
    self.port = port
    transport = s.transport
    concurrency = s.concurrency
    queueLimit = s.queue
    connectionLimit = s.maxConnections
    backlog = s.backlog
    workerFree = [Int64](repeating: 0, count: s.concurrency ?? 0)
  }

  /// A SYN arrives. The accept queue holds backlog + 1 connections (Linux sk_acceptq_is_full).
  public mutating func receiveSyn(slot: UInt32, generation: UInt16) -> SynAnswer {
    guard isListening else { return .closed }
    if let limit = connectionLimit, openConnections >= limit {
      guard acceptQueue.count <= backlog else { return .backlogFull }
      acceptQueue.append((slot, generation))
      return .queued
    }
    openConnections += 1
    return .accepted
  }

  /// A connection that was accepted is over.
  /// - Returns: the connection that is accepted in its place, if one waited.
  public mutating func closeConnection() -> (slot: UInt32, generation: UInt16)? {
    assert(openConnections > 0)
    openConnections -= 1
    guard !acceptQueue.isEmpty, isRunning else { return nil }
    openConnections += 1
    return acceptQueue.removeFirst()
  }

  /// A connection leaves the accept queue before it was accepted.
  public mutating func leaveQueue(slot: UInt32, generation: UInt16) {
    acceptQueue.removeAll { $0.slot == slot && $0.generation == generation }
  }

  /// A request arrives: which worker takes it, and until when. First come, first served.
  public mutating func receiveRequest(now: SimTime, serviceTime: SimDuration) -> Admission {
    guard let workers = concurrency else {
      requestsInSystem += 1
      work -= now.nanoseconds
      return .servedAt(now + serviceTime)
    }
    if let limit = queueLimit, requestsInSystem >= workers + limit { return .overflow }
    requestsInSystem += 1
    work += serviceTime.nanoseconds
    let done = SimTime(nanoseconds: max(now.nanoseconds, workerFree[0])) + serviceTime
    replaceEarliestWorker(done.nanoseconds)
    return .servedAt(done)
  }

  public mutating func finishRequest(now: SimTime) {
    assert(requestsInSystem > 0)
    requestsInSystem -= 1
    if concurrency == nil { work += now.nanoseconds }
  }

  /// How long workers have been busy up to now, summed over them.
  public func busyTime(until now: SimTime) -> SimDuration {
    if concurrency == nil {
      return SimDuration(nanoseconds: work + Int64(requestsInSystem) * now.nanoseconds)
    }
    // A worker that is free later than now is busy from now until then.
    let ahead = workerFree.reduce(0) { $0 + max(0, $1 - now.nanoseconds) }
    return SimDuration(nanoseconds: work - ahead)
  }

  private mutating func replaceEarliestWorker(_ free: Int64) {
    let count = workerFree.count
    var hole = 0
    while true {
      var child = hole * 2 + 1
      guard child < count else { break }
      if child + 1 < count, workerFree[child + 1] < workerFree[child] { child += 1 }
      guard workerFree[child] < free else { break }
      workerFree[hole] = workerFree[child]
      hole = child
    }
    workerFree[hole] = free
  }
}
