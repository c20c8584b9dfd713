// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a sweep varies: axes with their values, what combinations must hold, how often each is run. The grid
// that they span is SweepGrid's.

/// The section `sweep` of a scenario.
public struct SweepSettings: Sendable, Equatable {
  /// Settings that move together, each with as many values as the others.
  public struct Axis: Sendable, Equatable {
    public struct Setting: Sendable, Equatable {
      /// As with `--set`; `mode` is the proxy mode of all nodes.
      public var path: String
      /// As `--set` takes them.
      public var values: [String]
      public var position: SourcePosition

      public init(path: String, values: [String], position: SourcePosition) {
        (self.path, self.values, self.position) = (path, values, position)
      }
    }
    public var settings: [Setting]

    public init(_ settings: [Setting]) { self.settings = settings }

    public var count: Int { settings.first?.values.count ?? 0 }
  }

  public static let modePath = "mode"

  public var axes: [Axis] = []
  public var constraints: [SweepConstraint] = []
  public var replications = ReplicationSettings(1)
  /// Beside those of summary.csv, as written, with their places.
  public var metrics: [(selector: MetricSelector, position: SourcePosition)] = []
  /// Of the section.
  public var position: SourcePosition

  public init(position: SourcePosition) { self.position = position }

  /// Paths in the order of the axes.
  public var paths: [String] { axes.flatMap { $0.settings.map(\.path) } }

  public static func == (a: SweepSettings, b: SweepSettings) -> Bool {
    a.axes == b.axes && a.constraints == b.constraints && a.replications == b.replications
      && a.metrics.map(\.selector) == b.metrics.map(\.selector)
  }
}
