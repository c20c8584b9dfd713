// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel

/// What the modelled DNS says to a query for A records.
public struct DNSAnswer: Sendable, Equatable {
  /// Empty: the name does not exist or has no address.
  public var addresses: [IPv4Address]
  /// How long a client may keep the answer, a negative one too.
  public var ttl: SimDuration
  /// False: NXDOMAIN.
  public var exists: Bool
  /// The last name of a chain of CNAMEs if there is one.
  public var canonicalName: String?
  /// Number of names asked for until one existed (search list of resolv.conf; FACTS G).
  public var queries: Int

  public init(
    addresses: [IPv4Address], ttl: SimDuration, exists: Bool = true, canonicalName: String? = nil,
    queries: Int = 1
  ) {
    self.addresses = addresses
    self.ttl = ttl
    self.exists = exists
    self.canonicalName = canonicalName
    self.queries = queries
  }
}
