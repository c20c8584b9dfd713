// SPDX-License-Identifier: GPL-3.0-or-later
//
// Session affinity with many clients: iptables remembers 100 addresses per endpoint, nftables all of them
// (FACTS D1, D2).

#if os(Linux)
  import KernelLab
  import NetworkTypes

  extension LabRun {
    /// Hundreds of clients connect once each, one after the other, and later again.
    func stickyChecks() throws -> [LabCheck] {
      guard let target = cluster.targets.first(where: { $0.isSticky && $0.isMachine }),
        var vantage = cluster.vantages.first(where: { $0.from.hasPrefix("external/") })
      else { throw LabError.unusable("the scenario has no sticky Service with a node port") }
      let crowd = LabCluster.crowd
      vantage.from = "external/\(crowd[0])"
      var predictor = try LabPredictor(cluster)
      let prediction = LabPrediction(ways: try predictor.sure(target, from: vantage).ways)
      let first = try connect(crowd, to: target, from: vantage)
      let check = LabCheck(
        target: target.name, vantage: vantage.name, prediction: prediction, attempts: first)
      let ends = Self.ends(first)
      let remembered = AffinityMemory(
        ends, limit: cluster.mode == .iptables ? AffinityMemory.recentLimit : nil)
      let spread = LabCheck(
        story: .init(
          predicted: "\(prediction.ways.count) pods, each with its share", met: LabTable.spread(first)),
        name: "sticky: first connections of \(crowd.count) clients", vantage: vantage.name, attempts: first,
        problems: check.problems, counts: shares(prediction, first))
      return [spread] + (try secondTime(target, vantage, crowd, ends, remembered, prediction))
    }

    private func secondTime(
      _ target: LabTarget, _ vantage: LabVantage, _ crowd: [IPv4Address], _ ends: [LabEnd?],
      _ memory: AffinityMemory, _ prediction: LabPrediction
    ) throws -> [LabCheck] {
      // The newest first: a client that is stamped again keeps its place among those that are remembered.
      let known = Array(memory.remembered.reversed())
      let again = Self.ends(try connect(known.map { crowd[$0] }, to: target, from: vantage))
      let kept = zip(known, again).filter { ends[$0] == $1 && $1 != nil }.count
      var checks = [
        LabCheck(
          story: .init(
            predicted: "all \(known.count) to their old endpoint", met: "\(kept) of \(known.count)"),
          name: "sticky: second connection, remembered", vantage: vantage.name, attempts: [],
          problems: kept == known.count ? [] : ["\(known.count - kept) clients were sent elsewhere"])
      ]
      let forgotten = memory.forgotten
      guard !forgotten.isEmpty else { return checks }
      let attempts = try connect(forgotten.map { crowd[$0] }, to: target, from: vantage)
      let same = zip(forgotten, Self.ends(attempts)).filter { ends[$0] == $1 && $1 != nil }.count
      let expected = forgotten.reduce(0.0) { sum, client in
        sum + prediction.ways.filter { $0.server == ends[client] }.reduce(0) { $0 + $1.probability }
      }
      let count = forgotten.count
      checks.append(
        LabCheck(
          story: .init(
            predicted: "about \(Int(expected.rounded())) of \(count) to their old endpoint",
            met: "\(same) of \(count)"),
          name: "sticky: second connection, beyond 100 per endpoint", vantage: vantage.name,
          attempts: attempts, problems: [],
          counts: [(same, expected), (count - same, Double(count) - expected)]))
      return checks
    }

    private func connect(
      _ clients: [IPv4Address], to target: LabTarget, from vantage: LabVantage
    ) throws -> [LabAttempt] {
      let probe = Probe(
        from: namespace(of: vantage), to: target.end, transport: target.transport, attempts: clients.count,
        sources: clients, isSequential: true)
      return try loop.run([probe])[0]
    }

    /// Who answered; nil where nobody did.
    static func ends(_ attempts: [LabAttempt]) -> [LabEnd?] {
      attempts.map { if case .answered(let answer) = $0.meeting { answer.server } else { nil } }
    }

    private func shares(
      _ prediction: LabPrediction, _ attempts: [LabAttempt]
    ) -> [(observed: Int, expected: Double)] {
      let ends = Self.ends(attempts)
      let servers = Set(prediction.ways.compactMap(\.server)).sorted()
      return servers.map { server in
        let chance = prediction.ways.filter { $0.server == server }.reduce(0) { $0 + $1.probability }
        return (ends.filter { $0 == server }.count, chance * Double(attempts.count))
      }
    }
  }
#endif
