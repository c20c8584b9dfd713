// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim calibrate`: what packets cost on this machine's kernel, as a file that scenarios can name.

import ArgumentParser
import Foundation
import KernelLab
import Simulation

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Measure what a packet costs on this machine's kernel, for scenarios to use.",
    discussion: """
      Needs Linux, root, iproute2, and iptables or nftables. Everything happens in network namespaces of its \
      own, which vanish at the end; the machine's rules and interfaces are left alone. Takes about a minute.

      Measured are a flow's first packet and later ones against the number of Services, with rules in the \
      shape of kube-proxy's, for iptables on each backend that the kernel has and for nftables; fitted are \
      the cost per rule, per lookup and per packet beside the plain way through a node.

      EXAMPLES
        sim calibrate -o this-machine.json
      """)

  @Option(
    name: [.customShort("o"), .long], help: "File for the calibration. (default: standard output)",
    completion: .file(extensions: ["json"]))
  var output: String?

  @Option(help: "What scenarios call it. (default: the file's name without extension)")
  var name: String?

  @Option(help: "Numbers of Services to measure, rising.")
  var services = "10,100,1000,3000,10000"

  func validate() throws { _ = try sizes() }

  private func sizes() throws -> [Int] {
    let words = services.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = words.compactMap { Int($0) }
    guard numbers.count == words.count, numbers.count >= 2, numbers.allSatisfy({ (1...20_000).contains($0) }),
      zip(numbers, numbers.dropFirst()).allSatisfy({ $0 < $1 })
    else {
      throw ValidationError(
        "--services takes two or more rising numbers from 1 to 20000, such as 10,1000; found '\(services)'")
    }
    return numbers
  }

  func run() throws {
    var design = CalibrationDesign()
    design.sizes = try sizes()
    let stem = output.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
    let calibration: Calibration
    do {
      calibration = try Calibration.measure(name: name ?? stem ?? "this-machine", design: design) {
        Console.remark("sim calibrate: \($0)")
      }
    } catch let error as LabError {
      Console.remark("sim calibrate: \(error)")
      throw ExitCode(Failure.unavailable)
    }
    try Failure.mapped {
      guard let output else {
        Console.remark(calibration.table)
        return try Console.write(calibration.json)
      }
      do {
        try Data(calibration.json.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
      } catch {
        throw ResultFolderError("cannot write \(output): \(error.localizedDescription)")
      }
      try Console.write(calibration.table)
    }
  }
}
