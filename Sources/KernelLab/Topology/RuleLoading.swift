// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rule text as the tools print it, made loadable on the lab's nodes: what this kernel cannot match is taken
// out and named, and what the pod network adds beside kube-proxy is written here.

import NetworkTypes

/// Text of rules, and what had to be changed in it.
public struct LoadableRules: Sendable, Equatable {
  public var text: String
  /// One sentence for each kind of change; empty: loaded as it was.
  public var remarks: [String]

  /// `iptables-save` text for `iptables-restore`.
  /// - Parameter knowsAccounting: whether the kernel has the `nfacct` match. kube-proxy itself leaves it out
  ///   where it is missing (upstream pkg/proxy/iptables/proxier.go, NewProxier's nfAcctCounters).
  public static func iptables(_ text: String, knowsAccounting: Bool) -> LoadableRules {
    guard !knowsAccounting else { return LoadableRules(text: text, remarks: []) }
    var lines: [String] = []
    var isChanged = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let (bare, found) = withoutAccounting(line)
      lines.append(bare)
      isChanged = isChanged || found
    }
    let remark = "this kernel has no nfacct: the match was left out of the rules, as kube-proxy does there"
    return LoadableRules(text: lines.joined(separator: "\n"), remarks: isChanged ? [remark] : [])
  }

  /// The line without `-m nfacct --nfacct-name NAME`, and whether that was in it.
  static func withoutAccounting(_ line: Substring) -> (String, Bool) {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard let at = words.indices.dropLast().first(where: { words[$0] == "-m" && words[$0 + 1] == "nfacct" })
    else { return (String(line), false) }
    var kept = words
    // iptables-save prints two spaces before the name.
    var end = at + 2
    while end < words.count, words[end].isEmpty || words[end] == "--nfacct-name" { end += 1 }
    kept.removeSubrange(at..<min(end + 1, words.count))
    return (kept.joined(separator: " "), true)
  }

  /// What the pod network does after kube-proxy: everything but traffic to pods leaves with the address of
  /// the interface it leaves by. A form of kind's ip-masq-agent, whose chain hangs behind kube-proxy's in nat
  /// POSTROUTING and looks at non-local destinations only (golden/cluster/iptables).
  public static func podMasquerade(podNetwork: IPv4CIDR) -> String {
    """
    table ip pod-network {
      chain leaving {
        type nat hook postrouting priority srcnat + 1; policy accept;
        fib daddr type local return
        ip daddr \(podNetwork) return
        masquerade
      }
    }

    """
  }
}

#if os(Linux)
  extension LabNetwork {
    /// Takes all rules of the node away, with all connections that it remembers.
    public func clearRules(node: Int) throws {
      let space = nodes[node]
      try space.run(["nft", "-f", "-"], input: "flush ruleset\n")
      try space.inside { _ = try? ToolRun.run(["conntrack", "-F"], input: "", seconds: 10) }
      if plan.masqueradesPodTraffic {
        let text = LoadableRules.podMasquerade(podNetwork: plan.podNetwork)
        try space.run(["nft", "-f", "-"], input: text)
      }
      // The lab closes by RST: a small machine's table shall not fill with what is closed.
      try space.set("netfilter/nf_conntrack_tcp_timeout_close", "1")
    }

    /// Replaces kube-proxy's iptables rules; connections stay.
    /// - Returns: what had to be changed in the text.
    public func loadIptables(_ text: String, node: Int) throws -> [String] {
      let rules = LoadableRules.iptables(text, knowsAccounting: try Self.knowsAccounting())
      try nodes[node].run(["iptables-restore"], input: rules.text)
      return rules.remarks
    }

    /// Replaces kube-proxy's nftables rules; connections stay.
    public func loadNftables(_ text: String, node: Int) throws {
      let replacement = "add table ip kube-proxy\ndelete table ip kube-proxy\n"
      try nodes[node].run(["nft", "-f", "-"], input: replacement + text)
    }

    /// Whether the kernel takes a rule with `-m nfacct`, tried where it does no harm.
    private static func knowsAccounting() throws -> Bool {
      let rule = "*filter\n:TRIAL - [0:0]\n-A TRIAL -m nfacct --nfacct-name trial -j DROP\nCOMMIT\n"
      let ended = try NetworkNamespace("trial").inside {
        try ToolRun.start(["iptables-restore"], input: rule, seconds: 10)
      }
      return ended.status == 0
    }
  }
#endif
