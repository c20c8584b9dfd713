// SPDX-License-Identifier: GPL-3.0-or-later
//
// UDP flows whose endpoint left: their conntrack entries keep them at the old pod, until kube-proxy deletes
// those that our `ConntrackCleanup` names; it names none of a Service without any endpoint left (FACTS C10).

#if os(Linux)
  import Cluster
  import KernelLab
  import NetworkTypes
  import Proxy
  import Scenario
  import SimKernel
  import Simulation

  extension LabRun {
    func staleUDPChecks() throws -> [LabCheck] {
      let (vantage, node) = try plainClient()
      guard let pair = cluster.targets.first(where: { $0.name.hasPrefix("udp clusterIP") }),
        let solo = cluster.targets.first(where: { $0.name.hasPrefix("solo clusterIP") })
      else { throw LabError.unusable("the scenario has no Services udp and solo") }
      let flows = try hold(pair, vantage, 40)
      let lonely = try hold(solo, vantage, 5)
      defer { for flow in flows + lonely { loop.end(flow) } }
      let end = SimTime.zero + cluster.file.duration
      try loadRules(at: end)
      let cleanups = try SimulationRun.conntrackCleanups(cluster.file, after: cluster.time, upTo: end)
        .filter { $0.node == cluster.plan.nodes[node].name }.map(\.cleanup)
      var checks = [stays(flows, vantage, "UDP flows, endpoint left, no clean-up")]
      let old = Set(Self.ends((flows + lonely).map(\.attempt)).compactMap { $0 })
      for cleanup in cleanups { try perform(cleanup, node: node, known: old) }
      checks.append(moves(flows, pair, vantage, cleanups))
      checks.append(stays(lonely, vantage, "UDP flows, last endpoint left, after all clean-ups"))
      return checks + (try fresh([pair, solo], vantage, at: end))
    }

    /// Deletes what kube-proxy would: entries to the Service whose reply comes from none that serves.
    private func perform(_ cleanup: ConntrackCleanup, node: Int, known: Set<LabEnd>) throws {
      let serving = Set(cleanup.serving.map { LabEnd($0.address, $0.port) })
      for gone in known.subtracting(serving).sorted() {
        for frontend in cleanup.frontends {
          try forget(node: node, .udp, LabEnd(frontend.address, frontend.port), repliesFrom: gone)
        }
      }
    }

    private func stays(_ flows: [HeldFlow], _ vantage: LabVantage, _ name: String) -> LabCheck {
      let before = Self.ends(flows.map(\.attempt))
      let after = loop.askAgain(flows)
      let same = zip(before, after).filter { end, meeting in
        if case .answered(let answer) = meeting { return answer.server == end }
        return false
      }.count
      return LabCheck(
        story: .init(predicted: "all \(flows.count) stay where they were", met: "\(same) stay"), name: name,
        vantage: vantage.name, attempts: flows.map(\.attempt),
        problems: same == flows.count ? [] : ["\(flows.count - same) met something else"])
    }

    private func moves(
      _ flows: [HeldFlow], _ target: LabTarget, _ vantage: LabVantage, _ cleanups: [ConntrackCleanup]
    ) -> LabCheck {
      // The last clean-up of the Service knows who serves in the end.
      let last = cleanups.last { $0.frontends.contains { $0.address == target.end.address } }
      let serving = Set((last?.serving ?? []).map { LabEnd($0.address, $0.port) })
      let before = Self.ends(flows.map(\.attempt))
      let stale = before.filter { $0.map { !serving.contains($0) } ?? false }.count
      let after = loop.askAgain(flows)
      let served = after.filter { meeting in
        if case .answered(let answer) = meeting { return serving.contains(answer.server) }
        return false
      }.count
      return LabCheck(
        story: .init(
          predicted: "all \(flows.count) at an endpoint that serves, \(stale) of them moved",
          met: "\(served) at one"),
        name: "UDP flows, endpoint left, entries deleted as ConntrackCleanup says", vantage: vantage.name,
        attempts: flows.map(\.attempt),
        problems: served == flows.count && stale > 0
          ? [] : ["\(flows.count - served) were not, \(stale) were stale"])
    }

    /// What new flows meet at that later time.
    private func fresh(
      _ targets: [LabTarget], _ vantage: LabVantage, at time: SimTime
    ) throws -> [LabCheck] {
      var predictor = try LabPredictor(cluster, at: time)
      return try targets.map { target in
        let prediction = try predictor.sure(target, from: vantage)
        let probe = Probe(
          from: namespace(of: vantage), to: target.end, transport: target.transport, attempts: 5)
        let attempts = try loop.run([probe])[0]
        let check = LabCheck(
          target: target.name, vantage: vantage.name, prediction: prediction, attempts: attempts)
        return LabCheck(
          story: .init(predicted: prediction.summary, met: LabTable.spread(attempts)),
          name: "new UDP flows after that: \(target.name)", vantage: vantage.name, attempts: attempts,
          problems: check.problems)
      }
    }
  }
#endif
