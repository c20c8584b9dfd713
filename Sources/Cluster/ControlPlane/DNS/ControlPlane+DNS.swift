// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names: the cluster's zone as CoreDNS makes it from Services and slices, and the names outside that the
// scenario has. The answer is that of the API's present state; delay, loss and caching of queries are the
// client's matter.

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// Names with fewer dots go through the search list first (pod resolv.conf, FACTS G).
  static var searchDots: Int { 5 }
  /// Longest chain of CNAMEs that is followed. Assumed; CoreDNS stops at 8.
  static var chainLimit: Int { 8 }

  /// Resolves a name as a pod of `namespace` does, or (nil) somebody without the cluster's search list who
  /// sees only the names outside.
  public func resolve(_ name: String, from namespace: String?) -> DNSAnswer {
    let domain = settings.dns.clusterDomain
    guard let namespace else { return lookUp(external: Self.normalised(name)) }
    var candidates = [Self.normalised(name)]
    let dots = name.count { $0 == "." }
    if !name.hasSuffix(".") && dots < Self.searchDots {
      let search = ["\(namespace).svc.\(domain)", "svc.\(domain)", domain]
      candidates = search.map { "\(Self.normalised(name)).\($0)" } + candidates
    }
    for (index, candidate) in candidates.enumerated() {
      var answer = lookUp(candidate, depth: 0)
      answer.queries = index + 1
      if answer.exists || index == candidates.count - 1 { return answer }
    }
    return DNSAnswer(addresses: [], ttl: settings.dns.ttl, exists: false)
  }

  /// The addresses that a Service's own name stands for.
  public func resolve(_ service: ServiceID) -> DNSAnswer { lookUp(service, hostname: nil, depth: 0) }

  /// Lower case, without the dot of the root.
  static func normalised(_ name: String) -> String {
    let lower = name.lowercased()
    return lower.hasSuffix(".") ? String(lower.dropLast()) : lower
  }

  private var nameError: DNSAnswer { DNSAnswer(addresses: [], ttl: settings.dns.ttl, exists: false) }

  private func lookUp(_ name: String, depth: Int) -> DNSAnswer {
    let zone = ".svc.\(settings.dns.clusterDomain)"
    guard name.hasSuffix(zone) else {
      return name.hasSuffix(".\(settings.dns.clusterDomain)") ? nameError : lookUp(external: name)
    }
    let labels = name.dropLast(zone.count).split(separator: ".").map(String.init)
    guard labels.count == 2 || labels.count == 3 else { return nameError }
    let service = NamespacedName(namespace: labels[labels.count - 1], name: labels[labels.count - 2])
    guard let id = store.serviceID(service) else { return nameError }
    return lookUp(id, hostname: labels.count == 3 ? labels[0] : nil, depth: depth)
  }

  private func lookUp(external name: String) -> DNSAnswer {
    guard let record = externalRecords[name] else { return nameError }
    return DNSAnswer(addresses: record.addresses, ttl: record.ttl)
  }

  private func lookUp(_ id: ServiceID, hostname: String?, depth: Int) -> DNSAnswer {
    guard let service = store.service(id) else { return nameError }
    let ttl = settings.dns.ttl
    if service.serviceType == .externalName {
      guard depth < Self.chainLimit, hostname == nil, let target = service.spec.externalName else {
        return nameError
      }
      var answer = lookUp(Self.normalised(target), depth: depth + 1)
      // The CNAME itself exists even where its target does not.
      answer.ttl = min(answer.ttl, ttl)
      answer.canonicalName = answer.canonicalName ?? Self.normalised(target)
      return answer
    }
    if let address = service.clusterAddress {
      return hostname == nil ? DNSAnswer(addresses: [address], ttl: ttl) : nameError
    }
    let addresses = headlessAddresses(of: id, hostname: hostname)
    // A headless Service without ready endpoints has no records at all (CoreDNS answers NXDOMAIN).
    return DNSAnswer(addresses: addresses, ttl: ttl, exists: !addresses.isEmpty)
  }

  /// Ready endpoints (the controller counts all as ready where publishNotReadyAddresses is set), each address
  /// once, in the order of the slices.
  private func headlessAddresses(of id: ServiceID, hostname: String?) -> [IPv4Address] {
    var addresses: [IPv4Address] = []
    for slice in store.slices(of: id) {
      for endpoint in slice.endpoints where endpoint.isReady {
        if let hostname, self.hostname(of: endpoint) != hostname { continue }
        for text in endpoint.addresses {
          if let address = IPv4Address(text), !addresses.contains(address) { addresses.append(address) }
        }
      }
    }
    return addresses
  }

  /// What the API says of a Service to CoreDNS; nil: there is none.
  public func dnsRecords(of id: ServiceID) -> DNSRecords? {
    guard let service = store.service(id) else { return nil }
    if service.serviceType == .externalName { return service.spec.externalName.map { .alias($0) } }
    if let address = service.clusterAddress { return .address(address) }
    var list: [DNSEndpoint] = []
    for slice in store.slices(of: id) {
      for endpoint in slice.endpoints where endpoint.isReady {
        let name = hostname(of: endpoint)
        for address in endpoint.addresses.compactMap({ IPv4Address($0) }) {
          list.append(DNSEndpoint(hostname: name, address: address))
        }
      }
    }
    return .endpoints(list)
  }

  /// A name outside the cluster as its own zone has it now.
  public func externalRecord(_ name: String) -> ExternalRecord? { externalRecords[Self.normalised(name)] }

  /// The name of an endpoint under a headless Service: its pod's hostname.
  private func hostname(of endpoint: Endpoint) -> String? {
    endpoint.hostname
      ?? endpoint.targetPod.flatMap { store.podID($0) }.flatMap { store.pod($0)?.spec.hostname }
  }
}
