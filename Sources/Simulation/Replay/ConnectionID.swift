// SPDX-License-Identifier: GPL-3.0-or-later
//
// The name of an attempt, as in lost_connections.csv: `client-instance/operation/attempt`. Draws are named by
// the same words, so that the name means the same attempt in every variant of a scenario.

/// Names one attempt of one client.
public struct ConnectionID: Sendable, Equatable, CustomStringConvertible {
  /// Name of the client group.
  public var client: String
  /// Number of the instance within its group.
  public var instance: Int
  /// The operation's ordinal within the instance.
  public var operation: UInt32
  /// 0 for the first attempt, then one more for each retry.
  public var attempt: UInt8

  /// From `client-instance/operation/attempt`; nil if it is not written like that.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 3, let attempt = UInt8(parts[parts.count - 1]),
      let operation = UInt32(parts[parts.count - 2])
    else { return nil }
    // A client's name may have slashes and hyphens of its own.
    let client = parts.dropLast(2).joined(separator: "/")
    guard let hyphen = client.lastIndex(of: "-"), hyphen != client.startIndex,
      let instance = Int(client[client.index(after: hyphen)...]), instance >= 0
    else { return nil }
    self.client = String(client[..<hyphen])
    self.instance = instance
    self.operation = operation
    self.attempt = attempt
  }

  public var description: String { "\(client)-\(instance)/\(operation)/\(attempt)" }
}

/// A connection that cannot be replayed, in words for the user.
public struct ReplayError: Error, CustomStringConvertible {
  public var description: String
  init(_ description: String) { self.description = description }
}
