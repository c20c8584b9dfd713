// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long a client goes on with what its resolver once said: the caches of runtimes by name.

import SimKernel

/// A client's own cache of DNS answers.
public struct DNSCachePolicy: Sendable, Equatable {
  public enum Keeping: Sendable, Equatable {
    /// For the record's time to live.
    case timeToLive
    /// For this time, whatever the record says; zero asks each time.
    case fixed(SimDuration)
    case forever
  }
  public var positive: Keeping
  /// Failures are remembered for so long.
  public var negative: SimDuration

  public init(_ positive: Keeping, negative: SimDuration = .zero) {
    self.positive = positive
    self.negative = negative
  }

  /// A policy by the name that a scenario gives it.
  public init?(preset name: String) {
    guard let found = Self.presets.first(where: { $0.name == name }) else { return nil }
    self = found.policy
  }

  /// Sources, in order: getaddrinfo of glibc and musl, Go's net and Node's dns.lookup have no cache (their
  /// sources). JDK java.security: networkaddress.cache.ttl 30 s when unset, for ever under a security
  /// manager; networkaddress.cache.negative.ttl 10 s. nscd(8) keeps hosts for the record's TTL, failures for
  /// 20 s (nscd.conf, negative-time-to-live). Chromium net/dns/host_resolver_manager.cc: 60 s for what the
  /// system's resolver says, failures not at all.
  public static let presets: [(name: String, policy: DNSCachePolicy)] = [
    ("none", DNSCachePolicy(.fixed(.zero))),
    ("ttl", DNSCachePolicy(.timeToLive)),
    ("glibc", DNSCachePolicy(.fixed(.zero))),
    ("musl", DNSCachePolicy(.fixed(.zero))),
    ("go", DNSCachePolicy(.fixed(.zero))),
    ("node", DNSCachePolicy(.fixed(.zero))),
    ("jvm", DNSCachePolicy(.fixed(.seconds(30)), negative: .seconds(10))),
    ("jvm-security-manager", DNSCachePolicy(.forever, negative: .seconds(10))),
    ("nscd", DNSCachePolicy(.timeToLive, negative: .seconds(20))),
    ("browser", DNSCachePolicy(.fixed(.seconds(60)))),
    ("forever", DNSCachePolicy(.forever)),
  ]

  /// Until when an answer is used.
  public func expiry(of ttl: SimDuration, at now: SimTime) -> SimTime {
    switch positive {
    case .timeToLive: now + ttl
    case .fixed(let time): now + time
    case .forever: .distantFuture
    }
  }
}
