// SPDX-License-Identifier: GPL-3.0-or-later
//
// The answer to the scenario's question. Whether a metric exists and what a variant's values mean is seen
// when they are used.

extension ScenarioDecoder {
  func decodeAnswer() {
    guard let c = root["answer"] else { return }
    var answer = AnswerSettings()
    assign(c["replications"]?.integer, to: &answer.replications)
    answer.variants = (c["variants"]?.items ?? []).compactMap { variant($0) }
    refuseDuplicates("variants", in: c["variants"]?.items ?? [])
    if c["variants"] == nil {
      answer.variants = [.init(name: "base", edits: [], position: c.node.position)]
    }
    refuseDuplicates("figures", in: c["figures"]?.items ?? [])
    answer.figures = (c["figures"]?.items ?? []).compactMap { figure($0, answer.variants) }
    assign(c["sentence"]?.string, to: &answer.sentence)
    if let sentence = c["sentence"] {
      let known = (c["figures"]?.items ?? []).compactMap { $0["name"]?.string }
      for place in answer.places where !known.contains(place) {
        mistake(
          sentence, "no figure has the name \"\(shortened(place))\"",
          suggestion: nearestName(to: place, in: known))
      }
    }
    scenario.answer = answer
  }

  private func variant(_ c: Cursor) -> AnswerSettings.Variant? {
    guard let name = c["name"]?.string else { return nil }
    let edits = (c["set"]?.node.mapping ?? []).map { "\($0.key)=\($0.value.inlineText)" }
    return AnswerSettings.Variant(name: name, edits: edits, position: c.node.position)
  }

  private func figure(_ c: Cursor, _ variants: [AnswerSettings.Variant]) -> AnswerSettings.Figure? {
    guard let name = c["name"]?.string, let text = c["metric"]?.string else { return nil }
    guard let metric = MetricSelector(text) else {
      mistake(c["metric"]!, "expected a metric such as \"loss_ratio{service=default/web}\"")
      return nil
    }
    var index = 0
    if let wanted = c["variant"], let text = wanted.string {
      guard let found = variants.firstIndex(where: { $0.name == text }) else {
        mistake(
          wanted, "no variant has the name \"\(shortened(text))\"",
          suggestion: nearestName(to: text, in: variants.map(\.name)))
        return nil
      }
      index = found
    }
    if let formula = c["formula"], c["predicted"] == nil {
      mistake(formula, "expected `predicted` beside a formula")
    }
    return AnswerSettings.Figure(
      name: name, variant: index, metric: metric,
      form: c["as"]?.string.flatMap { AnswerSettings.Form(rawValue: $0) }, predicted: c["predicted"]?.number,
      formula: c["formula"]?.string, position: c["metric"]!.node.position)
  }
}
