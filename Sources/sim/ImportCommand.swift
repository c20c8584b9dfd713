// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim import`: a scenario from manifests, dumps and configurations. The scenario is the result and goes to a
// file or to standard output; what was assumed and what does not fit goes to standard error.

import ArgumentParser
import Foundation
import Scenario
import Simulation

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Make a scenario from Kubernetes manifests, dumps of a cluster and configuration files.",
    discussion: """
      Reads what kubectl prints with -o yaml or -o json (nodes, pods, services, endpointslices, endpoints, \
      deployments, Lists), manifests, a kind Cluster configuration, a KubeProxyConfiguration or the \
      ConfigMap kube-proxy. The scenario stands alone. docs/import.md says what is read, concluded and \
      left out.

      EXAMPLES
        kubectl get nodes,pods,svc,endpointslices,endpoints -A -o yaml > cluster.yaml
        kubectl -n kube-system get configmap kube-proxy -o yaml > kube-proxy.yaml
        sim import cluster.yaml kube-proxy.yaml -o cluster.json
      """)

  @Argument(help: "Files, or folders of them; - is standard input.", completion: .file())
  var files: [String]

  @Option(
    name: [.customShort("o"), .long],
    help: "The scenario file; - is standard output. (default: standard output)", completion: .scenario)
  var output = "-"

  @Option(
    help: ArgumentHelp(
      "Go without something that would change the answer and is not modelled, such as NetworkPolicy or IPv6. Repeatable.",
      valueName: "name"))
  var accept: [String] = []

  @Flag(help: "Replace the scenario file if there is one.")
  var force = false

  @Flag(help: "No remarks on standard error.")
  var quiet = false

  func run() throws {
    try Failure.mapped(files.first ?? "") {
      try refuseToReplace()
      let result = try ScenarioImport.load(paths: files, accept: accept)
      if output == "-" {
        try Console.write(result.text)
      } else {
        try write(result.text)
      }
      if !quiet { tell(result) }
    }
  }

  private func refuseToReplace() throws {
    guard output != "-", FileManager.default.fileExists(atPath: output) else { return }
    // A rename would put a file in the place of a device, a pipe or a folder.
    guard isRegularFile else { throw ResultFolderError("cannot write \(output): it is no regular file") }
    if !force { throw ResultFolderError("\(output) exists already; --force replaces it") }
  }

  /// Also behind a symbolic link, which is then replaced itself.
  private var isRegularFile: Bool {
    var status = stat()
    return stat(output, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// In one step, so that nobody ever sees half of it.
  private func write(_ text: String) throws {
    let temporary = output + ".tmp-\(ProcessInfo.processInfo.processIdentifier)"
    guard let file = fopen(temporary, "w") else { throw failure("write") }
    let written = fwrite(text, 1, text.utf8.count, file)
    guard fclose(file) == 0, written == text.utf8.count else {
      let error = failure("write")
      unlink(temporary)
      throw error
    }
    guard rename(temporary, output) == 0 else {
      let error = failure("write")
      unlink(temporary)
      throw error
    }
  }

  private func failure(_ action: String) -> ResultFolderError {
    ResultFolderError("cannot \(action) \(output): \(String(cString: strerror(errno)))")
  }

  private func tell(_ result: ScenarioImport) {
    let warnings = result.warnings
    for warning in warnings.prefix(ScenarioError.printLimit) { Console.remark("warning: \(warning)") }
    if warnings.count > ScenarioError.printLimit {
      Console.remark("… and \(warnings.count - ScenarioError.printLimit) more warnings")
    }
    for setting in result.settings { Console.remark("sim: \(setting)") }
    if !result.ignored.isEmpty {
      let kinds = result.ignored.map { "\($0.kind) (\($0.count))" }.joined(separator: ", ")
      Console.remark("sim: left out, because the model has no use for them: \(kinds)")
    }
    let counts = result.counts.map { "\($0.kind) (\($0.count))" }.joined(separator: ", ")
    let place = output == "-" ? "" : " into \(output)"
    Console.remark("sim: imported\(place): \(counts)")
  }
}
