// SPDX-License-Identifier: GPL-3.0-or-later
//
// One CoreDNS process: its own view of the API, which lags, its cache, and what it forwards. Logic without
// I/O: a question gives an answer or a name to ask upstream.
//
//     question -> cache -> kubernetes plugin (cluster's domain) -> forward (all other names)

import NetworkTypes
import SimKernel
import SimRandom

/// What a CoreDNS process does with a question.
public enum DNSStep: Sendable, Equatable {
  case answer(DNSResponse)
  /// Asks upstream for this question; `finish` takes the answer.
  case forward(DNSQuestion)
}

public struct CoreDNSServer: Sendable {
  private let ttl: SimDuration
  private let domain: String
  private let settings: CoreDNSSettings
  private let delay: Sampler
  private let key: RandomKey
  private let startedAt: SimTime
  private var cache: DNSCache
  /// Which version of a Service it has, and when that one came.
  private var views: [NamespacedName: (version: Int, at: SimTime)] = [:]

  /// - Parameters:
  ///   - watchDelay: of `CoreDNSSettings`, prepared.
  ///   - key: of its draws of watch delays, one per version that it is told.
  ///   - startedAt: versions of before are in the list with which its watch begins.
  public init(_ settings: DNSSettings, watchDelay: Sampler, key: RandomKey, startedAt: SimTime) {
    ttl = settings.ttl
    domain = settings.clusterDomain
    self.settings = settings.coreDNS
    delay = watchDelay
    self.key = key
    self.startedAt = startedAt
    cache = DNSCache(
      successLimit: settings.coreDNS.cacheTTL, denialLimit: settings.coreDNS.cacheTTL,
      minimum: settings.coreDNS.cacheMinimum)
  }

  public mutating func answer(
    _ question: DNSQuestion, at now: SimTime, zone: borrowing ClusterZone
  ) -> DNSStep {
    let isCluster = isInDomain(question.name)
    if !isCluster || settings.cachesClusterDomain, let kept = cache.find(question, at: now) {
      return .answer(kept)
    }
    guard isCluster else { return .forward(question) }
    let step = clusterAnswer(question, at: now, zone: zone, depth: 0)
    if settings.cachesClusterDomain, case .answer(let response) = step {
      return .answer(cache.keep(response, for: question, at: now))
    }
    return step
  }

  /// Upstream has answered what `answer` forwarded.
  /// - Parameter question: what the client asked; another one than forwarded where that was an alias.
  public mutating func finish(
    _ question: DNSQuestion, forwarded: DNSQuestion, _ response: DNSResponse, at now: SimTime
  ) -> DNSResponse {
    // The target of an alias passes by the cache too, under its own name.
    let kept = cache.keep(response, for: forwarded, at: now)
    return forwarded == question ? kept : throughAlias(kept)
  }

  /// A CNAME before the answer: its own TTL counts too, and it exists even where its target does not.
  private func throughAlias(_ response: DNSResponse) -> DNSResponse {
    var answer = response
    answer.ttl = min(answer.ttl, ttl)
    return answer
  }

  private func isInDomain(_ name: String) -> Bool { name == domain || name.hasSuffix(".\(domain)") }

  private var nameError: DNSStep { .answer(DNSResponse(.nameError, ttl: ttl)) }

  private mutating func clusterAnswer(
    _ question: DNSQuestion, at now: SimTime, zone: borrowing ClusterZone, depth: Int
  ) -> DNSStep {
    guard let (service, hostname) = Self.service(in: question.name, domain: domain) else { return nameError }
    switch records(of: service, at: now, zone: zone) {
    case nil: return nameError
    case .address(let address):
      return hostname == nil ? found([address], question) : nameError
    case .endpoints(let list):
      var addresses: [IPv4Address] = []
      for endpoint in list where hostname == nil || endpoint.hostname == hostname {
        if !addresses.contains(endpoint.address) { addresses.append(endpoint.address) }
      }
      return addresses.isEmpty ? nameError : found(addresses, question)
    case .alias(let target):
      guard hostname == nil, depth < ControlPlane.chainLimit else { return nameError }
      return follow(DNSQuestion(ControlPlane.normalised(target), question.type), now, zone, depth)
    }
  }

  private mutating func follow(
    _ target: DNSQuestion, _ now: SimTime, _ zone: borrowing ClusterZone, _ depth: Int
  ) -> DNSStep {
    if isInDomain(target.name) {
      let step = clusterAnswer(target, at: now, zone: zone, depth: depth + 1)
      if case .answer(let response) = step { return .answer(throughAlias(response)) }
      return step
    }
    if let kept = cache.find(target, at: now) { return .answer(throughAlias(kept)) }
    return .forward(target)
  }

  /// The name exists; it has no IPv6 address.
  private func found(_ addresses: [IPv4Address], _ question: DNSQuestion) -> DNSStep {
    .answer(DNSResponse(.noError, question.type == .a ? addresses : [], ttl: ttl))
  }

  /// `[hostname.]service.namespace.svc.domain`
  static func service(in name: String, domain: String) -> (NamespacedName, hostname: String?)? {
    let suffix = ".svc.\(domain)"
    guard name.hasSuffix(suffix) else { return nil }
    let labels = name.dropLast(suffix.count).split(separator: ".").map(String.init)
    guard labels.count == 2 || labels.count == 3 else { return nil }
    let service = NamespacedName(namespace: labels[labels.count - 1], name: labels[labels.count - 2])
    return (service, labels.count == 3 ? labels[0] : nil)
  }

  /// The Service as this process has been told so far. A watch delivers in order.
  private mutating func records(
    of service: NamespacedName, at now: SimTime, zone: borrowing ClusterZone
  ) -> DNSRecords? {
    guard let versions = zone.versions[service] else { return nil }
    var view = views[service] ?? (-1, .zero)
    while view.version + 1 < versions.count {
      let next = versions[view.version + 1]
      let arrival = next.at <= startedAt ? startedAt : max(view.at, next.at + watchDelay(service, next.at))
      if arrival > now { break }
      view = (view.version + 1, arrival)
    }
    views[service] = view
    return view.version < 0 ? nil : versions[view.version].records
  }

  private func watchDelay(_ service: NamespacedName, _ at: SimTime) -> SimDuration {
    let entity = StableHash.mix(
      StableHash.string(service.description, seed: 1) ^ UInt64(bitPattern: at.nanoseconds))
    var stream = RandomStream(key: key.deriving(entity))
    return delay.duration(&stream)
  }
}
