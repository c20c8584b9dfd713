// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tree of hops as lines. Branches at one node that only take another endpoint are one line where details
// are not asked for; what they have in common is told once anyway.

import NetworkTypes
import Proxy
import SimKernel

extension Trace {
  func wayLines(_ detail: TraceDetail, _ style: TextStyle, width: Int) -> [String] {
    var children: [[Int]] = Array(repeating: [], count: hops.count)
    var roots: [Int] = []
    for hop in hops {
      if let after = hop.after { children[after].append(hop.id) } else { roots.append(hop.id) }
    }
    let names = hops.map { $0.node?.count ?? 0 }
    let tree = WayTree(
      trace: self, children: children, detail: detail, style: style, width: width,
      nodeWidth: min(28, names.max() ?? 0))
    return tree.lines(of: roots, depth: 0)
  }
}

/// Draws a trace's hops.
private struct WayTree {
  let trace: Trace
  let children: [[Int]]
  let detail: TraceDetail
  let style: TextStyle
  let width: Int
  let nodeWidth: Int

  /// Hops that follow the same one.
  func lines(of ids: [Int], depth: Int) -> [String] {
    guard let first = ids.first else { return [] }
    let hop = trace.hops[first]
    if ids.count == 1 { return lines(of: hop, depth) + lines(of: children[first], depth: depth) }
    if hop.component == .tables { return lines(branches: ids, depth) }
    return ids.flatMap { id in
      lines(of: trace.hops[id], depth) + lines(of: children[id], depth: depth + 1)
    }
  }

  // MARK: One hop

  private func lines(of hop: TraceHop, _ depth: Int) -> [String] {
    let what = hop.what + tableRemark(hop)
    return block(hop, depth, what) + details(hop, hop.steps, depth)
  }

  /// `+12ms  node  component  what`
  private func block(_ hop: TraceHop, _ depth: Int, _ what: String) -> [String] {
    let node = TextTable.shorten(hop.node ?? "-", to: nodeWidth)
    let prefix =
      "  " + String(repeating: "  ", count: depth)
      + pad("+" + Self.span(hop.time - trace.at), 10) + pad(node, nodeWidth + 2) + pad(hop.componentName, 15)
    let text = TextTable.wrap(what, width: max(40, width - prefix.count))
    let blank = String(repeating: " ", count: prefix.count)
    return text.enumerated().map { index, line in index == 0 ? style.dim(prefix) + line : blank + line }
  }

  /// `0`, `102us`, `2.5ms`: three digits are enough for a mean delay.
  private static func span(_ span: SimDuration) -> String {
    let us = Double(span.nanoseconds) / 1000
    if us < 1 { return "0" }
    let (value, unit) = us < 1000 ? (us, "us") : us < 1e6 ? (us / 1000, "ms") : (us / 1e6, "s")
    var digits = ReadableNumber.short(value)
    while digits.contains("."), digits.hasSuffix("0") || digits.hasSuffix(".") { digits.removeLast() }
    return digits + unit
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }

  private func tableRemark(_ hop: TraceHop) -> String {
    guard let table = hop.table else { return "" }
    var parts: [String] = []
    if table.age > .zero {
      let services = table.servicesBehind == 1 ? "1 Service" : "\(table.servicesBehind) Services"
      parts.append("table \(table.age) behind in \(services)")
    }
    if table.isBetweenCommits { parts.append("between the commits of its filter and nat tables") }
    if table.differsFromFresh { parts.append("a fresh table would do otherwise") }
    return parts.isEmpty ? "" : " [\(parts.joined(separator: "; "))]"
  }

  private func details(_ hop: TraceHop, _ steps: [DecisionStep], _ depth: Int) -> [String] {
    let indent = String(repeating: " ", count: 12 + 2 * depth)
    var lines: [String] = []
    if detail != .summary { lines += stepLines(steps, indent) }
    if detail == .all { lines += factLines(hop, indent) }
    return lines
  }

  private func stepLines(_ steps: [DecisionStep], _ indent: String) -> [String] {
    var lines: [String] = []
    var place = ""
    for step in steps {
      let here = step.chain.isEmpty ? step.table : "\(step.table) \(step.chain)"
      if here != place { lines.append(indent + style.dim(here)) }
      place = here
      lines.append(indent + "  " + step.rule)
      guard detail == .all, !step.why.isEmpty else { continue }
      // Rules stand as the tools print them, on one line; the reason below is broken like other text.
      let words = TextTable.wrap(step.why, width: max(40, width - indent.count - 6))
      for (index, line) in words.enumerated() {
        lines.append(indent + style.dim((index == 0 ? "    # " : "      ") + line))
      }
    }
    return lines
  }

