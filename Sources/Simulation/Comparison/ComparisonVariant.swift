// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is compared: one scenario under several names, each with a change of its own. A change never touches
// the seed, so that every draw that does not depend on what was changed is the same in all variants.

import Cluster
import Scenario

/// A name and what is different under it.
public struct ComparisonVariant: Sendable, Equatable {
  /// What is different.
  public enum Change: Sendable, Equatable {
    /// The scenario as it is.
    case nothing
    /// This proxy mode on all nodes.
    case mode(ProxyMode)
    /// `path=value`, as with `--set`, after the edits that all variants have.
    case edits([String])
  }

  /// As in the column `variant`; unique within a comparison.
  public var name: String
  public var change: Change

  public init(name: String, change: Change) {
    self.name = name
    self.change = change
  }

  public init(mode: ProxyMode) { self.init(name: mode.rawValue, change: .mode(mode)) }

  /// The scenario of this variant.
  /// - Parameters:
  ///   - base: the scenario without this variant's change.
  ///   - load: the scenario with further edits; asked only of variants that have some.
  public func scenario(
    base: ScenarioFile, load: (_ edits: [String]) throws -> ScenarioFile
  ) rethrows -> ScenarioFile {
    switch change {
    case .nothing: return base
    case .mode(let mode):
      var scenario = base
      scenario.setMode(of: mode)
      return scenario
    case .edits(let edits): return try load(edits)
    }
  }
}

extension ComparisonVariant {
  /// From `name:path=value,path=value`; commas within quotes, brackets or braces belong to a value. Nil if it
  /// is not written like that.
  public init?(_ text: String) {
    guard let colon = text.firstIndex(of: ":") else { return nil }
    let name = String(text[..<colon])
    let edits = Self.parts(text[text.index(after: colon)...])
    guard Self.isName(name), edits.allSatisfy({ $0.contains("=") && $0.first != "=" }) else {
      return nil
    }
    self.init(name: name, change: .edits(edits))
  }

  /// Names are cells of CSV files and words of sentences: letters, digits, `-`, `_` and `.`.
  public static func isName(_ text: String) -> Bool {
    !text.isEmpty
      && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
  }

  private static func parts(_ text: Substring) -> [String] {
    var parts = [""]
    var (depth, isQuoted) = (0, false)
    for character in text {
      if character == "\"" { isQuoted.toggle() }
      if !isQuoted, "[{".contains(character) { depth += 1 }
      if !isQuoted, "]}".contains(character) { depth -= 1 }
      if character == ",", depth == 0, !isQuoted {
        parts.append("")
      } else {
        parts[parts.count - 1].append(character)
      }
    }
    return parts
  }
}
