// SPDX-License-Identifier: GPL-3.0-or-later
//
// The values that `sim solve` may choose from: from LOW to HIGH in equal steps, in the unit in which the
// scenario writes them. Everything else works with the numbers 0, 1, 2, ... of these values.

import Foundation
import Scenario
import SimKernel
import SimStatistics

/// A setting and the values it may take, ascending; the last is HIGH whatever the step.
public struct SolveGrid: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    case integer
    case number
    case duration
    /// With what stands behind the number, such as `/s`.
    case rate(String)
  }

  /// As `--set` takes it.
  public let path: String
  public let kind: Kind
  /// In seconds, the rate's own unit, or as they are.
  public let low: Double
  public let high: Double
  public let step: Double
  public let count: Int

  /// More values than these are finer than any answer.
  public static let mostValues = 1_000_000

  /// `servers.web.preStop=0s..30s step 500ms`.
  /// - Throws: what is wrong with the text.
  public init(_ text: String) throws(SolveGridError) {
    guard let equals = text.lastIndex(of: "="), equals > text.startIndex else {
      throw SolveGridError("expected PATH=LOW..HIGH, such as servers.web.preStop=0s..30s")
    }
    path = String(text[..<equals])
    let range = text[text.index(after: equals)...]
    guard let dots = range.firstRange(of: "..") else {
      throw SolveGridError("expected LOW..HIGH behind \"\(path)=\", found \"\(range)\"")
    }
    var upper = String(range[dots.upperBound...])
    var stepText: String?
    if let word = upper.firstRange(of: " step ") {
      stepText = String(upper[word.upperBound...]).trimmingCharacters(in: .whitespaces)
      upper = String(upper[..<word.lowerBound])
    }
    let low = try Self.quantity(String(range[..<dots.lowerBound]))
    let high = try Self.quantity(upper)
    let step = try stepText.map { (text) throws(SolveGridError) in try Self.quantity(text) }
    kind = try Self.commonKind([low, high] + (step.map { [$0] } ?? []))
    guard low.value < high.value else { throw SolveGridError("LOW must be below HIGH, found \"\(range)\"") }
    let width = high.value - low.value
    let size = step?.value ?? Self.standardStep(width, kind)
    guard size > 0, size <= width else {
      throw SolveGridError("the step must be above 0 and at most HIGH - LOW, found \"\(stepText ?? "")\"")
    }
    // A last interval that rounding made is none.
    let steps = (width / size - 1e-9).rounded(.up)
    guard steps < Double(Self.mostValues) else {
      throw SolveGridError("at most \(Self.mostValues) values; a larger step makes fewer")
    }
    (self.low, self.high, self.step, count) = (low.value, high.value, size, Int(steps) + 1)
  }

  /// In seconds, the rate's own unit, or as it is.
  public func value(_ index: Int) -> Double {
    index == count - 1 ? high : low + Double(index) * step
  }

  /// As `--set` takes it.
  public func text(_ index: Int) -> String { text(value: value(index)) }

  /// A distance between values, or a value.
  public func text(value: Double) -> String {
    switch kind {
    case .integer: String(Int(value.rounded()))
    case .number: NumberText.format(value)
    case .rate(let unit): NumberText.format(value) + unit
    case .duration: Self.durationText(value)
    }
  }

  /// Of `value` in tables.
  public var unit: String {
    switch kind {
    case .integer, .number: ""
    case .duration: "s"
    case .rate(let unit): "1" + unit
    }
  }

  private static func durationText(_ seconds: Double) -> String {
    let nanoseconds = (seconds * 1e9).rounded()
    if nanoseconds == 0 { return "0s" }
    for (name, size) in [("s", 1e9), ("ms", 1e6), ("us", 1e3)] where nanoseconds >= size {
      return NumberText.format(nanoseconds / size) + name
    }
    return NumberText.format(nanoseconds) + "ns"
  }

  /// 1 for integers, else 1, 2 or 5 times a power of ten so that there are at most 64 steps.
  private static func standardStep(_ width: Double, _ kind: Kind) -> Double {
    let least = width / 64
    var power = pow(10, log10(least).rounded(.down))
    if power > least { power /= 10 }
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= least * (1 - 1e-9) } ?? 10 * power
    return kind == .integer ? 1 : step
  }

  private static func quantity(_ text: String) throws(SolveGridError) -> (value: Double, kind: Kind) {
    let text = text.trimmingCharacters(in: .whitespaces)
    if let value = Int(text) { return (Double(value), .integer) }
    if let duration = DurationText.parse(text) { return (duration.seconds, .duration) }
    if RateText.parse(text) != nil, let slash = text.firstIndex(of: "/"), let value = Double(text[..<slash]) {
      return (value, .rate(String(text[slash...])))
    }
    guard text.allSatisfy({ "0123456789.eE+-".contains($0) }), let value = Double(text), value.isFinite else {
      throw SolveGridError("\"\(text)\" is neither a number nor a duration (500ms) nor a rate (50/s)")
    }
    return (value, .number)
  }

  private static func commonKind(_ found: [(value: Double, kind: Kind)]) throws(SolveGridError) -> Kind {
    let kinds = found.map(\.kind)
    if kinds.allSatisfy({ $0 == kinds[0] }) { return kinds[0] }
    guard kinds.allSatisfy({ $0 == .integer || $0 == .number }) else {
      throw SolveGridError("LOW, HIGH and step must have the same unit, also zero: 0s..30s")
    }
    return .number
  }
}

/// Why a text names no values.
public struct SolveGridError: Error, CustomStringConvertible, Equatable {
  public let description: String
  init(_ description: String) { self.description = description }
}