  private func factLines(_ hop: TraceHop, _ indent: String) -> [String] {
    var facts: [String] = []
    let packet = "\(hop.packetIn.source) -> \(hop.packetIn.destination)"
    if let out = hop.packetOut, out != hop.packetIn {
      facts.append("packet     \(packet)  becomes  \(out.source) -> \(out.destination)")
    } else {
      facts.append("packet     \(packet)")
    }
    switch hop.conntrack {
    case .none: break
    case .new(let original, let reply):
      facts.append(
        "conntrack  new: \(original.source) -> \(original.destination), reply \(reply.source) -> \(reply.destination)"
      )
    case .existing(let original, let reply, let state):
      facts.append(
        "conntrack  \(state): \(original.source) -> \(original.destination), reply \(reply.source) -> \(reply.destination)"
      )
    }
    if let table = hop.table {
      facts.append(
        "table      \(table.mode.rawValue), \(table.age) behind; \(table.rulesWalked) rules walked, "
          + "\(table.lookups) lookups")
      facts.append("fresh      " + (table.differsFromFresh ? Self.fresh(table) : "the same"))
    }
    if hop.probability < 1 { facts.append("chance     \(ReadableNumber.roughPercent(hop.probability))") }
    return facts.map { indent + style.dim($0) }
  }

  private static func fresh(_ table: TraceTable) -> String {
    let choices = table.fresh.map { choice -> String in
      let chance = choice.probability < 1 ? " (\(ReadableNumber.roughPercent(choice.probability)))" : ""
      if choice.kind == .forward { return "DNAT to \(choice.address):\(choice.port)\(chance)" }
      return choice.kindName + (choice.reasonName.map { ": \($0)" } ?? "") + chance
    }
    return choices.joined(separator: ", ")
  }

  // MARK: Branches of one table

  private func lines(branches ids: [Int], _ depth: Int) -> [String] {
    let hops = ids.map { trace.hops[$0] }
    let first = hops[0]
    if detail == .all {
      return ids.flatMap { id in
        self.lines(of: trace.hops[id], depth) + self.lines(of: children[id], depth: depth + 1)
      }
    }
    let forwarded = hops.filter { $0.packetOut != nil }
    let others = ids.filter { trace.hops[$0].packetOut == nil }
    var lines = block(first, depth, summary(forwarded) + tableRemark(first))
    if detail == .rules { lines += ruleLines(hops, depth) }
    // Where it ends here or later without an answer, the candidates below do not say how.
    for id in others { lines += self.lines(of: trace.hops[id], depth + 1) }
    for id in ids where trace.hops[id].packetOut != nil && leadsAstray(id) {
      lines +=
        self.lines(of: trace.hops[id], depth + 1)
        + self.lines(of: children[id], depth: depth + 2)
    }
    return lines
  }

  private func summary(_ hops: [TraceHop]) -> String {
    let targets = Set(hops.compactMap { $0.packetOut?.destination })
    let text = hops.first?.what ?? ""
    // `DNAT to 10.244.1.5:8080 of default/web:80; masqueraded as …` loses its address.
    guard targets.count > 1,
      let act = ["DNAT to ", "the socket is led to "].first(where: { text.hasPrefix($0) }),
      let end = text.dropFirst(act.count).firstIndex(of: " ")
    else { return text }
    let sources = Set(hops.compactMap { $0.packetOut?.tuple.source })
    var rest = String(text[end...])
    if sources.count > 1, let cut = rest.range(of: "; masqueraded") {
      rest = String(rest[..<cut.lowerBound]) + "; masqueraded, see below"
    }
    return "\(act)one of \(targets.count) endpoints" + rest
  }

  /// What all branches have in common once, before and after what each has of its own.
  private func ruleLines(_ hops: [TraceHop], _ depth: Int) -> [String] {
    let indent = String(repeating: " ", count: 12 + 2 * depth)
    let first = hops[0].steps
    var before = first.count
    for hop in hops { before = min(before, zip(hop.steps, first).prefix { $0 == $1 }.count) }
    var after = first.count - before
    for hop in hops {
      let same = zip(hop.steps.reversed(), first.reversed()).prefix { $0 == $1 }.count
      after = min(after, same, hop.steps.count - before)
    }
    var lines = stepLines(Array(first.prefix(before)), indent)
    for hop in hops {
      let own = Array(hop.steps.dropFirst(before).dropLast(after))
      guard !own.isEmpty else { continue }
      let chance = ReadableNumber.roughPercent(hop.probability)
      lines.append(indent + style.bold("\(chance)  \(hop.packetOut?.destination ?? hop.what)"))
      lines += stepLines(own, indent + "  ")
    }
    if after > 0 { lines.append(indent + style.bold("then, on each of these ways")) }
    return lines + stepLines(Array(first.suffix(after)), indent)
  }

  /// Some way through this hop does not end with an answer.
  private func leadsAstray(_ id: Int) -> Bool {
    trace.outcomes.contains { outcome in
      guard outcome.verdict != .delivered else { return false }
      var next: Int? = outcome.lastHop
      while let hop = next {
        if hop == id { return true }
        next = trace.hops[hop].after
      }
      return false
    }
  }
}
