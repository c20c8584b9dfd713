// SPDX-License-Identifier: GPL-3.0-or-later
//
// What of `iptables-save` text is kube-proxy's own and not left open by it, so that two texts can be compared
// line by line: no counters, no remarks, no chains of others; the order of Services in the dispatch chains,
// which is that of a map in kube-proxy and new with each rewrite, is replaced by the order of the text.

/// Makes texts comparable; both sides go through the same one.
public struct IptablesSaveNormaliser: Sendable {
  /// Chains of others: their declarations, their rules and the jumps to them are dropped.
  public var foreignPrefixes = ["KIND-", "CNI-", "DOCKER"]
  /// Drops KUBE-PROXY-CANARY, which is empty.
  public var dropsCanary = true
  /// Chains in the order of their names, as iptables-save itself has them.
  public var sortsChains = true

  public init() {}

  /// Chains whose order kube-proxy leaves open, by table.
  static var dispatchChains: [String: [String]] {
    [
      "nat": ["KUBE-SERVICES", "KUBE-NODEPORTS"],
      "filter": [
        "KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES", "KUBE-PROXY-FIREWALL",
      ],
    ]
  }
  /// What the comment of the rules says that must stay at the end of nat KUBE-SERVICES.
  static var lastRuleRemark: String { "NOTE: this must be the last rule in this chain" }

  private struct Table {
    var name: String
    var declarations: [String] = []
    var chains: [String] = []
    var rules: [String: [String]] = [:]
  }

  /// The lines that are left, table by table: its name, declarations, rules.
  public func lines(_ text: String) -> [String] {
    var tables: [Table] = []
    for line in text.split(separator: "\n") {
      if line.hasPrefix("*") { tables.append(Table(name: String(line.dropFirst()))) }
      guard !tables.isEmpty else { continue }
      let words = line.split(separator: " ")
      if line.hasPrefix(":") {
        let chain = String(words[0].dropFirst())
        if !isDropped(chain) { tables[tables.count - 1].declarations.append("\(words[0]) \(words[1])") }
      }
      // `iptables-save -c` puts counters before the rule.
      let rule = words.first?.hasPrefix("[") == true ? words.dropFirst() : words[...]
      guard rule.first == "-A", rule.count > 1 else { continue }
      let chain = String(rule[rule.startIndex + 1])
      if isDropped(chain) || isDropped(Self.target(rule)) { continue }
      if tables[tables.count - 1].rules[chain] == nil { tables[tables.count - 1].chains.append(chain) }
      let start = rule.first?.startIndex ?? line.startIndex
      tables[tables.count - 1].rules[chain, default: []].append(String(line[start...]))
    }
    return tables.flatMap { lines($0) }
  }

  private func isDropped(_ chain: String) -> Bool {
    (dropsCanary && chain == "KUBE-PROXY-CANARY") || foreignPrefixes.contains { chain.hasPrefix($0) }
  }

  private static func target(_ rule: ArraySlice<Substring>) -> String {
    guard let flag = rule.lastIndex(of: "-j"), flag + 1 < rule.endIndex else { return "" }
    return String(rule[flag + 1])
  }

  private func lines(_ table: Table) -> [String] {
    var lines = ["*" + table.name]
    lines += sortsChains ? table.declarations.sorted() : table.declarations
    for chain in sortsChains ? table.chains.sorted() : table.chains {
      var rules = table.rules[chain] ?? []
      if Self.dispatchChains[table.name]?.contains(chain) == true {
        let trailing = rules.reversed().prefix { $0.contains(Self.lastRuleRemark) }.count
        let end = rules.count - trailing
        rules[..<end].sort()
        rules[end...].sort()
      }
      lines += rules
    }
    return lines
  }

  /// What makes the second list of the first: `-` before lines to take away, `+` before lines to add; empty
  /// where they are equal, order included.
  public static func differences(_ first: [String], _ second: [String]) -> [String] {
    second.difference(from: first).map { change in
      switch change {
      case .remove(_, let line, _): "- \(line)"
      case .insert(_, let line, _): "+ \(line)"
      }
    }
  }
}
