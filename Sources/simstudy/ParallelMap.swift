// SPDX-License-Identifier: GPL-3.0-or-later
//
// Independent experiments on several threads; results in the order of the experiments, whoever ran them.

import Foundation

/// Calls `body` with 0 ..< `count` on `jobs` threads.
/// - Throws: what the first experiment that failed has thrown.
func parallelMap<Value: Sendable>(
  _ count: Int, jobs: Int, _ body: @escaping @Sendable (Int) throws -> Value
) throws -> [Value] {
  let board = ExperimentBoard<Value>(count: count)
  for _ in 0..<jobs {
    let thread = Thread {
      while let index = board.next() { board.put(Result { try body(index) }, at: index) }
      board.leave()
    }
    thread.stackSize = 8 << 20
    board.enter()
    thread.start()
  }
  return try board.wait().map { try $0.get() }
}

/// Which experiments are given out, and their results; all under the condition's lock, which the compiler
/// cannot see.
private final class ExperimentBoard<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var given = 0
  private var threads = 0
  private var results: [Result<Value, any Error>?]

  init(count: Int) { results = Array(repeating: nil, count: count) }

  func enter() { locked { threads += 1 } }
  func leave() { locked { threads -= 1 } }
  func put(_ result: Result<Value, any Error>, at index: Int) { locked { results[index] = result } }

  func next() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    guard given < results.count else { return nil }
    given += 1
    return given - 1
  }

  func wait() -> [Result<Value, any Error>] {
    condition.lock()
    defer { condition.unlock() }
    while threads > 0 { condition.wait() }
    return results.map { $0! }
  }

  private func locked(_ body: () -> Void) {
    condition.lock()
    body()
    condition.broadcast()
    condition.unlock()
  }
}
