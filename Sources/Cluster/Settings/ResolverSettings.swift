// SPDX-License-Identifier: GPL-3.0-or-later
//
// The stub resolver in a client: what resolv.conf says, and whose code reads it.

import SimKernel

/// resolv.conf of pods with the cluster's DNS, and the library that obeys it.
public struct ResolverSettings: Sendable, Equatable {
  /// Whose getaddrinfo it is: they differ in sockets, retries and search (docs/model.md, DNS).
  public enum Library: String, Sendable, CaseIterable {
    /// A and AAAA together from one socket; after a timeout with one answer, one after the other
    /// (glibc resolv/res_send.c, send_dg).
    case glibc
    /// A and AAAA together from one socket; asks again after timeout / attempts, gives up after timeout
    /// (musl src/network/res_msend.c).
    case musl
    /// A and AAAA together, each from a socket of its own (Go src/net/dnsclient_unix.go).
    case go
  }
  public var library = Library.glibc
  /// k/k pkg/kubelet/network/dns/dns.go, defaultDNSOptions.
  public var ndots = 5
  /// resolv.conf(5), RES_TIMEOUT.
  public var timeout: SimDuration = .seconds(5)
  /// resolv.conf(5), RES_DFLRETRY.
  public var attempts = 2
  /// With one nameserver, as pods have, it changes nothing.
  public var rotate = false
  public var singleRequest = false
  public var singleRequestReopen = false
  /// Queries go over TCP.
  public var useVC = false
  /// AAAA is asked beside A, as getaddrinfo does without an address family.
  public var asksAAAA = true
  /// Search domains of the node, behind the three of the pod's namespace.
  public var nodeSearch: [String] = []

  public init() {}

  /// An option of resolv.conf as a pod's dnsConfig writes it.
  /// - Returns: false if there is no such option, or its value is none.
  public mutating func apply(_ option: PodDNS.Option) -> Bool {
    let number = option.value.flatMap { Int($0) }
    switch option.name {
    case "ndots":
      guard let number, number >= 0 else { return false }
      ndots = min(number, 15)  // resolv.conf(5): silently capped
    case "timeout":
      guard let number, number > 0 else { return false }
      timeout = .seconds(Int64(min(number, 30)))  // resolv.conf(5): silently capped
    case "attempts":
      guard let number, number > 0 else { return false }
      attempts = min(number, 5)  // resolv.conf(5): silently capped
    case "rotate": rotate = true
    case "single-request": singleRequest = true
    case "single-request-reopen": singleRequestReopen = true
    case "use-vc": useVC = true
    case "no-aaaa": asksAAAA = false
    default: return Self.ignoredOptions.contains(option.name)
    }
    return true
  }

  /// Options of resolv.conf(5) that change nothing here.
  static var ignoredOptions: [String] {
    ["debug", "edns0", "inet6", "no-check-names", "no-tld-query", "trust-ad", "no-reload"]
  }

  /// The names that are asked for in turn until one has an address.
  /// - Parameter search: resolv.conf's list.
  public func candidates(for name: String, search: [String]) -> [String] {
    if name.hasSuffix(".") { return [ControlPlane.normalised(name)] }
    let plain = ControlPlane.normalised(name)
    let dots = plain.utf8.count { $0 == UInt8(ascii: ".") }
    let suffixed = search.map { "\(plain).\($0)" }
    guard dots >= ndots else { return suffixed + [plain] }
    // musl leaves the search list alone then (src/network/lookup_name.c, name_from_dns_search).
    return library == .musl ? [plain] : [plain] + suffixed
  }
}
