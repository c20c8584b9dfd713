// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs the replications of several scenarios on several threads and hands the results over in one fixed
// order, whatever order they end in: replication by replication, within each the scenarios as given. So no
// number of threads changes a byte of what is made of them.

import Foundation
import Scenario
import SimKernel
import Synchronization

/// Says whether a run is to go on; asked from several threads.
public typealias GoOnQuestion = @Sendable () -> Bool

/// What is to become of a series of runs after one of its results.
public enum PoolDecision: Sendable {
  case goOn
  /// Results that come later in the order are not wanted.
  case enough
}

/// Work that is independent of each other, done on several threads.
public struct ReplicationPool: Sendable {
  /// One replication of one scenario.
  public struct Task: Sendable {
    /// Index among the scenarios.
    public var scenario: Int
    public var replication: Int
  }

  /// Threads that run at the same time.
  public let jobs: Int
  let goesOn: GoOnQuestion

  /// - Precondition: `jobs` is positive.
  public init(jobs: Int, goesOn: @escaping GoOnQuestion = { true }) {
    precondition(jobs > 0, "\(jobs) threads do no work")
    self.jobs = jobs
    self.goesOn = goesOn
  }

  /// Runs `replications` of each scenario under its name, or fewer if `take` has enough, and calls `take`
  /// with each result, on this thread and in order. At most a few results per thread are held.
  /// - Throws: what the first run that failed has thrown, or `take`; `RunInterrupted` if it does not go on.
  public func run(
    _ scenarios: [(name: String, file: ScenarioFile)], replications: Int,
    take: (Task, RunResult) throws -> PoolDecision
  ) throws {
    try each(scenarios.count * replications) { index, observer in
      let (replication, scenario) = index.quotientAndRemainder(dividingBy: scenarios.count)
      return try SimulationRun.run(
        scenarios[scenario].file, replication: replication, variant: scenarios[scenario].name,
        observer: observer)
    } take: { index, result in
      let (replication, scenario) = index.quotientAndRemainder(dividingBy: scenarios.count)
      return try take(Task(scenario: scenario, replication: replication), result)
    }
  }

  /// Does pieces of work and calls `take` with each result, on this thread and in order, until it has enough.
  /// - Parameter work: is given the number of the piece, and whom a run has to ask whether it is to go on.
  /// - Throws: what the first piece that failed has thrown, or `take`; `RunInterrupted` if it does not go on.
  public func each<Value: Sendable>(
    _ count: Int, _ work: @escaping @Sendable (Int, any RunObserver) throws -> Value,
    take: (Int, Value) throws -> PoolDecision
  ) throws {
    let board = TaskBoard<Value>(count: count, window: 2 * jobs)
    let goesOn = self.goesOn
    defer { board.stop() }
    for _ in 0..<min(jobs, count) {
      let thread = Thread {
        while let index = board.next() {
          board.put(
            Result { try work(index, StopWatcher { goesOn() && !board.isStopped }) }, at: index)
        }
        board.leave()
      }
      // The engine's frames are small, but debug builds of the decoder's types are not.
      thread.stackSize = 8 << 20
      board.enter()
      thread.start()
    }
    for index in 0..<count {
      let result = try board.take(index).get()
      guard goesOn() else { throw RunInterrupted(at: .zero) }
      if case .enough = try take(index, result) { return }
    }
  }
}

/// Lets the engine stop when nobody wants its result any more.
private final class StopWatcher: RunObserver {
  private let goesOn: GoOnQuestion
  init(goesOn: @escaping GoOnQuestion) { self.goesOn = goesOn }
  func progress(now: SimTime, end: SimTime, events: Int) -> Bool { goesOn() }
}

/// Which tasks are given out and which results wait. Everything is read and written under the condition's
/// lock, which the compiler cannot see.
private final class TaskBoard<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private let count: Int
  /// How far a thread may be ahead of the results that were taken.
  private let window: Int
  private var given = 0
  private var taken = 0
  private var threads = 0
  private var results: [Int: Result<Value, any Error>] = [:]
  private let stopped = Atomic<Bool>(false)

  init(count: Int, window: Int) {
    self.count = count
    self.window = window
  }

  var isStopped: Bool { stopped.load(ordering: .relaxed) }

  func enter() { locked { threads += 1 } }
  func leave() { locked { threads -= 1 } }

  /// The next task; nil when there is none any more.
  func next() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    while !isStopped, given < count, given >= taken + window { condition.wait() }
    guard !isStopped, given < count else { return nil }
    given += 1
    return given - 1
  }

  func put(_ result: Result<Value, any Error>, at index: Int) { locked { results[index] = result } }

  /// Waits for one result.
  func take(_ index: Int) -> Result<Value, any Error> {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let result = results.removeValue(forKey: index) {
        taken = index + 1
        condition.broadcast()
        return result
      }
      condition.wait()
    }
  }

  /// Ends all threads and waits for them.
  func stop() {
    stopped.store(true, ordering: .relaxed)
    condition.lock()
    condition.broadcast()
    while threads > 0 { condition.wait() }
    condition.unlock()
  }

  private func locked(_ body: () -> Void) {
    condition.lock()
    body()
    condition.broadcast()
    condition.unlock()
  }
}
