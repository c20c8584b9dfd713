// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why a node's table does what it does with a packet: what `sim trace` prints. Every mode makes it from the
// same rules as data that its text and its compiled lookup come from.

import Cluster
import NetworkTypes
import SimKernel

/// Something that a packet met in a node's tables and that took part in its fate.
public struct DecisionStep: Sendable, Equatable {
  /// `nat`, `filter`, `ip kube-proxy`, `ipvs`, `cilium_lb4_services_v2`, …
  public var table: String
  /// Chain, map, set or virtual server within the table.
  public var chain: String
  /// The rule, element or entry, in the language of the mode's own tools.
  public var rule: String
  /// Why it applied and what it did, in words.
  public var why: String
  public init(table: String, chain: String, rule: String, why: String) {
    self.table = table
    self.chain = chain
    self.rule = rule
    self.why = why
  }
}

/// One way that a packet can go.
public struct DecisionBranch: Sendable {
  /// What the packet path gets if this way is taken.
  public var verdict: Verdict
  /// In (0, 1]; the branches of one explanation add up to 1.
  public var probability: Double
  /// In the order of the walk.
  public var steps: [DecisionStep]
  public init(verdict: Verdict, probability: Double, steps: [DecisionStep]) {
    self.verdict = verdict
    self.probability = probability
    self.steps = steps
  }
}

/// All ways that a packet can go at a node.
public struct DecisionExplanation: Sendable {
  /// Never empty.
  public var branches: [DecisionBranch]
  public init(branches: [DecisionBranch]) { self.branches = branches }

  /// No rule of kube-proxy applies.
  public static var notProxied: DecisionExplanation {
    DecisionExplanation(
      branches: [DecisionBranch(verdict: Verdict(kind: .notProxied), probability: 1, steps: [])])
  }
}

/// What one of the user's tools would print of a node's tables.
public struct RuleText: Sendable, Equatable {
  /// The command: `iptables-save`, `ip6tables-save`, `nft list table ip kube-proxy`, `ipvsadm -Sn`, …
  public var command: String
  public var text: String
  public init(command: String, text: String) {
    self.command = command
    self.text = text
  }
}
