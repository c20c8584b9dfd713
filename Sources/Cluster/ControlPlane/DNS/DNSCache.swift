// SPDX-License-Identifier: GPL-3.0-or-later
//
// A cache of DNS answers as CoreDNS's cache plugin and recursive resolvers keep it: an answer grows old in
// it, and leaves with what is left of its time.

import NetworkTypes
import SimKernel

/// A query's type; others are not asked.
@frozen public enum DNSQuestionType: UInt8, Sendable, Hashable, CaseIterable, BitwiseCopyable {
  case a
  case aaaa
}

/// A query.
public struct DNSQuestion: Sendable, Hashable {
  /// Fully qualified, lower case, without the root's dot.
  public var name: String
  public var type: DNSQuestionType
  public init(_ name: String, _ type: DNSQuestionType = .a) {
    self.name = name
    self.type = type
  }
}

/// What a server says.
public struct DNSResponse: Sendable, Equatable {
  public enum Code: UInt8, Sendable { case noError, nameError, serverFailure }
  public var code: Code
  public var addresses: [IPv4Address]
  /// Of the record that lives the shortest, or of the denial.
  public var ttl: SimDuration

  public init(_ code: Code = .noError, _ addresses: [IPv4Address] = [], ttl: SimDuration) {
    self.code = code
    self.addresses = addresses
    self.ttl = ttl
  }
}

public struct DNSCache: Sendable {
  private var entries: [DNSQuestion: (response: DNSResponse, until: SimTime)] = [:]
  let successLimit: SimDuration
  let denialLimit: SimDuration
  let minimum: SimDuration

  /// - Parameters:
  ///   - successLimit: longest time that an answer with addresses is kept, `denialLimit` one without.
  ///   - minimum: shortest time, whatever the record's own.
  public init(successLimit: SimDuration, denialLimit: SimDuration, minimum: SimDuration = .zero) {
    self.successLimit = successLimit
    self.denialLimit = denialLimit
    self.minimum = minimum
  }

  /// The answer that is kept, with the time that is left of it.
  public mutating func find(_ question: DNSQuestion, at now: SimTime) -> DNSResponse? {
    guard let entry = entries[question] else { return nil }
    guard entry.until > now else {
      entries[question] = nil
      return nil
    }
    var response = entry.response
    response.ttl = entry.until - now
    return response
  }

  /// Keeps an answer; a server's failure is not kept.
  /// - Returns: the answer as it goes on to the client.
  public mutating func keep(_ response: DNSResponse, for question: DNSQuestion, at now: SimTime)
    -> DNSResponse
  {
    if response.code == .serverFailure { return response }
    let limit = response.code == .nameError || response.addresses.isEmpty ? denialLimit : successLimit
    let time = min(limit, max(minimum, response.ttl))
    guard time > .zero else { return response }
    entries[question] = (response, now + time)
    var passed = response
    passed.ttl = time
    return passed
  }

  public mutating func clear() { entries = [:] }
}
