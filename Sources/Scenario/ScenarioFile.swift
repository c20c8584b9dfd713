// SPDX-License-Identifier: GPL-3.0-or-later

import Cluster
import SimKernel
import Traffic

/// A scenario, decoded and validated: everything that decides a run's bytes.
public struct ScenarioFile: Sendable {
  /// Folder name under `results/`; from `name`, or the file's name without extension.
  public var name: String
  public var question: String = ""
  /// Addresses of the public issues behind the question.
  public var issues: [String] = []
  public var seed: UInt64 = 1
  public var duration: SimDuration
  public var cluster = ClusterSettings()
  /// Objects of `manifests` and `objects`, in the order in which they are applied at t = 0.
  public var objects: [APIObject] = []
  public var network = NetworkSettings()
  public var servers: [ServerSettings] = []
  public var clients: [ClientSettings] = []
  public var events: [TimedAction] = []
  public var processes: [RandomProcess] = []
  public var report = ReportSettings()
  /// How it answers its question; nil if it says nothing of it.
  public var answer: AnswerSettings?
  /// What must hold; nil if nothing must.
  public var thresholds: ThresholdSettings?
  /// Kinds in the manifests that the model has no use for, with their numbers, sorted by kind.
  public var ignoredObjects: [(kind: String, count: Int)] = []
  /// What if there were no delay between the API and the tables: every change is programmed on every node at
  /// the instant at which it is written. No file says so; counterfactual runs do.
  public var proxiesProgramAtOnce = false
  /// Stable hash of the scenario's content after `--set`, manifests included.
  public var contentHash: UInt64 = 0

  public init(name: String, duration: SimDuration) {
    self.name = name
    self.duration = duration
  }
}

public struct ReportSettings: Sendable, Equatable {
  /// Width of the bins of timeline.csv, staleness.csv and loss_ledger.csv.
  public var bin: SimDuration = .seconds(1)
  /// Results before this time are not counted (warm-up).
  public var warmUp: SimDuration = .zero
  /// Rows of lost_connections.csv at most; the counts elsewhere are never cut.
  public var lostConnectionsMax = 100_000
  /// The column saved_by of lost_connections.csv comes from runs with one thing changed each.
  public var counterfactuals = false
  public init() {}
}
