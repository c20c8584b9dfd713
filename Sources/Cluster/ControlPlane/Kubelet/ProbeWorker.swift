// SPDX-License-Identifier: GPL-3.0-or-later
//
// One probe of one container (k/k pkg/kubelet/prober/worker.go). Its ticks are a period apart, counted from the
// kubelet's first look at the pod, not from the container's start; a tick before the initial delay is over, or
// while the startup probe has not succeeded, does nothing. A result counts when it came so many times in a row.
// Ticks are not events: as long as a probe finds the same, the tick at which that becomes the result follows.

import SimKernel

/// Counts what a probe finds and says when its result changes.
struct ProbeWorker: Sendable, Equatable {
  enum Kind: UInt8, Sendable { case startup, readiness, liveness }
  /// What one probing finds, and how long that takes.
  struct Finding: Sendable, Equatable {
    var isSuccess: Bool
    var takes: SimDuration
    static let success = Finding(isSuccess: true, takes: .zero)
    static let refused = Finding(isSuccess: false, takes: .zero)
  }
  /// The probing that will decide, and when it ends.
  struct Verdict: Sendable, Equatable {
    var probedAt: SimTime
    var at: SimTime
    var isSuccess: Bool
  }

  let kind: Kind
  let container: Int
  let probe: Probe
  /// One of its ticks.
  private(set) var origin: SimTime
  /// What the results manager holds; nil: nothing yet.
  private(set) var result: Bool?
  private(set) var verdict: Verdict?

  private var enabledFrom = SimTime.distantFuture
  /// The result ended the container: no more probing until there is another one.
  private var isOnHold = false
  private var finding: Finding?
  private var lastSuccess: Bool?
  private var run = 0
  /// Ticks before this are counted.
  private var cursor = SimTime.zero
  /// More than any threshold (int32 in the API).
  private static let countless = 1 << 32

  init(_ kind: Kind, container: Int, _ probe: Probe, origin: SimTime) {
    self.kind = kind
    self.container = container
    self.probe = probe
    self.origin = origin
  }

  // MARK: Inputs

  /// A container that has long been as it should be, at t = 0.
  mutating func settle(_ finding: Finding, at now: SimTime) {
    result = finding.isSuccess
    self.finding = finding
    lastSuccess = finding.isSuccess
    run = Self.countless
    (cursor, enabledFrom) = (now, now)
  }

  /// A container has started whose results begin anew: a readiness probe with failure, a liveness probe with
  /// success, a startup probe without any. The count of equal results goes on, as upstream.
  mutating func containerStarted(at now: SimTime) {
    switch kind {
    case .startup: result = nil
    case .readiness: result = false
    case .liveness: result = true
    }
    verdict = nil
    isOnHold = false
    enabledFrom = .distantFuture
    cursor = max(cursor, now)
  }

  /// The kubelet knows that the container runs and that this probe's turn has come.
  mutating func enable(from time: SimTime, at now: SimTime) {
    guard enabledFrom == .distantFuture else { return }
    enabledFrom = max(time, now)
    cursor = max(cursor, now)
    plan(at: now)
  }

  mutating func disable() {
    enabledFrom = .distantFuture
    verdict = nil
  }

  /// From now on a probing finds this. A probing under way keeps what it found.
  mutating func finds(_ new: Finding, at now: SimTime) {
    if finding == new { return }
    count(until: now)
    finding = new
    plan(at: now)
  }

  /// A probing out of turn.
  mutating func probe(at now: SimTime) {
    guard let finding, now >= enabledFrom, !isOnHold, !isUnderWay(at: now) else { return }
    count(until: now)
    note(finding.isSuccess, times: 1)
    if run >= threshold(finding.isSuccess), result != finding.isSuccess {
      verdict = Verdict(probedAt: now, at: now + finding.takes, isSuccess: finding.isSuccess)
    } else {
      plan(at: now)
    }
  }

  /// The time of its verdict has come.
  /// - Returns: whether the result is another one.
  mutating func decide(at now: SimTime) -> Bool {
    guard let due = verdict, due.at <= now else { return false }
    verdict = nil
    lastSuccess = due.isSuccess
    run = max(run, threshold(due.isSuccess))
    cursor = max(cursor, due.probedAt + .nanoseconds(1))
    let isNew = result != due.isSuccess
    result = due.isSuccess
    if !due.isSuccess, kind != .readiness {
      isOnHold = true
      run = 0
    }
    plan(at: now)
    return isNew
  }

  // MARK: Counting

  private func threshold(_ isSuccess: Bool) -> Int {
    max(1, isSuccess ? probe.successThreshold : probe.failureThreshold)
  }

  private func isUnderWay(at now: SimTime) -> Bool { verdict.map { $0.probedAt < now } ?? false }

  /// A probing that takes longer than the period delays the next one.
  private func spacing(_ finding: Finding) -> SimDuration { max(probe.period, finding.takes) }

  private func firstTick(from time: SimTime) -> SimTime {
    let period = max(1, probe.period.nanoseconds)
    let gap = time.nanoseconds - origin.nanoseconds
    let rest = ((gap % period) + period) % period
    return rest == 0 ? time : time + .nanoseconds(period - rest)
  }

  private mutating func note(_ isSuccess: Bool, times: Int) {
    run = lastSuccess == isSuccess ? min(Self.countless, run + times) : times
    lastSuccess = isSuccess
  }

  private mutating func count(until now: SimTime) {
    defer { cursor = max(cursor, now) }
    guard let finding, !isOnHold, !isUnderWay(at: now), enabledFrom < now else { return }
    let first = firstTick(from: max(cursor, enabledFrom))
    guard first < now else { return }
    let times = (now - first - .nanoseconds(1)).nanoseconds / spacing(finding).nanoseconds + 1
    note(finding.isSuccess, times: Int(times))
  }

  private mutating func plan(at now: SimTime) {
    if isUnderWay(at: now) { return }
    verdict = nil
    guard let finding, !isOnHold, enabledFrom < .distantFuture, result != finding.isSuccess else { return }
    let before = lastSuccess == finding.isSuccess ? run : 0
    let missing = max(1, threshold(finding.isSuccess) - before)
    let first = firstTick(from: max(cursor, enabledFrom))
    let probedAt = first + spacing(finding) * Int64(missing - 1)
    verdict = Verdict(probedAt: probedAt, at: probedAt + finding.takes, isSuccess: finding.isSuccess)
  }
}
