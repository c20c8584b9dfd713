// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is taken out of rules that a kernel cannot match.

import NetworkTypes
import Testing

@testable import KernelLab

@Suite struct RuleLoadingTests {
  /// As iptables-save prints it, with two spaces before the name (golden/cluster/iptables/w1.txt).
  static let rule =
    "-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP"

  @Test func theAccountingMatchGoesAndTheRestStays() {
    let (bare, found) = LoadableRules.withoutAccounting(Self.rule[...])
    #expect(bare == "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP")
    #expect(found)
  }

  @Test(arguments: [
    "-A INPUT -m comment --comment \"-m nfacct\" -j ACCEPT",
    "-A INPUT -m mark --mark 0x4000/0x4000 -j ACCEPT",
    "COMMIT", "", ":KUBE-FORWARD - [0:0]",
  ])
  func otherLinesStayAsTheyAre(_ line: String) {
    let (same, found) = LoadableRules.withoutAccounting(line[...])
    #expect(same == line && !found)
  }

  @Test func whatWasTakenOutIsSaid() {
    let text = "*filter\n\(Self.rule)\n\(Self.rule)\nCOMMIT\n"
    let rules = LoadableRules.iptables(text, knowsAccounting: false)
    #expect(!rules.text.contains("nfacct") && rules.text.hasSuffix("COMMIT\n"))
    #expect(rules.remarks.count == 1)
    #expect(LoadableRules.iptables(text, knowsAccounting: true) == LoadableRules(text: text, remarks: []))
    #expect(LoadableRules.iptables("COMMIT\n", knowsAccounting: false).remarks == [])
  }

  @Test func podTrafficIsMasqueradedOnlyOutsideOfThePodNetwork() {
    let text = LoadableRules.podMasquerade(podNetwork: IPv4CIDR("10.1.0.0/16")!)
    let order = ["fib daddr type local return", "ip daddr 10.1.0.0/16 return", "masquerade\n"]
    let places = order.compactMap { text.range(of: $0)?.lowerBound }
    #expect(places.count == 3 && places == places.sorted())
  }
}
