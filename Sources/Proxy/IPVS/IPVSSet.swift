// SPDX-License-Identifier: GPL-3.0-or-later
//
// The ipsets of kube-proxy's ipvs mode: names, types and comments (k/k pkg/proxy/ipvs/ipset.go, ipsetInfo in
// proxier.go), and entries in the form of `ipset save`.

import NetworkTypes

enum IPVSSetName: String, CaseIterable {
  case loopBack = "KUBE-LOOP-BACK"
  case clusterIP = "KUBE-CLUSTER-IP"
  case externalIP = "KUBE-EXTERNAL-IP"
  case externalIPLocal = "KUBE-EXTERNAL-IP-LOCAL"
  case loadBalancer = "KUBE-LOAD-BALANCER"
  case loadBalancerFirewall = "KUBE-LOAD-BALANCER-FW"
  case loadBalancerLocal = "KUBE-LOAD-BALANCER-LOCAL"
  case loadBalancerSourceIP = "KUBE-LOAD-BALANCER-SOURCE-IP"
  case loadBalancerSourceCIDR = "KUBE-LOAD-BALANCER-SOURCE-CIDR"
  case nodePortTCP = "KUBE-NODE-PORT-TCP"
  case nodePortLocalTCP = "KUBE-NODE-PORT-LOCAL-TCP"
  case nodePortUDP = "KUBE-NODE-PORT-UDP"
  case nodePortLocalUDP = "KUBE-NODE-PORT-LOCAL-UDP"
  case nodePortSCTP = "KUBE-NODE-PORT-SCTP-HASH"
  case nodePortLocalSCTP = "KUBE-NODE-PORT-LOCAL-SCTP-HASH"
  case healthCheckNodePort = "KUBE-HEALTH-CHECK-NODE-PORT"
  /// The addresses of kube-ipvs0.
  case boundAddresses = "KUBE-IPVS-IPS"

  var type: String {
    switch self {
    case .loopBack, .loadBalancerSourceIP: "hash:ip,port,ip"
    case .loadBalancerSourceCIDR: "hash:ip,port,net"
    case .nodePortTCP, .nodePortLocalTCP, .nodePortUDP, .nodePortLocalUDP, .healthCheckNodePort:
      "bitmap:port"
    case .boundAddresses: "hash:ip"
    default: "hash:ip,port"
    }
  }

  /// The comment of the rules that ask for the set.
  var comment: String {
    switch self {
    case .loopBack: "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose"
    case .clusterIP: "Kubernetes service cluster ip + port for masquerade purpose"
    case .externalIP: "Kubernetes service external ip + port for masquerade and filter purpose"
    case .externalIPLocal: "Kubernetes service external ip + port with externalTrafficPolicy=local"
    case .loadBalancer: "Kubernetes service lb portal"
    case .loadBalancerFirewall:
      "Kubernetes service load balancer ip + port for load balancer with sourceRange"
    case .loadBalancerLocal: "Kubernetes service load balancer ip + port with externalTrafficPolicy=local"
    case .loadBalancerSourceIP:
      "Kubernetes service load balancer ip + port + source IP for packet filter purpose"
    case .loadBalancerSourceCIDR:
      "Kubernetes service load balancer ip + port + source cidr for packet filter purpose"
    case .nodePortTCP: "Kubernetes nodeport TCP port for masquerade purpose"
    case .nodePortLocalTCP: "Kubernetes nodeport TCP port with externalTrafficPolicy=local"
    case .nodePortUDP: "Kubernetes nodeport UDP port for masquerade purpose"
    case .nodePortLocalUDP: "Kubernetes nodeport UDP port with externalTrafficPolicy=local"
    case .nodePortSCTP: "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'"
    case .nodePortLocalSCTP:
      "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'"
    case .healthCheckNodePort: "Kubernetes health check node port"
    case .boundAddresses: "Kubernetes ipvs addresses"
    }
  }

  /// `ipset save`; the initial value of the hash, which is random, is left out. Sizes: CreateSet in
  /// pkg/proxy/ipvs/ipset/ipset.go.
  var createLine: String {
    type == "bitmap:port"
      ? "create \(rawValue) \(type) range 0-65535"
      : "create \(rawValue) \(type) family inet hashsize 1024 maxelem 65536"
  }
}

/// One element of a set.
enum IPVSSetEntry: Hashable {
  case addressPort(IPv4Address, TransportProtocol, UInt16)
  case addressPortAddress(IPv4Address, TransportProtocol, UInt16, IPv4Address)
  case addressPortBlock(IPv4Address, TransportProtocol, UInt16, IPv4CIDR)
  case port(UInt16)
  case address(IPv4Address)

  var text: String {
    switch self {
    case .addressPort(let address, let transport, let port): "\(address),\(transport.name):\(port)"
    case .addressPortAddress(let address, let transport, let port, let second):
      "\(address),\(transport.name):\(port),\(second)"
    case .addressPortBlock(let address, let transport, let port, let block):
      // A /32 is printed as an address.
      "\(address),\(transport.name):\(port),\(block.prefixLength == 32 ? "\(block.base)" : "\(block)")"
    case .port(let port): "\(port)"
    case .address(let address): "\(address)"
    }
  }

  /// Order of the listing; a real set's is that of its hash.
  private var sortKey: (UInt32, UInt8, UInt16, UInt32) {
    switch self {
    case .addressPort(let a, let t, let p): (a.bits, t.rawValue, p, 0)
    case .addressPortAddress(let a, let t, let p, let b): (a.bits, t.rawValue, p, b.bits)
    case .addressPortBlock(let a, let t, let p, let b): (a.bits, t.rawValue, p, b.base.bits)
    case .port(let p): (0, 0, p, 0)
    case .address(let a): (a.bits, 0, 0, 0)
    }
  }
  static func isOrderedBefore(_ a: Self, _ b: Self) -> Bool {
    a.sortKey != b.sortKey ? a.sortKey < b.sortKey : a.text < b.text
  }
}

/// All sets of one node.
struct IPVSSets {
  private var entries: [IPVSSetName: Set<IPVSSetEntry>] = [:]

  mutating func insert(_ entry: IPVSSetEntry, into name: IPVSSetName) {
    entries[name, default: []].insert(entry)
  }
  func isEmpty(_ name: IPVSSetName) -> Bool { entries[name]?.isEmpty ?? true }
  func sorted(_ name: IPVSSetName) -> [IPVSSetEntry] {
    (entries[name] ?? []).sorted(by: IPVSSetEntry.isOrderedBefore)
  }
  var entryCount: Int { IPVSSetName.allCases.reduce(0) { $0 + (entries[$1]?.count ?? 0) } }

  func contains(_ name: IPVSSetName, _ entry: IPVSSetEntry) -> Bool {
    entries[name]?.contains(entry) ?? false
  }

  /// A block of KUBE-LOAD-BALANCER-SOURCE-CIDR at this address and port that has the source.
  func block(_ address: IPv4Address, _ transport: TransportProtocol, _ port: UInt16, source: IPv4Address)
    -> IPVSSetEntry?
  {
    let all = entries[.loadBalancerSourceCIDR] ?? []
    return all.filter { entry in
      guard case .addressPortBlock(address, transport, port, let block) = entry else { return false }
      return block.contains(source)
    }.min(by: IPVSSetEntry.isOrderedBefore)
  }
}
