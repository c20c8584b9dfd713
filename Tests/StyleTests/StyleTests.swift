// SPDX-License-Identifier: GPL-3.0-or-later
//
// The rules of layout and of determinism that a machine can check, over every Swift file of the package. What
// `swift format lint` checks is left to it.

import Foundation
import Testing

struct SwiftFile {
  /// Relative to the package, such as `Sources/Proxy/Verdict.swift`.
  var path: String
  var lines: [Substring]

  /// What decides results: everything below the command, but for what measures a real kernel.
  var isModel: Bool {
    path.hasPrefix("Sources/")
      && !["sim", "simlab", "KernelLab"].contains { path.hasPrefix("Sources/\($0)/") }
  }
  var isTest: Bool { path.hasPrefix("Tests/") }
}

@Suite struct StyleTests {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static let files: [SwiftFile] = ["Sources", "Tests", "Benchmarks/Sources"].flatMap { folder in
    let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
    let found = (names?.allObjects as? [String] ?? []).filter {
      $0.hasSuffix(".swift") && !$0.contains(".build/")
    }
    return found.sorted().map { name in
      let path = "\(folder)/\(name)"
      let text = (try? String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)) ?? ""
      return SwiftFile(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false))
    }
  }

  @Test func filesWereFound() {
    #expect(Self.files.count > 200)
    #expect(Self.files.contains { $0.path == "Tests/StyleTests/StyleTests.swift" })
  }

  @Test func filesSayTheirLicenceFirst() {
    for file in Self.files where file.lines.first != "// SPDX-License-Identifier: GPL-3.0-or-later" {
      Issue.record("\(file.path):1: \(file.lines.first ?? "empty")")
    }
  }

  @Test func filesHaveAtMost500Lines() {
    for file in Self.files where file.lines.count > 501 {
      Issue.record("\(file.path): \(file.lines.count - 1) lines")
    }
  }

  /// Text that is printed may stay on one line; so may that of tests.
  @Test func linesHaveAtMost110Columns() {
    for file in Self.files where !file.isTest {
      for (index, line) in file.lines.enumerated() where line.count > 110 {
        if ["\"", "+ \""].contains(where: { line.drop { $0 == " " }.hasPrefix($0) }) { continue }
        Issue.record("\(file.path):\(index + 1): \(line.count) columns")
      }
    }
  }

  @Test func functionsHaveAtMost70Lines() {
    for file in Self.files {
      for function in Functions.find(in: file.lines) where function.lineCount > 70 {
        Issue.record("\(file.path):\(function.firstLine): a function of \(function.lineCount) lines")
      }
    }
  }

  /// Written in two parts, so that this file passes its own test.
  static let unfinished = ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "not " + "implemented"]

  @Test func nothingIsLeftUnfinished() { refuse(Self.unfinished, in: Self.files) }

  static let machinePaths = ["/ho" + "me/", "/Us" + "ers/", "/wo" + "rk/", "/ro" + "ot/"]

  @Test func noPathOfAMachineIsNamed() { refuse(Self.machinePaths, in: Self.files) }

  /// Time, environment and randomness that are not the run's own (ARCHITECTURE.md, randomness).
  static let outside = [
    "Date()", "ContinuousClock", "SuspendingClock", "DispatchTime.now", "clock_gettime", "gettimeofday",
    "getenv", ".environment", "SystemRandomNumberGenerator", ".random(in:", ".random(using:",
    ".randomElement", ".shuffled(", "arc4random", ".hashValue", "Hasher()", "UUID()",
  ]

  @Test func modelReadsNothingFromOutside() {
    refuse(Self.outside, in: Self.files.filter(\.isModel), outsideComments: true)
  }

  private func refuse(_ words: [String], in files: [SwiftFile], outsideComments: Bool = false) {
    for file in files {
      for (index, line) in file.lines.enumerated() {
        if outsideComments, line.drop(while: { $0 == " " }).hasPrefix("//") { continue }
        for word in words where line.contains(word) { Issue.record("\(file.path):\(index + 1): \(word)") }
      }
    }
  }
}

/// A function's first line, from 1, and how many lines it has from its signature to its closing brace.
struct FunctionSpan: Equatable {
  var firstLine: Int
  var lineCount: Int
}

/// Finds functions by layout: a line that begins a function and the first line after it that holds nothing
/// but a closing brace at the same indentation. That is how swift-format lays them out.
enum Functions {
  static func find(in lines: [Substring]) -> [FunctionSpan] {
    var spans: [FunctionSpan] = []
    for (index, line) in lines.enumerated() where beginsFunction(line) {
      let indentation = line.prefix { $0 == " " }
      // A function on one line has no closing brace of its own.
      if line.hasSuffix("}") { continue }
      guard let end = lines[(index + 1)...].firstIndex(where: { $0 == indentation + "}" }) else { continue }
      spans.append(FunctionSpan(firstLine: index + 1, lineCount: end - index + 1))
    }
    return spans
  }

  private static func beginsFunction(_ line: Substring) -> Bool {
    let words = line.split(separator: " ")
    guard let place = words.firstIndex(where: { $0 == "func" || $0.hasPrefix("init(") }) else { return false }
    return words[..<place].allSatisfy { word in
      word.allSatisfy { $0.isLetter || $0 == "@" || $0 == "_" || $0 == "(" || $0 == ")" }
    }
  }
}

@Suite struct FunctionFinderTests {
  @Test func aFunctionEndsAtTheBraceOfItsIndentation() {
    let text =
      "struct A {\n  func f() {\n    if x {\n    }\n  }\n  func g() { 1 }\n  init(\n    a: Int\n  ) {\n  }\n}"
    let found = Functions.find(in: text.split(separator: "\n"))
    #expect(found == [FunctionSpan(firstLine: 2, lineCount: 4), FunctionSpan(firstLine: 7, lineCount: 4)])
  }
}
