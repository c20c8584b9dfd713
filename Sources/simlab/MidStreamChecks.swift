// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the matrix of addresses cannot show: packets of an open connection whose conntrack entry is gone
// (FACTS E2), and more refusals at once than ICMP's limit allows (golden/README.md).

#if os(Linux)
  import Foundation
  import KernelLab
  import NetworkTypes

  extension LabRun {
    /// A pod's place that is no backend, and the index of its node.
    func plainClient() throws -> (LabVantage, Int) {
      for vantage in cluster.vantages {
        if case .pod(let index) = vantage.place, cluster.plan.pods[index].ports.isEmpty {
          return (vantage, cluster.plan.pods[index].node)
        }
      }
      throw LabError.unusable("the scenario has no vantage pod without ports")
    }

    /// `conntrack -D` of a node: entries with this protocol and original destination. The tool
    /// gives up at an entry that ends while it reads the table, so it is run until none is found.
    func forget(node: Int, _ transport: TransportProtocol, _ end: LabEnd, repliesFrom: LabEnd? = nil) throws {
      var command = ["conntrack", "-D", "-p", transport.name, "--orig-dst", "\(end.address)"]
      command += ["--orig-port-dst", "\(end.port)"]
      if let repliesFrom {
        command += ["--reply-src", "\(repliesFrom.address)", "--reply-port-src", "\(repliesFrom.port)"]
      }
      for _ in 0..<20 {
        let pass = try network.nodes[node].runAny(command)
        // It ends with 1 and says so where nothing was to be deleted.
        if pass.errors.contains(" 0 flow entries have been deleted") { return }
        // An entry that ended by itself between reading and deleting ends the pass.
        let wasInterrupted = pass.errors.contains("such conntrack doesn't exist")
        guard pass.status == 0 || wasInterrupted else {
          throw LabError.tool(command: command.joined(separator: " "), message: pass.errors)
        }
      }
      throw LabError.unusable("conntrack -D finds entries of \(end) again and again")
    }

    /// Acknowledgements may wait for 40 ms (TCP_DELACK_MIN in include/net/tcp.h); one that comes after its
    /// entry is gone would be picked up before the lab asks again.
    func letAcknowledgementsPass() { usleep(200_000) }

    func midStreamChecks() throws -> [LabCheck] {
      let (vantage, node) = try plainClient()
      guard let target = cluster.targets.first(where: { $0.name.hasPrefix("web clusterIP") }) else {
        throw LabError.unusable("the scenario has no Service web")
      }
      var predictor = try LabPredictor(cluster)
      let prediction = try predictor.sure(target, from: vantage)
      return [
        try pickedUp(target, vantage, node, prediction), try notPickedUp(target, vantage, node),
      ]
    }

    /// tcp_loose = 1: the packet passes the nat rules like a new one.
    private func pickedUp(
      _ target: LabTarget, _ vantage: LabVantage, _ node: Int, _ prediction: LabPrediction
    ) throws -> LabCheck {
      let flows = try hold(target, vantage, 90)
      defer { for flow in flows { loop.end(flow) } }
      letAcknowledgementsPass()
      try forget(node: node, target.transport, target.end)
      let ends = Self.ends(flows.map(\.attempt))
      let met = loop.askAgain(flows)
      var (same, reset) = (0, 0)
      var problems: [String] = []
      for (end, meeting) in zip(ends, met) {
        switch meeting {
        case .answered(let answer) where answer.server == end: same += 1
        case .reset: reset += 1
        default: problems.append("after \(end.map(\.description) ?? "nobody"): \(meeting)")
        }
      }
      let expected = ends.reduce(0.0) { sum, end in
        sum + prediction.ways.filter { $0.server == end }.reduce(0) { $0 + $1.probability }
      }
      let total = Double(flows.count)
      return LabCheck(
        story: .init(
          predicted: "about \(Int(expected.rounded())) go on, \(flows.count - Int(expected.rounded())) reset",
          met: "\(same) go on, \(reset) reset"),
        name: "TCP in mid-stream, entry deleted, tcp_loose 1", vantage: vantage.name,
        attempts: flows.map(\.attempt), problems: problems,
        counts: [(same, expected), (reset, total - expected)])
    }

    /// tcp_loose = 0: the packet is invalid and no rule translates it.
    private func notPickedUp(_ target: LabTarget, _ vantage: LabVantage, _ node: Int) throws -> LabCheck {
      let flows = try hold(target, vantage, 20)
      defer { for flow in flows { loop.end(flow) } }
      guard try network.nodes[node].set("netfilter/nf_conntrack_tcp_loose", "0") else {
        throw LabError.unusable("this kernel has no nf_conntrack_tcp_loose")
      }
      letAcknowledgementsPass()
      try forget(node: node, target.transport, target.end)
      let met = loop.askAgain(flows)
      try network.nodes[node].set("netfilter/nf_conntrack_tcp_loose", "1")
      let silent = met.filter { $0 == .silence }.count
      return LabCheck(
        story: .init(predicted: "silence for all \(flows.count)", met: "silence for \(silent)"),
        name: "TCP in mid-stream, entry deleted, tcp_loose 0", vantage: vantage.name,
        attempts: flows.map(\.attempt),
        problems: silent == flows.count
          ? [] : ["\(flows.count - silent) met something: \(Set(met.map(\.description)).sorted())"])
    }

    /// Flows that were answered once and are kept open.
    func hold(_ target: LabTarget, _ vantage: LabVantage, _ count: Int) throws -> [HeldFlow] {
      let probe = Probe(
        from: namespace(of: vantage), to: target.end, transport: target.transport, attempts: count)
      let flows = try loop.open([probe])[0]
      guard Self.ends(flows.map(\.attempt)).allSatisfy({ $0 != nil }) else {
        throw LabError.unusable("\(target.name): not every connection was answered")
      }
      return flows
    }

    /// A node sends six refusals to one client at once, then one per second (net/ipv4/icmp.c: icmp_ratelimit
    /// 1000 ms, XRLIM_BURST_FACTOR 6).
    func burstChecks() throws -> [LabCheck] {
      guard let target = cluster.targets.first(where: { $0.name.hasPrefix("nobody externalIP") }),
        let vantage = cluster.vantages.first(where: { $0.from.hasPrefix("external/") }),
        case .outside(let index) = vantage.place, let client = LabCluster.crowd.last
      else { throw LabError.unusable("the scenario has no Service nobody with an external IP") }
      let node = network.nodes[cluster.plan.outsiders[index].via]
      try node.set("ipv4/icmp_ratelimit", "1000")
      let probe = Probe(
        from: namespace(of: vantage), to: target.end, transport: target.transport, attempts: 20,
        sources: [client])
      let width = loop.width
      loop.width = 20
      defer { loop.width = width }
      let attempts = try loop.run([probe])[0]
      try node.set("ipv4/icmp_ratelimit", "0")
      let refused = attempts.filter { $0.meeting == .refused }.count
      let silent = attempts.filter { $0.meeting == .silence }.count
      return [
        LabCheck(
          story: .init(predicted: "6 refused, 14 silence", met: "\(refused) refused, \(silent) silence"),
          name: "20 SYNs at once, no endpoints, ICMP limit on", vantage: vantage.name, attempts: attempts,
          problems: refused == 6 && silent == 14 ? [] : ["not six refusals"])
      ]
    }
  }
#endif
