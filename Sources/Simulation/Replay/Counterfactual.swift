// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is changed in a counterfactual run: one thing, and never the seed, so that every draw that does not
// depend on it is the same. The standard set is what an operator could have had instead.

import Cluster
import Scenario
import SimKernel
import Traffic

/// One thing that is different.
public struct Counterfactual: Sendable, Equatable {
  public enum Change: Sendable, Equatable {
    /// Fresh tables stand in for the nodes' own, for the packets of the connection in question alone.
    case freshTable
    /// Every node programs each change of the API in no time.
    case freshTables
    case mode(ProxyMode)
    /// preStop hooks of all servers in pods last longer, and grace periods with them.
    case longerPreStop(SimDuration)
    /// Servers in pods finish open connections for so long after SIGTERM before they exit.
    case draining(SimDuration)
    /// `path=value`, as with `--set`.
    case edits([String])
  }
  /// As the column saved_by has it: `fresh-tables`, `nftables`, `preStop+5s`, `drain`.
  public var name: String
  public var change: Change

  public init(_ change: Change) {
    self.change = change
    name =
      switch change {
      case .freshTable: "fresh-table"
      case .freshTables: "fresh-tables"
      case .mode(let mode): mode.rawValue
      case .longerPreStop(let time): "preStop+\(time)"
      case .draining(let time): time == Self.standardDrain ? "drain" : "drain=\(time)"
      case .edits(let edits): edits.joined(separator: ", ")
      }
  }

  /// A grace period's default: a server that drains has at most that (FACTS F2).
  static var standardDrain: SimDuration { .seconds(30) }

  /// What is tried where nobody says what: fresh tables, each mode that the scenario does not have, a longer
  /// preStop, draining. The last two only where a server runs in pods.
  public static func standard(for scenario: ScenarioFile) -> [Counterfactual] {
    let present = scenario.modes.map(\.mode)
    let base = present.isEmpty ? [ProxySettings().mode] : present
    // With several modes in play each alone is a change.
    let isUniform = base.allSatisfy { $0 == base[0] }
    let modes = ProxyMode.allCases.filter { !isUniform || $0 != base[0] }
    var set = [Counterfactual(.freshTables)] + modes.map { Counterfactual(.mode($0)) }
    guard scenario.servers.contains(where: \.isInPods) else { return set }
    set += [5, 10, 30].map { Counterfactual(.longerPreStop(.seconds($0))) }
    return set + [Counterfactual(.draining(standardDrain))]
  }

  /// From what `--with` takes; nil if it is nothing of that.
  public init?(_ text: String) {
    let word = text.lowercased()
    switch word {
    case "fresh table", "fresh-table": self.init(.freshTable)
    case "fresh tables", "fresh-tables": self.init(.freshTables)
    case "drain": self.init(.draining(Self.standardDrain))
    default:
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else { return nil }
      let (key, value) = (text[..<equals], String(text[text.index(after: equals)...]))
      switch key {
      case "mode":
        guard let mode = ProxyMode(rawValue: value) else { return nil }
        self.init(.mode(mode))
      case "preStop":
        guard value.hasPrefix("+"), let time = DurationText.parse(String(value.dropFirst())) else {
          return nil
        }
        self.init(.longerPreStop(time))
      case "drain":
        guard let time = DurationText.parse(value) else { return nil }
        self.init(.draining(time))
      default: self.init(.edits([text]))
      }
    }
  }

  /// What `--with` takes, for messages.
  public static let forms =
    "'fresh table', 'fresh tables', mode=nftables, preStop=+5s, drain, drain=10s, or path=value as with --set"

  /// The scenario with this change.
  /// - Parameter load: the scenario with further edits; asked only of changes that have some.
  public func scenario(
    base: ScenarioFile, load: (_ edits: [String]) throws -> ScenarioFile
  ) rethrows -> ScenarioFile {
    if case .edits(let edits) = change { return try load(edits) }
    return changed(base)
  }

  /// - Precondition: the change is no edit.
  func changed(_ base: ScenarioFile) -> ScenarioFile {
    var scenario = base
    switch change {
    case .freshTable: return scenario
    case .freshTables: scenario.proxiesProgramAtOnce = true
    case .mode(let mode): scenario.setMode(of: mode)
    case .longerPreStop(let time): scenario.lengthenPreStop(by: time)
    case .draining(let time):
      for index in scenario.servers.indices where scenario.servers[index].isInPods {
        scenario.servers[index].onTermination = .drain
        scenario.servers[index].drain = time
      }
    case .edits: preconditionFailure("edits are applied to the document")
    }
    for byte in name.utf8 { scenario.contentHash = (scenario.contentHash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return scenario
  }
}

extension ServerSettings {
  var isInPods: Bool {
    if case .pods = place { return true }
    return false
  }
}

extension ScenarioFile {
  /// Longer than the hook in force, be it the server's or the manifest's.
  /// preStop counts against the grace period, so a longer hook without a longer grace period would be cut
  /// short.
  fileprivate mutating func lengthenPreStop(by time: SimDuration) {
    for index in servers.indices where servers[index].isInPods {
      if let hook = servers[index].preStop {
        servers[index].preStop = hook + time
      } else {
        servers[index].furtherPreStop = servers[index].furtherPreStop + time
      }
    }
    for index in objects.indices { objects[index].lengthenGrace(by: time) }
    for index in events.indices { events[index].action.lengthenGrace(by: time) }
    for index in processes.indices { processes[index].action.lengthenGrace(by: time) }
  }
}

extension ClusterAction {
  fileprivate mutating func lengthenGrace(by time: SimDuration) {
    guard case .apply(var objects) = self else { return }
    for index in objects.indices { objects[index].lengthenGrace(by: time) }
    self = .apply(objects)
  }
}

extension APIObject {
  fileprivate mutating func lengthenGrace(by time: SimDuration) {
    switch self {
    case .pod(var pod):
      pod.spec.terminationGracePeriod = pod.spec.terminationGracePeriod + time
      self = .pod(pod)
    case .workload(var workload):
      workload.template.terminationGracePeriod = workload.template.terminationGracePeriod + time
      self = .workload(workload)
    default: break
    }
  }
}
