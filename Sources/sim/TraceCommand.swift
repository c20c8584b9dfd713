// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim trace`: one packet at one instant of a run, hop by hop.

import ArgumentParser
import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Simulation

struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract:
      "Follow one packet through the cluster at a simulated time: rules, rewrites, conntrack, verdict, cause.",
    discussion: """
      A and B are pod/NAMESPACE/NAME, node/NAME, external/IP, svc/NAMESPACE/NAME:PORT (looked up by DNS) or \
      IP:PORT; a port of A is the source port. The run goes up to --at with all its clients, then the packet \
      is walked without changing anything. Where chance decides, every way is shown with its probability. \
      docs/trace.md describes the output.

      EXAMPLES
        sim trace scenarios/clusterip.json --from node/worker-1 --to svc/default/web:80
      """)

  enum Layout: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
  }

  /// In either case, as kube-proxy and as Kubernetes write it.
  enum Transport: String, ExpressibleByArgument, CaseIterable {
    case tcp
    case udp
    case sctp

    init?(argument: String) { self.init(rawValue: argument.lowercased()) }

    var modelled: TransportProtocol {
      switch self {
      case .tcp: .tcp
      case .udp: .udp
      case .sctp: .sctp
      }
    }
  }

  @Argument(help: "Scenario file, JSON or YAML.", completion: .scenario)
  var scenario: String

  @Option(help: "Where the packet comes from.")
  var from: String

  @Option(help: "Where it goes.")
  var to: String

  @Option(name: .customLong("protocol"), help: "Transport protocol.")
  var transport: Transport = .tcp

  @Option(
    help: ArgumentHelp(
      "Node at which a packet from outside arrives that is for no node's own address. (default: every node "
        + "that may get it)", valueName: "node/NAME"))
  var via: String?

  @Option(help: "Simulated time, such as 34s. (default: 0s, when the cluster has converged)")
  var at: String?

  @Option(name: [.customShort("o"), .long], help: "Layout.")
  var output: Layout = .text

  @Option(help: "How much the text tells: summary, rules (those that decided) or all.")
  var detail: TraceDetail = .summary

  @Flag(help: "Only what does not get through.")
  var droppedOnly = false

  @OptionGroup var options: ScenarioOptions

  func validate() throws { _ = try time() }

  func run() throws {
    let time = try time()
    try Failure.mapped(scenario) {
      do {
        let request = try TraceRequest(from: from, to: to, transport: transport.modelled, via: via)
        try Console.write(options.mode == .all ? comparison(request, time) : single(request, time))
      } catch let error as TraceError {
        Console.remark("sim trace: \(error)")
        throw ExitCode(Failure.usage)
      }
    }
  }

  private func single(_ request: TraceRequest, _ time: SimTime) throws -> String {
    let file = try options.load(scenario)
    Console.remark(modesOf: [file])
    Console.remark(time, pastEndOf: file)
    var session = try TraceSession(file, at: time)
    var trace = try session.trace(request)
    if droppedOnly { trace = trace.droppedOnly }
    return output == .json ? trace.json.document : trace.text(detail, isColoured: Console.isColoured)
  }

  private func comparison(_ request: TraceRequest, _ time: SimTime) throws -> String {
    let file = try options.loadForAllModes(scenario)
    Console.remark(modesOf: [file], TraceComparison.modes)
    Console.remark(time, pastEndOf: file)
    var comparison = try TraceComparison(file, at: time, request)
    if droppedOnly { comparison = comparison.droppedOnly }
    return output == .json
      ? comparison.json.document : comparison.text(detail, isColoured: Console.isColoured)
  }

  private func time() throws -> SimTime {
    guard let span = at == nil ? .zero : DurationText.parse(at!) else {
      throw ValidationError("--at takes a time with a unit, such as 34s; found '\(at!)'")
    }
    return .zero + span
  }
}

extension TraceDetail: ExpressibleByArgument {}
