// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rules damaged on purpose: a lab that notices nothing when it should proves nothing when all agrees. Each
// damage is done to one Service of validation/lab/cluster.yaml, in the text of either mode.

/// A mistake in rules, as somebody might make it.
public struct LabDamage: Sendable {
  /// What was done, in words.
  public var what: String
  /// The Service whose addresses must show it.
  public var service: String
  var iptables: Edit
  var nftables: Edit

  /// What is done to each line that has all of `marks`, in blocks whose first line has `block`.
  struct Edit: Sendable {
    var block = ""
    var marks: [String]
    var change: Change
  }
  enum Change: Sendable {
    case remove
    case replace(String, by: String)
    /// `--probability`
    case probability(String)
  }

  public static var all: [LabDamage] {
    [
      LabDamage(
        what: "the first endpoint gets another share", service: "node-port",
        iptables: Edit(marks: ["\"default/node-port ->", "--probability"], change: .probability("0.6")),
        nftables: Edit(
          block: "service-", marks: ["default/node-port/tcp/", "mod 3"],
          change: .replace("mod 3", by: "mod 2"))),
      LabDamage(
        what: "DROP in place of REJECT", service: "lame",
        iptables: Edit(
          marks: ["\"default/lame has no endpoints\""],
          change: .replace("REJECT --reject-with icmp-port-unreachable", by: "DROP")),
        nftables: Edit(
          block: "map no-endpoint-services", marks: ["\"default/lame\""],
          change: .replace("\"default/lame\" : goto reject-chain", by: "\"default/lame\" : drop"))),
      LabDamage(
        what: "no masquerade for external traffic", service: "external-ip",
        iptables: Edit(
          marks: ["masquerade traffic for default/external-ip external destinations"], change: .remove),
        nftables: Edit(
          block: "external-", marks: ["default/external-ip/tcp/", "meta mark set"], change: .remove)),
      LabDamage(
        what: "another source range", service: "ranges",
        iptables: Edit(
          marks: ["\"default/ranges ", "-s 172.18.0.101/32"],
          change: .replace("172.18.0.101", by: "172.18.0.102")),
        nftables: Edit(
          block: "firewall-", marks: ["default/ranges/tcp/", "172.18.0.101"],
          change: .replace("172.18.0.101", by: "172.18.0.102"))),
      LabDamage(
        what: "affinity is not looked up", service: "sticky",
        iptables: Edit(marks: ["\"default/sticky ->", "--rcheck"], change: .remove),
        nftables: Edit(block: "service-", marks: ["default/sticky/tcp/", "ip saddr @"], change: .remove)),
      LabDamage(
        what: "no masquerade for hairpin", service: "web",
        iptables: Edit(
          marks: ["-A KUBE-SEP-", "-s 10.244.0.2/32", "default/web\"", "-j KUBE-MARK-MASQ"], change: .remove),
        nftables: Edit(
          block: "set hairpin-connections", marks: ["10.244.0.2 . 10.244.0.2 . tcp . 8080"],
          change: .replace("10.244.0.2 . tcp . 8080", by: "10.244.0.2 . tcp . 8081"))),
    ]
  }

  /// The damaged text, and in how many lines.
  public func apply(to text: String, isNftables: Bool) -> (text: String, lines: Int) {
    let edit = isNftables ? nftables : iptables
    var count = 0
    var block = ""
    var lines: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if isNftables, line.hasSuffix("{"), !line.contains("=") { block = String(line) }
      guard let changed = edit.changed(String(line), in: block) else {
        lines.append(String(line))
        continue
      }
      count += 1
      if !changed.isEmpty { lines.append(changed) }
    }
    return (lines.joined(separator: "\n"), count)
  }
}

extension LabDamage.Edit {
  /// Nil: stays as it is; empty: goes.
  func changed(_ line: String, in head: String) -> String? {
    // The name of a chain stands at the head of its block, a comment in the line itself.
    let whole = head + "\n" + line
    guard block.isEmpty || head.contains(block), line != head, marks.allSatisfy({ whole.contains($0) }) else {
      return nil
    }
    switch change {
    case .remove: return ""
    case .replace(let old, let new):
      let changed = line.replacing(old, with: new, maxReplacements: 1)
      return changed == line ? nil : changed
    case .probability(let value):
      let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      guard let at = words.firstIndex(of: "--probability"), at + 1 < words.count else { return nil }
      var changed = words
      changed[at + 1] = value
      return changed.joined(separator: " ")
    }
  }
}
