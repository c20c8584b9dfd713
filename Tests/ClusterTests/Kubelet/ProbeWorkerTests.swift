// SPDX-License-Identifier: GPL-3.0-or-later
//
// One probe alone: what the application does, and at which instants the result changes. The long way round, a
// loop over ticks, must find the same.

import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct ProbeWorkerTests {
  typealias Finding = ProbeWorker.Finding
  static let timeout = Finding(isSuccess: false, takes: .seconds(1))

  static func seconds(_ value: Double) -> SimTime { .zero + SimDuration(seconds: value) }

  /// A probe whose ticks are at 2, 12, 22 … s, of a container that starts at 5 s.
  static func worker(_ kind: ProbeWorker.Kind, _ change: (inout Probe) -> Void = { _ in }) -> ProbeWorker {
    var probe = Probe(.httpGet)
    change(&probe)
    var worker = ProbeWorker(kind, container: 0, probe, origin: seconds(2))
    worker.containerStarted(at: seconds(5))
    worker.finds(.refused, at: seconds(5))
    return worker
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var kind = ProbeWorker.Kind.readiness
    var change: @Sendable (inout Probe) -> Void = { _ in }
    var delay = 0.0
    /// What the application does from when on.
    var findings: [(at: Double, Finding)]
    /// Results and their times.
    var results: [(Double, Bool)]
    var testDescription: String { name }
  }

  static let cases: [Case] = [
    Case(name: "ready at the tick after the first answer", findings: [(6, .success)], results: [(12, true)]),
    Case(
      name: "no tick counts before the initial delay is over", delay: 10, findings: [(6, .success)],
      results: [(22, true)]),
    Case(
      name: "successThreshold", change: { $0.successThreshold = 3 }, findings: [(6, .success)],
      results: [(32, true)]),
    Case(
      name: "three failures in a row make it unready", findings: [(6, .success), (40, .refused)],
      results: [(12, true), (62, false)]),
    Case(
      name: "two failures do not", findings: [(6, .success), (40, .refused), (55, .success)],
      results: [(12, true)]),
    Case(
      name: "a success between begins the count anew",
      findings: [(6, .success), (40, .refused), (55, .success), (65, .refused)],
      results: [(12, true), (92, false)]),
    Case(
      name: "one success makes it ready again",
      findings: [(6, .success), (40, .refused), (70, .success)],
      results: [(12, true), (62, false), (72, true)]),
    Case(
      name: "a probing that times out ends later", findings: [(6, .success), (40, timeout)],
      results: [(12, true), (63, false)]),
    Case(
      name: "a probing under way keeps its outcome", findings: [(6, .success), (40, timeout), (62.5, .success)],
      results: [(12, true), (63, false), (72, true)]),
    Case(
      name: "a change at the tick counts", findings: [(6, .success), (42, .refused)],
      results: [(12, true), (62, false)]),
    Case(
      name: "a timeout longer than the period spaces the probings",
      findings: [(6, .success), (40, Finding(isSuccess: false, takes: .seconds(15)))],
      results: [(12, true), (87, false)]),
    Case(
      name: "a startup probe succeeds once", kind: .startup, findings: [(6, .success)],
      results: [(12, true)]),
    Case(
      name: "a startup probe that fails is on hold", kind: .startup, findings: [(33, .success)],
      results: [(32, false)]),
    Case(
      name: "a liveness probe begins with success", kind: .liveness, change: { $0.failureThreshold = 1 },
      findings: [(6, .success), (15, .refused)], results: [(22, false)]),
  ]

  @Test(arguments: cases) func `results change at these instants`(_ c: Case) {
    var worker = Self.worker(c.kind, c.change)
    worker.enable(from: Self.seconds(5 + c.delay), at: Self.seconds(5))
    var results: [(Double, Bool)] = []
    func run(to end: SimTime) {
      while let due = worker.verdict, due.at < end {
        if worker.decide(at: due.at) { results.append((due.at.seconds, worker.result!)) }
      }
    }
    for (at, finding) in c.findings {
      run(to: Self.seconds(at))
      worker.finds(finding, at: Self.seconds(at))
    }
    run(to: Self.seconds(200))
    #expect(results.map(\.0) == c.results.map(\.0))
    #expect(results.map(\.1) == c.results.map(\.1))
  }

  @Test func `a probing out of turn makes a container ready before its tick`() {
    var worker = Self.worker(.readiness)
    worker.enable(from: Self.seconds(5), at: Self.seconds(5))
    worker.finds(.success, at: Self.seconds(6))
    worker.probe(at: Self.seconds(7))
    #expect(worker.verdict?.at == Self.seconds(7))
    let isNew = worker.decide(at: Self.seconds(7))
    #expect(isNew)
    #expect(worker.result == true)
  }

  @Test func `on hold until there is another container`() {
    var worker = Self.worker(.liveness) { $0.failureThreshold = 1 }
    worker.enable(from: Self.seconds(5), at: Self.seconds(5))
    #expect(worker.verdict?.at == Self.seconds(12))
    let isNew = worker.decide(at: Self.seconds(12))
    #expect(isNew)
    #expect(worker.verdict == nil)
    worker.containerStarted(at: Self.seconds(15))
    worker.enable(from: Self.seconds(15), at: Self.seconds(15))
    #expect(worker.verdict?.at == Self.seconds(22))
  }

  /// The same by going from tick to tick, findings without duration.
  private static func ticked(
    _ probe: Probe, from: Double, _ findings: [(at: Double, Finding)], until end: Double
  ) -> [Double] {
    var (result, last, run) = (false, false, 0)
    var changes: [Double] = []
    var tick = 2.0
    while tick < end {
      defer { tick += probe.period.seconds }
      guard tick >= from, let now = findings.last(where: { $0.at <= tick })?.1.isSuccess else { continue }
      run = run > 0 && last == now ? run + 1 : 1
      last = now
      let threshold = now ? probe.successThreshold : probe.failureThreshold
      guard run >= threshold, result != now else { continue }
      result = now
      changes.append(tick)
    }
    return changes
  }

  @Test(arguments: 0..<200) func `what is computed is what ticking finds`(seed: UInt64) {
    var stream = RandomStream(
      key: RandomKey(seed: seed, replication: 0, purpose: RandomPurpose("probe test"), entity: 0))
    var probe = Probe(.httpGet)
    probe.period = .seconds(Int64(1 + stream.below(7)))
    probe.successThreshold = Int(1 + stream.below(3))
    probe.failureThreshold = Int(1 + stream.below(4))
    var worker = ProbeWorker(.readiness, container: 0, probe, origin: Self.seconds(2))
    worker.containerStarted(at: Self.seconds(5))
    worker.finds(.refused, at: Self.seconds(5))
    worker.enable(from: Self.seconds(5), at: Self.seconds(5))
    var findings: [(at: Double, Finding)] = [(5, .refused)]
    var found: [Double] = []
    func run(to end: SimTime) {
      while let due = worker.verdict, due.at < end { if worker.decide(at: due.at) { found.append(due.at.seconds) } }
    }
    var at = 5.0
    for number in 0..<20 {
      at += Double(1 + stream.below(40)) / 4
      let finding: Finding = number % 2 == 0 ? .success : .refused
      findings.append((at, finding))
      run(to: Self.seconds(at))
      worker.finds(finding, at: Self.seconds(at))
    }
    run(to: Self.seconds(300))
    #expect(found == Self.ticked(probe, from: 5, findings, until: 300))
  }
}
