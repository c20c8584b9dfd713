// SPDX-License-Identifier: GPL-3.0-or-later
//
// One measurement per process, printed as a CSV line like those of the C++ floor:
//     floor-compare hold PENDING HOLDS     -> hold,PENDING,holds/s,check
//     floor-compare reference CONNECTIONS [REPLICATION [SCALE]] -> size=,connections=,packets_per_s=,...
// Rates are per second of user CPU time.

import Foundation
import SimKernel
import Simulation

let arguments = CommandLine.arguments
guard arguments.count >= 3, let size = Int(arguments[2]) else {
  FileHandle.standardError.write(
    Data("usage: floor-compare hold PENDING [HOLDS] | reference CONNECTIONS [REPLICATION [SCALE]]\n".utf8))
  exit(64)
}
switch arguments[1] {
case "hold":
  let holds = arguments.count > 3 ? Int(arguments[3]) ?? 5_000_000 : 5_000_000
  let (rate, check) = Hold.measure(pending: size, holds: holds)
  print("sim-hold,\(size),\(Int(rate)),\(check)")
case "reference":
  let replication = arguments.count > 3 ? Int(arguments[3]) ?? 0 : 0
  let scale = arguments.count > 4 ? Int(arguments[4]) ?? 1 : 1
  let scenario = Reference.scenario(connections: size, scale: scale)
  let before = Usage.userSeconds()
  let base = Usage.peakBytes()
  let result = try SimulationRun.run(scenario, replication: replication)
  let user = Usage.userSeconds() - before
  let requests = result.latency.first { $0.phase == .request && $0.outcome == .completed }
  let mean = requests?.histogram.mean.map { $0.seconds * 1e6 } ?? .nan
  let bytes = (Usage.peakBytes() - base) / max(1, result.attempted)
  let fields = [
    "size=\(size)", "scale=\(scale)", "connections=\(result.attempted)", "user_s=\(user)",
    "packets=\(result.packets)",
    "packets_per_s=\(Int(Double(result.packets) / user))",
    "events_per_s=\(Int(Double(result.simulationEvents) / user))", "bytes_per_connection=\(bytes)",
    "peak_mb=\(Usage.peakBytes() >> 20)", "mean_us=\(mean)", "lost=\(result.lostCount)",
    "conntrack_peak=\(result.conntrackPeak)", "digest=\(String(result.digest, radix: 16))",
  ]
  print("sim-reference," + fields.joined(separator: ","))
default:
  exit(64)
}
