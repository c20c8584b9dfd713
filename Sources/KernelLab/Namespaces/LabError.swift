// SPDX-License-Identifier: GPL-3.0-or-later
//
// What can keep the lab from doing its work, and where it happened.

import Foundation

/// Something that the lab needs failed or is missing.
public enum LabError: Error, CustomStringConvertible {
  /// This machine cannot run the lab; each item says what is needed.
  case missing([String])
  /// A system call failed, with its errno.
  case system(call: String, code: Int32)
  /// A tool ended with something else than 0, or did not end in time.
  case tool(command: String, message: String)
  /// Something that was to be measured or checked made no sense.
  case unusable(String)

  public var description: String {
    switch self {
    case .missing(let items): "this machine cannot do it:\n" + items.map { "  \($0)\n" }.joined()
    case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
    case .tool(let command, let message): "\(command): \(message)"
    case .unusable(let text): text
    }
  }
}
