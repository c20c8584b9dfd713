// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names of chains, sets and maps as kube-proxy gives them (k/k pkg/proxy/nftables/proxier.go).

import Crypto
import NetworkTypes

/// The name behind a chain's kind: 8 characters of the base32 text (RFC 4648) of the SHA-256 hash of `name`,
/// a hyphen and `name` itself, cut to 240 bytes with "..." at the end. The hash keeps cut names apart.
///
/// Worked examples, from golden/cluster/nftables:
/// `default/web/tcp/` → `PFISGYVC-default/web/tcp/`;
/// `default/aff/tcp/__10.244.1.21/8080` → `S34STDCA-default/aff/tcp/__10.244.1.21/8080`.
func nftablesHashed(_ name: String) -> String {
  let full = base32Prefix(SHA256.hash(data: Array(name.utf8)), characters: 8) + "-" + name
  guard full.utf8.count > nftablesNameBaseLimit else { return full }
  // Names are ASCII: a byte is a character.
  return String(full.prefix(nftablesNameBaseLimit - 3)) + "..."
}

/// Kernel's limit of 256 bytes for names, less 16 for the prefix that tells the kind.
private let nftablesNameBaseLimit = 240

private func base32Prefix(_ bytes: some Sequence<UInt8>, characters: Int) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
  var text: [UInt8] = []
  var buffer: UInt32 = 0
  var bits = 0
  for byte in bytes {
    buffer = buffer << 8 | UInt32(byte)
    bits += 8
    while bits >= 5 && text.count < characters {
      bits -= 5
      text.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
    }
    buffer &= (1 << UInt32(bits)) - 1
    if text.count == characters { break }
  }
  return String(decoding: text, as: UTF8.self)
}

/// Says in text what symbolic names stand for; keeps what it has hashed.
struct NftablesNames {
  /// By port name: `namespace/name/protocol/port`, and `namespace/name` or `namespace/name:port`.
  private var bases: [PortNameID: String] = [:]
  private var labels: [PortNameID: String] = [:]
  private var endpoints: [UInt32: String] = [:]

  init(_ table: NftablesTable, _ history: borrowing ClusterHistory) {
    var ports: Set<PortNameID> = []
    for chain in table.chains {
      switch chain {
      case .clusterPolicy(let port), .localPolicy(let port), .external(let port), .firewall(let port):
        ports.insert(port)
      case .endpoint(let number):
        let endpoint = history.backends.endpoint(ofChain: number)
        let name = "\(Self.name(endpoint.portName, history))__\(endpoint.address)/\(endpoint.port)"
        endpoints[number] = nftablesHashed(name)
        ports.insert(endpoint.portName)
      default: break
      }
    }
    for map in NftablesMap.allCases {
      for element in (table.maps[map] ?? [:]).values { ports.insert(element.port) }
    }
    for port in ports {
      bases[port] = nftablesHashed(Self.name(port, history))
      labels[port] = history.label(of: port)
    }
  }

  private static func name(_ port: PortNameID, _ history: borrowing ClusterHistory) -> String {
    let key = history.portNames.values[port.index]
    return "\(history.serviceNames[key.service.index])/\(key.transport.name)/\(key.name)"
  }

  /// `namespace/name` or `namespace/name:port`, as in comments of elements.
  func label(_ port: PortNameID) -> String { labels[port] ?? "" }

  func text(_ chain: NftablesChain) -> String {
    switch chain {
    case .filterPrerouting: "filter-prerouting-pre-dnat"
    case .filterOutputPreDNAT: "filter-output-pre-dnat"
    case .filterInput: "filter-input"
    case .filterForward: "filter-forward"
    case .filterOutput: "filter-output"
    case .natPrerouting: "nat-prerouting"
    case .natOutput: "nat-output"
    case .natPostrouting: "nat-postrouting"
    case .nodePortEndpointsCheck: "nodeport-endpoints-check"
    case .serviceEndpointsCheck: "service-endpoints-check"
    case .firewallCheck: "firewall-check"
    case .services: "services"
    case .masquerading: "masquerading"
    case .clusterIPsCheck: "cluster-ips-check"
    case .reject: "reject-chain"
    case .markForMasquerade: "mark-for-masquerade"
    case .clusterPolicy(let port): "service-\(bases[port] ?? "")"
    case .localPolicy(let port): "local-\(bases[port] ?? "")"
    case .external(let port): "external-\(bases[port] ?? "")"
    case .firewall(let port): "firewall-\(bases[port] ?? "")"
    case .endpoint(let number): "endpoint-\(endpoints[number] ?? "")"
    }
  }

  func text(_ map: NftablesMap) -> String {
    switch map {
    case .noEndpointServices: "no-endpoint-services"
    case .noEndpointNodePorts: "no-endpoint-nodeports"
    case .firewallIPs: "firewall-ips"
    case .serviceIPs: "service-ips"
    case .serviceNodePorts: "service-nodeports"
    }
  }

  func text(_ set: NftablesSet) -> String {
    switch set {
    case .hairpinConnections: "hairpin-connections"
    case .clusterIPs: "cluster-ips"
    case .nodePortIPs: "nodeport-ips"
    case .affinity(let number): "affinity-\(endpoints[number] ?? "")"
    }
  }
}

extension ClusterHistory {
  /// A Service port as kube-proxy names it: `namespace/name`, with `:port` where the port has a name.
  func label(of port: PortNameID) -> String {
    let key = portNames.values[port.index]
    return "\(serviceNames[key.service.index])" + (key.name.isEmpty ? "" : ":\(key.name)")
  }
}
