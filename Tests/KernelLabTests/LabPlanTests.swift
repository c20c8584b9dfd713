// SPDX-License-Identifier: GPL-3.0-or-later
//
// Plans that cannot be built are told apart before a namespace is made.

import KernelLab
import NetworkTypes
import Testing

@Suite struct LabPlanTests {
  static func plan(
    nodes: [String] = ["172.18.0.2", "172.18.0.3"], pods: [(String, Int)] = [("10.244.0.2", 0)],
    outsiders: [String] = ["172.18.0.101"]
  ) -> LabPlan {
    LabPlan(
      nodes: nodes.enumerated().map { index, address in
        LabPlan.Node(
          name: "node-\(index)", address: IPv4Address(address)!, podCIDR: IPv4CIDR("10.244.\(index).0/24")!)
      },
      pods: pods.map { LabPlan.Pod(name: "pod", address: IPv4Address($0.0)!, node: $0.1, ports: []) },
      outsiders: outsiders.map { LabPlan.Outsider(name: "outside", address: IPv4Address($0)!, via: 0) },
      nodeNetwork: IPv4CIDR("172.18.0.0/16")!, podNetwork: IPv4CIDR("10.244.0.0/16")!,
      masqueradesPodTraffic: true)
  }

  @Test func aGoodPlanHasNoProblems() {
    #expect(Self.plan().problems == [])
    #expect(Self.plan().nodes[1].gateway == IPv4Address("10.244.1.1"))
  }

  @Test(arguments: [
    (Self.plan(nodes: ["172.18.0.1"]), "node-0: 172.18.0.1 is taken"),
    (Self.plan(nodes: ["172.19.0.2"]), "node-0: 172.19.0.2 is not in 172.18.0.0/16"),
    (Self.plan(outsiders: ["172.18.0.2"]), "outside: 172.18.0.2 is taken"),
    (Self.plan(pods: [("10.244.1.2", 0)]), "pod: 10.244.1.2 is not in its node's block 10.244.0.0/24"),
    (Self.plan(pods: [("10.244.0.2", 0), ("10.244.0.2", 0)]), "pod: 10.244.0.2 is taken"),
    (Self.plan(pods: [("10.244.0.2", 7)]), "pod: there is no node 7"),
  ])
  func aBadPlanSaysWhatIsWrong(_ plan: LabPlan, _ problem: String) { #expect(plan.problems == [problem]) }
}
