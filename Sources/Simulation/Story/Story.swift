// SPDX-License-Identifier: GPL-3.0-or-later
//
// A run as a story: what happened, which chain of news followed from it until the last table knew, and what
// each gap between two pieces of news cost. Every lost connection belongs to one gap of one incident, or to
// none; the sums are those of loss_ledger.csv.

import NetworkTypes
import SimKernel

/// A run told.
public struct Story: Sendable {
  /// Lost connections, counted in three ways.
  public struct Losses: Sendable, Equatable {
    public var count = 0
    /// Each in falling order of the count, then in the order of the closed list or the alphabet.
    public var byCause: [(name: String, count: Int)] = []
    public var byService: [(name: String, count: Int)] = []
    public var byClient: [(name: String, count: Int)] = []
    public static func == (a: Losses, b: Losses) -> Bool {
      a.count == b.count && a.byCause.elementsEqual(b.byCause, by: ==)
        && a.byService.elementsEqual(b.byService, by: ==) && a.byClient.elementsEqual(b.byClient, by: ==)
    }
  }
  /// A piece of news.
  public struct Step: Sendable {
    public var time: SimTime
    public var what: String
    /// Connections that failed from here until the next step.
    public var lostUntilNext = Losses()
  }
  /// What follows for one pod, node or path.
  public struct Strand: Sendable {
    public var title: String
    /// In order of time.
    public var steps: [Step]
    public var losses = Losses()
  }
  /// Something that happened, with all that came of it.
  public struct Incident: Sendable {
    public var time: SimTime
    public var title: String
    public var losses = Losses()
    /// Those that cost connections, the dearest first.
    public var strands: [Strand] = []
  }

  public var scenario = ""
  public var question = ""
  public var issues: [String] = []
  public var seed: UInt64 = 0
  public var replication = 0
  public var mode = ""
  public var duration = SimDuration.zero
  public var attempted = 0
  public var lost = Losses()
  public var misdelivered = 0
  public var lossRatio: Double?
  /// The dearest first; those that cost nothing last, in order of time.
  public var incidents: [Incident] = []
  /// Lost without anything having happened that the model could name.
  public var unattributed = Losses()
  /// What each counterfactual run makes of the losses; nil: none was made.
  /// Replications over which `sim answers` gives the scenario's answer; nil: the scenario has none.
  public var answerReplications: Int?
  public var remedies: [CounterfactualRuns.Row]?

  public init() {}
}
