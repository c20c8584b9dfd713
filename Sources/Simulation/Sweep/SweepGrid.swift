// SPDX-License-Identifier: GPL-3.0-or-later
//
// The combinations of a sweep: the product of its axes, the last axis running fastest, without those that a
// constraint leaves out.

import Cluster
import Scenario
import SimKernel

/// One combination of values.
public struct SweepPoint: Sendable, Equatable {
  /// From 0, in the order of the grid, over those that are run.
  public var number: Int
  /// By the paths of the sweep, in their order.
  public var values: [String]
}

/// The combinations that are run.
public struct SweepGrid: Sendable {
  public let paths: [String]
  public let points: [SweepPoint]

  /// Combinations of axes at most; each is loaded and validated when the sweep is planned.
  public static let limit = 100_000

  /// - Throws: `ScenarioError` for a grid that is too large, empty, or whose constraint compares what cannot
  ///   be compared.
  public init(_ sweep: SweepSettings) throws(ScenarioError) {
    paths = sweep.paths
    var total = 1
    for axis in sweep.axes {
      let (product, isTooLarge) = total.multipliedReportingOverflow(by: axis.count)
      guard !isTooLarge, product <= Self.limit else {
        throw ScenarioError(
          Diagnostic(
            position: sweep.position, path: "sweep.axes",
            message: "expected at most \(Self.limit) combinations of the axes"))
      }
      total = product
    }
    var points: [SweepPoint] = []
    for index in 0..<total {
      let values = Self.values(index, sweep.axes)
      if try Self.holds(sweep, values) { points.append(SweepPoint(number: points.count, values: values)) }
    }
    guard !points.isEmpty else {
      let message =
        total == 0 ? "an axis has no values" : "no combination fulfils the constraints of the sweep"
      throw ScenarioError(Diagnostic(position: sweep.position, path: "sweep", message: message))
    }
    self.points = points
  }

  private static func values(_ index: Int, _ axes: [SweepSettings.Axis]) -> [String] {
    var rest = index
    var places: [Int] = []
    for axis in axes.reversed() {
      places.append(rest % axis.count)
      rest /= axis.count
    }
    return zip(axes, places.reversed()).flatMap { axis, place in axis.settings.map { $0.values[place] } }
  }

  private static func holds(_ sweep: SweepSettings, _ values: [String]) throws(ScenarioError) -> Bool {
    guard !sweep.constraints.isEmpty else { return true }
    let byPath = Dictionary(zip(sweep.paths, values), uniquingKeysWith: { first, _ in first })
    for constraint in sweep.constraints {
      guard let holds = constraint.holds(byPath) else {
        let (left, right) = (
          byPath[constraint.left] ?? constraint.left, byPath[constraint.right] ?? constraint.right
        )
        throw ScenarioError(
          Diagnostic(
            position: constraint.position, path: "sweep.where",
            message: "expected two numbers, two durations or two rates to compare by size; "
              + "found \(left) and \(right)"))
      }
      if !holds { return false }
    }
    return true
  }
}

extension SweepPoint {
  /// `path=value`, as with `--set`; the proxy mode apart.
  func edits(_ paths: [String]) -> [String] {
    zip(paths, values).filter { $0.0 != SweepSettings.modePath }.map { "\($0.0)=\($0.1)" }
  }

  /// The value of the axis `mode`, without quotes; nil where there is no such axis.
  func mode(_ paths: [String]) -> String? {
    zip(paths, values).first { $0.0 == SweepSettings.modePath }.map { $0.1.filter { $0 != "\"" } }
  }
}
