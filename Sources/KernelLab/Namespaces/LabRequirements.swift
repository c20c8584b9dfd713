// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the lab and the calibration need of a machine, and what of it is missing here.

import Foundation

/// What a machine must have.
public enum LabRequirements {
  /// Tools by name, with the Debian package that has them.
  public static let tools = [
    "ip": "iproute2", "iptables-restore": "iptables", "nft": "nftables", "conntrack": "conntrack",
  ]

  /// What is missing on this machine, one sentence each; empty: all is there.
  /// - Parameter tools: those that are needed.
  public static func missing(tools: [String]) -> [String] {
    #if os(Linux)
      var missing: [String] = []
      for tool in tools.sorted() where ToolRun.find(tool) == nil {
        missing.append("\(tool) is not installed (Debian package \(Self.tools[tool] ?? tool))")
      }
      if geteuid() != 0 {
        missing.append("making network namespaces and loading rules into them needs root")
      } else if let problem = namespaceProblem() {
        missing.append(problem)
      }
      return missing
    #else
      return ["network namespaces exist on Linux only"]
    #endif
  }

  #if os(Linux)
    private static func namespaceProblem() -> String? {
      do {
        _ = try NetworkNamespace("trial")
        return nil
      } catch {
        return "network namespaces cannot be made here (\(error))"
      }
    }
  #endif
}
