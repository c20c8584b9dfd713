// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: a comparison pasted into a pull request begins with its answer and cannot be turned into markup by a
// name.

import Testing

@testable import Simulation

@Suite struct ComparisonMarkdownTests {
  @Test(
    "markup is inert",
    arguments: [
      ("a|b", "a\\|b"), ("`rm`", "\\`rm\\`"), ("<script>", "&lt;script&gt;"), ("a&b", "a&amp;b"),
      ("*x* _y_ ~z~", "\\*x\\* \\_y\\_ \\~z\\~"), ("[a](b)", "\\[a\\](b)"), ("![a]", "\\!\\[a\\]"),
      ("@team #12", "@<!-- -->team #<!-- -->12"), ("a\\|b", "a\\\\\\|b"), ("a\n# b", "a #<!-- --> b"),
      ("$x$", "\\$x\\$"), ("plain words 1.0 ±0.2 %", "plain words 1.0 ±0.2 %"),
    ])
  func inert(text: String, escaped: String) { #expect(MarkdownText.escaped(text) == escaped) }

  @Test("code is fenced with more backticks than it holds")
  func fence() {
    #expect(MarkdownText.code("sim compare x") == ["```sh", "sim compare x", "```"])
    #expect(MarkdownText.code("a ```` b").first == "`````sh")
  }

  @Test("every table has as many cells in each line, whatever its cells hold")
  func cells() {
    var table = TextTable([.left("a|b"), .right("n")])
    table.add(["  x|y`", "1 | 2"])
    let lines = MarkdownText.table(table)
    #expect(lines[2] == "| &emsp;x\\|y\\` | 1 \\| 2 |")
    for line in lines {
      let bars = line.replacing("\\|", with: "").count { $0 == "|" }
      #expect(bars == 3, "\(line)")
    }
  }

  @Test("the answer comes first, and the settings to run it again are there")
  func order() {
    var comparison = ComparisonFixture.comparison()
    comparison.command = "sim compare synthetic.json --replications 4 --seed 7"
    let text = comparison.text(.markdown, files: "results/synthetic")
    #expect(
      text.hasPrefix(
        "**Fewest losses: nftables (probability 0.995 or more that it is the best of the four).**"))
    #expect(text.contains("```sh\nsim compare synthetic.json --replications 4 --seed 7\n```"))
    #expect(text.split(separator: "<details>").count == text.split(separator: "</details>").count)
    let pair = ComparisonFixture.comparison(
      [[10, 12, 9, 11], [3, 4, 3, 4]], modes: ["iptables", "nftables"])
    #expect(pair.headlineSentence.hasPrefix("nftables lost 3.00 ± 0.37 times fewer connections"))
    let single = ComparisonFixture.comparison([[10], [3]], modes: ["iptables", "nftables"])
    #expect(single.headlineSentence.hasPrefix("Lost connections in one replication, which shows no"))
  }
}
