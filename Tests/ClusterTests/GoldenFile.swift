// SPDX-License-Identifier: GPL-3.0-or-later
//
// Reads what a real cluster printed, from Tests/ClusterTests/Golden.

import Foundation

enum GoldenFile {
  static func text(_ path: String, file: StaticString = #filePath) throws -> String {
    let folder = URL(fileURLWithPath: "\(file)").deletingLastPathComponent().appendingPathComponent("Golden")
    return try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
  }

  /// What kubectl answered to `create -f`: everything between the command and `rc=`, and the return code.
  static func answer(_ name: String) throws -> (text: String, code: Int) {
    let text = try text("errors/\(name).txt")
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    lines.removeFirst()
    while lines.last == "" { lines.removeLast() }
    let code = Int(lines.removeLast().dropFirst("rc=".count)) ?? -1
    return (lines.joined(separator: "\n"), code)
  }
}
