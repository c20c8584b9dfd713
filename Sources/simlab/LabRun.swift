// SPDX-License-Identifier: GPL-3.0-or-later
//
// One mode in the lab: the cluster is built, each node gets its rules, and everything is tried.

#if os(Linux)
  import KernelLab
  import NetworkTypes
  import Scenario
  import SimKernel
  import Simulation

  final class LabRun {
    let cluster: LabCluster
    let network: LabNetwork
    let loop = ProbeLoop()
    private let connections: Int
    /// What was not loaded as it was printed.
    private(set) var remarks: [String] = []
    /// Done to every text before it is loaded.
    private let damages: [LabDamage]
    private var damagedLines: [Int]

    init(_ cluster: LabCluster, connections: Int, damages: [LabDamage] = []) throws {
      self.cluster = cluster
      self.connections = connections
      self.damages = damages
      damagedLines = [Int](repeating: 0, count: damages.count)
      network = try LabNetwork(cluster.plan)
      for (index, pod) in cluster.plan.pods.enumerated() {
        for port in pod.ports {
          try loop.listen(in: network.pods[index], at: LabEnd(pod.address, port.number), port.transport)
        }
      }
      for (address, port) in LabCluster.outsideServers(cluster.file) {
        guard let index = cluster.plan.outsiders.firstIndex(where: { $0.address == address }) else {
          continue
        }
        try loop.listen(in: network.outsiders[index], at: LabEnd(address, port.number), port.transport)
      }
    }

    /// Everything, in the order of the table.
    func checks(progress: (String) -> Void) throws -> [LabCheck] {
      progress("loading rules")
      for node in cluster.plan.nodes.indices { try network.clearRules(node: node) }
      try loadRules(at: cluster.time)
      progress("every address from every place")
      var checks = try matrix()
      progress("affinity with many clients")
      checks += try stickyChecks()
      progress("connections whose entry is deleted")
      checks += try midStreamChecks()
      progress("refusals in a burst")
      checks += try burstChecks()
      progress("UDP entries after an endpoint left")
      checks += try staleUDPChecks()
      return checks
    }

    /// Each node gets what its kube-proxy has at `time`; connections stay.
    func loadRules(at time: SimTime) throws {
      for (index, node) in cluster.plan.nodes.enumerated() {
        let rules = try SimulationRun.rules(cluster.file, node: node.name, at: time)
        let wanted = cluster.mode == .iptables ? "iptables-save" : "nft list table ip kube-proxy"
        guard let printed = rules.texts.first(where: { $0.command == wanted })?.text else {
          throw LabError.unusable("\(node.name) has no rules that '\(wanted)' would print")
        }
        let text = damaged(printed)
        switch cluster.mode {
        case .iptables: note(try network.loadIptables(text, node: index))
        case .nftables: try network.loadNftables(text, node: index)
        }
      }
    }

    private func damaged(_ text: String) -> String {
      var text = text
      for (index, damage) in damages.enumerated() {
        let result = damage.apply(to: text, isNftables: cluster.mode == .nftables)
        text = result.text
        damagedLines[index] += result.lines
      }
      return text
    }

    /// With damaged rules: whether the addresses of each damaged Service disagree.
    func noticed(level: Double) throws -> [(damage: LabDamage, lines: Int, disagreements: Int)] {
      for node in cluster.plan.nodes.indices { try network.clearRules(node: node) }
      try loadRules(at: cluster.time)
      let judgement = LabJudgement(try matrix(), level: level)
      return damages.enumerated().map { index, damage in
        let found = judgement.disagreements.filter {
          judgement.checks[$0].target.hasPrefix(damage.service + " ")
        }
        return (damage, damagedLines[index], found.count)
      }
    }

    private func note(_ new: [String]) {
      for remark in new where !remarks.contains(remark) { remarks.append(remark) }
    }

    func namespace(of vantage: LabVantage) -> NetworkNamespace {
      switch vantage.place {
      case .node(let index): network.nodes[index]
      case .pod(let index): network.pods[index]
      case .outside(let index): network.outsiders[index]
      }
    }

    /// Every address from every place.
    private func matrix() throws -> [LabCheck] {
      var predictor = try LabPredictor(cluster)
      var asked: [(target: LabTarget, vantage: LabVantage, prediction: LabPrediction)] = []
      var probes: [Probe] = []
      for target in cluster.targets {
        for vantage in cluster.vantages where cluster.tries(target, from: vantage) {
          guard let prediction = try predictor.predict(target, from: vantage) else {
            note(["\(target.name) from \(vantage.name): left out, it leaves for a load balancer"])
            continue
          }
          asked.append((target, vantage, prediction))
          probes.append(
            Probe(
              from: namespace(of: vantage), to: target.end, transport: target.transport,
              attempts: attempts(prediction), isSequential: target.isSticky))
        }
      }
      let sideBySide = asked.indices.filter { !asked[$0].target.isSticky }
      var met = [[LabAttempt]](repeating: [], count: probes.count)
      for (index, attempts) in zip(sideBySide, try loop.run(sideBySide.map { probes[$0] })) {
        met[index] = attempts
      }
      // Of two clients behind one masqueraded address neither may begin before the other has its endpoint.
      for index in asked.indices where asked[index].target.isSticky {
        met[index] = try loop.run([probes[index]])[0]
      }
      return zip(asked, met).map { asked, attempts in
        LabCheck(
          target: asked.target.name, vantage: asked.vantage.name, prediction: asked.prediction,
          attempts: attempts)
      }
    }

    /// One kind of end needs no numbers.
    private func attempts(_ prediction: LabPrediction) -> Int {
      if !prediction.mayAnswer { return prediction.ways.count > 1 ? connections : 3 }
      return prediction.ways.count > 1 && !prediction.isSticky ? connections : 20
    }
  }
#endif
