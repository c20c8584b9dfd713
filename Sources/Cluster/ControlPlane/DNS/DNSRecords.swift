// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a Service means to DNS, and every version of it: CoreDNS pods see the API each with a delay of its
// own, so an answer is that of some version, not of the present.

import NetworkTypes
import OrderedCollections
import SimKernel

/// The records of one Service.
public enum DNSRecords: Sendable, Equatable {
  /// A cluster IP.
  case address(IPv4Address)
  /// A headless Service's ready endpoints; empty: no records.
  case endpoints([DNSEndpoint])
  /// ExternalName.
  case alias(String)
}

/// One endpoint of a headless Service.
public struct DNSEndpoint: Sendable, Equatable {
  public var hostname: String?
  public var address: IPv4Address
  public init(hostname: String? = nil, address: IPv4Address) {
    self.hostname = hostname
    self.address = address
  }
}

/// All versions of all Services' records, oldest first.
public struct ClusterZone: Sendable {
  struct Version: Sendable {
    var at: SimTime
    /// nil: no such Service.
    var records: DNSRecords?
  }
  private(set) var versions: OrderedDictionary<NamespacedName, [Version]> = [:]

  public init() {}

  /// The API has the Service like this from now on. Says nothing if that is no change.
  public mutating func record(_ service: NamespacedName, _ records: DNSRecords?, at time: SimTime) {
    let last = versions[service]?.last
    if let last, last.records == records { return }
    if last == nil, records == nil { return }
    versions[service, default: []].append(Version(at: time, records: records))
  }
}
