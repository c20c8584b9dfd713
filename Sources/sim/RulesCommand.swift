// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim rules`: what one node has programmed at an instant, as the tools of its proxy mode print it.

import ArgumentParser
import Proxy
import Scenario
import SimKernel
import Simulation

struct RulesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rules",
    abstract:
      "Print what a node's kube-proxy has programmed at a simulated time, in its mode's own language.",
    discussion: """
      iptables-save text for iptables, nft list for nftables, ipvsadm -Sn, ipset and ip addr for ipvs, the \
      agent's listing for ebpf. Several texts are told apart by a line with the command that prints them: \
      # and the command. docs/rules.md says what is in them.

      EXAMPLES
        sim rules scenarios/clusterip.json --node worker-1 --at 21s
        sim rules scenarios/clusterip.json --node worker-1 --mode nftables
      """)

  @Argument(help: "Scenario file, JSON or YAML.", completion: .scenario)
  var scenario: String

  @Option(help: "Name of the node.", completion: .node)
  var node: String

  @Option(help: "Simulated time, such as 34s. (default: 0s, when the cluster has converged)")
  var at: String?

  @Option(help: "IP family of the rules: 4, 6 or all.")
  var family: Family = .four

  @Option(help: "Only what this command prints, such as ipvsadm or iptables-save.")
  var tool: String?

  @OptionGroup var options: ScenarioOptions

  enum Family: String, ExpressibleByArgument, CaseIterable {
    case four = "4"
    case six = "6"
    case all
  }

  func validate() throws { _ = try time() }

  func run() throws {
    let time = try time()
    try Failure.mapped(scenario) {
      let file = try options.load(scenario)
      Console.remark(modesOf: [file])
      Console.remark(time, pastEndOf: file)
      let rules: NodeRules
      do {
        rules = try SimulationRun.rules(file, node: node, at: time)
      } catch let error as UnknownNode {
        Console.remark("sim: \(error.description)")
        throw ExitCode(Failure.usage)
      }
      if rules.texts.isEmpty {
        let why =
          rules.isDown
          ? "is down and has no rules"
          : "has no rules: since its boot or its removal of another mode's, "
            + "its kube-proxy has written no rules yet,"
        Console.remark("sim: node \(node) \(why) at \(time - SimTime.zero)")
        throw ExitCode(Failure.usage)
      }
      try Console.write(try text(of: rules.texts))
    }
  }

  private func time() throws -> SimTime {
    guard let at else { return .zero }
    guard let span = DurationText.parse(at), span >= .zero else {
      throw ValidationError("--at takes a time with a unit, such as 34s; found '\(at)'")
    }
    return .zero + span
  }

  /// The texts that were asked for, each under its command if there are several.
  private func text(of all: [RuleText]) throws -> String {
    let chosen = all.filter { text in
      (family == .all || text.isIPv6 == (family == .six))
        && (tool == nil || text.command == tool || text.command.hasPrefix(tool! + " "))
    }
    if chosen.isEmpty {
      let commands = all.map(\.command).joined(separator: ", ")
      let wanted = "--family \(family.rawValue)" + (tool.map { " --tool \($0)" } ?? "")
      Console.remark("sim: nothing to print for \(wanted); there are: \(commands)")
      throw ExitCode(Failure.usage)
    }
    if chosen.count == 1 { return chosen[0].text }
    return chosen.map { "# \($0.command)\n\($0.text)" }.joined()
  }
}

extension RuleText {
  /// ip6tables-save, nft list table ip6 …, ipvsadm and ipset know no family of their own.
  fileprivate var isIPv6: Bool {
    command.hasPrefix("ip6") || command.split(separator: " ").contains("ip6")
  }
}
