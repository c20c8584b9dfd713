// SPDX-License-Identifier: GPL-3.0-or-later
//
// Answers for people: one after the other in the terminal, or as the table of scenarios/README.md.

import SimStatistics

/// Layouts of answers.
public enum AnswerText {
  private static let width = 100

  /// Question, sentence, figures.
  public static func text(_ answer: Answer, isColoured: Bool) -> String {
    let style = TextStyle(isColoured: isColoured)
    var lines = [style.bold(answer.scenario)]
    lines += TextTable.wrap(answer.question, width: width - 2).map { "  " + $0 }
    lines.append("")
    lines += TextTable.wrap(answer.sentence, width: width - 2).map { "  " + style.green($0) }
    lines.append("")
    var table = TextTable([
      .left("figure", least: 8), .left("variant", least: 8), .left("metric", least: 20), .right("simulated"),
      .right("predicted"), .right("z"),
    ])
    for figure in answer.figures {
      table.add([
        figure.settings.name, figure.variant, figure.settings.metric.description, figure.words,
        figure.predictedWords, figure.z.map { ReadableNumber.signed($0) } ?? "",
      ])
    }
    lines += table.lines(width: width, style: style)
    for figure in answer.figures {
      guard let formula = figure.settings.formula else { continue }
      let wrapped = TextTable.wrap("\(figure.settings.name): \(formula)", width: width - 4)
      lines += wrapped.enumerated().map { style.dim(($0.offset == 0 ? "  " : "    ") + $0.element) }
    }
    lines.append(
      style.dim(
        "  \(answer.replications) replications of \(answer.duration) each, intervals at 95 %; sim answers "
          + answer.path))
    return lines.joined(separator: "\n") + "\n"
  }

  /// The table of all answers: question, answer, what formulas predict, time of one run.
  /// - Parameter runTimes: seconds of one run, by answer.
  public static func markdownTable(_ answers: [Answer], runTimes: [Double]) -> String {
    var table = TextTable([
      .left("scenario"), .left("question"), .left("answer"), .left("predicted by formula"),
      .right("run time"),
    ])
    for (answer, seconds) in zip(answers, runTimes) {
      let file = answer.path.split(separator: "/").last.map(String.init) ?? answer.path
      let issues = answer.issues.map { "[\(issueName($0))](\($0))" }.joined(separator: ", ")
      let predictions = answer.figures.filter { $0.settings.predicted != nil }.map { figure in
        "\(figure.settings.name) \(figure.predictedWords)"
          + (figure.z.map { " (z = \(ReadableNumber.signed($0)))" } ?? "")
      }
      table.add([
        "[\(answer.scenario)](\(file))", answer.question + (issues.isEmpty ? "" : " (\(issues))"),
        answer.sentence, predictions.joined(separator: "; "), runTime(seconds),
      ])
    }
    return table.markdown().joined(separator: "\n") + "\n"
  }

  /// `k8s #108453` for an issue or pull request on GitHub, else the address without its scheme.
  static func issueName(_ address: String) -> String {
    let parts = address.split(separator: "/", omittingEmptySubsequences: true)
    guard parts.count == 6, parts[1] == "github.com", ["issues", "pull"].contains(parts[4]) else {
      return address.split(separator: "/").dropFirst().joined(separator: "/")
    }
    let project = parts[3] == "kubernetes" && parts[2] == "kubernetes" ? "k8s" : String(parts[3])
    return "\(project) #\(parts[5])"
  }

  /// Coarse, so that the table changes with the model and not with the machine.
  private static func runTime(_ seconds: Double) -> String {
    for limit in [0.1, 0.3, 1, 3, 10, 30] where seconds < limit {
      return "< \(ReadableNumber.trimmed(limit)) s"
    }
    return "\(ReadableNumber.short(seconds.rounded())) s"
  }
}
