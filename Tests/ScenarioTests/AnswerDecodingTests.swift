// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section `answer`: what it becomes, and what is wrong with it.

import Testing

@testable import Scenario

@Suite struct AnswerDecodingTests {
  static let good = """
    {figures: [{name: lost, metric: "lost{service=default/web}", predicted: 3, formula: 1 + 2}],
     sentence: "{lost} lost"}
    """

  @Test("without variants there is one, the scenario as it is") func withoutVariantsThereIsOneThe() throws {
    let answer = try #require(try TestScenario.edited(["answer=\(Self.good)"]).get().answer)
    #expect(answer.variants.map(\.name) == ["base"])
    #expect(answer.variants[0].edits.isEmpty)
    #expect(answer.replications == 10)
    let figure = try #require(answer.figures.first)
    #expect(figure.metric.description == "lost{service=default/web}")
    #expect((figure.variant, figure.predicted) == (0, 3))
    #expect(answer.places == ["lost"])
  }

  @Test("what a variant sets becomes what --set takes, texts in quotes") func whatAVariantSetsBecomesWhat()
    throws
  {
    let text = """
      {variants: [{name: a, set: {"duration": "9s", "seed": 3, "cluster.proxy": {mode: ipvs}}}, {name: b}],
       figures: [{name: x, variant: b, metric: lost}], sentence: "{x}"}
      """
    let answer = try #require(try TestScenario.edited(["answer=\(text)"]).get().answer)
    #expect(
      answer.variants.map(\.edits) == [
        ["duration=\"9s\"", "seed=3", "cluster.proxy={\"mode\": \"ipvs\"}"], [],
      ])
    #expect(answer.figures[0].variant == 1)
    for edit in answer.variants[0].edits { _ = try Override(edit) }
  }

  @Test("an answer decides nothing about a run") func anAnswerDecidesNothingAboutA() throws {
    let without = try TestScenario.edited([]).get().contentHash
    #expect(try TestScenario.edited(["answer=\(Self.good)"]).get().contentHash == without)
  }

  @Test(
    "mistakes are told",
    arguments: [
      ("answer.sentence=\"{lots}\"", "no figure has the name \"lots\"; did you mean \"lost\"?"),
      ("answer.figures[0].variant=bas", "no variant has the name \"bas\"; did you mean \"base\"?"),
      ("answer.figures[0].metric=\"lost{service}\"", "expected a metric such as"),
      ("answer.figures[0].metric=\"lost{a=1,a=2}\"", "expected a metric such as"),
      ("answer.figures[0].metric=Lost", "expected a metric such as"),
      ("answer.figures=[]", "expected a list with at least 1 item"),
      ("answer.replications=1", "from 2 to 10000"),
      ("answer.variants=[{name: a}, {name: a}]", "expected a name that no other of the variants has"),
      (
        "answer.figures=[{name: lost, metric: lost, formula: none}]", "expected `predicted` beside a formula"
      ),
      ("answer.figure=[]", "unknown key \"figure\"; did you mean \"figures\"?"),
    ])
  func mistakesAreTold(override: String, message: String) {
    let mistakes = TestScenario.mistakes(TestScenario.text, overrides: ["answer=\(Self.good)", override])
    #expect(mistakes.contains { $0.contains(message) }, "\(mistakes)")
  }
}
