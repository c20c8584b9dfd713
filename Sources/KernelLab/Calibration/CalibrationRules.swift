// SPDX-License-Identifier: GPL-3.0-or-later
//
// The rules of a calibration table: the shape of kube-proxy's (golden/cluster/iptables and nftables), one
// endpoint per Service, and all Services with the same endpoint.

import NetworkTypes

struct CalibrationRules {
  var table: CalibrationTable
  var endpoint: LabEnd
  var podNetwork: IPv4CIDR
  /// kubeadm's service subnet; the first block is left to the API server and DNS.
  var serviceNetwork = IPv4CIDR("10.96.0.0/12")!

  static let port: UInt16 = 80

  func address(of service: Int) -> IPv4Address { serviceNetwork.address(at: UInt64(256 + service)) }

  var text: String { table.mode == .nftables ? nftables : iptables }

  // MARK: iptables

  /// As long as kube-proxy's chain names, which end with 16 characters of a hash.
  private func chain(_ kind: String, _ service: Int) -> String {
    let number = String(service)
    return kind + String(repeating: "X", count: 16 - number.count) + number
  }

  private var filter: String {
    """
    *filter
    :INPUT ACCEPT [0:0]
    :FORWARD ACCEPT [0:0]
    :OUTPUT ACCEPT [0:0]
    :KUBE-EXTERNAL-SERVICES - [0:0]
    :KUBE-FORWARD - [0:0]
    :KUBE-NODEPORTS - [0:0]
    :KUBE-PROXY-FIREWALL - [0:0]
    :KUBE-SERVICES - [0:0]
    -A INPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
    -A INPUT -j KUBE-NODEPORTS
    -A INPUT -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
    -A FORWARD -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
    -A FORWARD -j KUBE-FORWARD
    -A FORWARD -m conntrack --ctstate NEW -j KUBE-SERVICES
    -A FORWARD -m conntrack --ctstate NEW -j KUBE-EXTERNAL-SERVICES
    -A OUTPUT -m conntrack --ctstate NEW -j KUBE-PROXY-FIREWALL
    -A OUTPUT -m conntrack --ctstate NEW -j KUBE-SERVICES
    -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
    -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
    -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    COMMIT

    """
  }

  private var iptables: String {
    var chains: [String] = []
    var dispatch: [String] = []
    var rules: [String] = []
    for service in 0..<table.services {
      let (svc, sep, vip) = (chain("KUBE-SVC-", service), chain("KUBE-SEP-", service), address(of: service))
      chains.append(":\(svc) - [0:0]\n:\(sep) - [0:0]")
      let match =
        "-d \(vip)/32 -p udp -m comment --comment \"default/s\(service) cluster IP\" -m udp --dport 80"
      dispatch.append("-A KUBE-SERVICES \(match) -j \(svc)")
      rules.append("-A \(svc) ! -s \(podNetwork) \(match) -j KUBE-MARK-MASQ")
      rules.append("-A \(svc) -m comment --comment \"default/s\(service) -> \(endpoint)\" -j \(sep)")
      let name = "-m comment --comment default/s\(service)"
      rules.append("-A \(sep) -s \(endpoint.address)/32 \(name) -j KUBE-MARK-MASQ")
      rules.append("-A \(sep) -p udp \(name) -m udp -j DNAT --to-destination \(endpoint)")
    }
    return filter + """
      *nat
      :PREROUTING ACCEPT [0:0]
      :INPUT ACCEPT [0:0]
      :OUTPUT ACCEPT [0:0]
      :POSTROUTING ACCEPT [0:0]
      :KUBE-MARK-MASQ - [0:0]
      :KUBE-NODEPORTS - [0:0]
      :KUBE-POSTROUTING - [0:0]
      :KUBE-SERVICES - [0:0]
      \(chains.joined(separator: "\n"))
      -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
      -A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
      -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
      -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
      -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
      -A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
      -A KUBE-POSTROUTING -j MASQUERADE --random-fully
      \(dispatch.joined(separator: "\n"))
      -A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
      \(rules.joined(separator: "\n"))
      COMMIT

      """
  }

  // MARK: nftables

  private var nftables: String {
    let services = 0..<table.services
    let ips = services.map { address(of: $0).description }.joined(separator: ", ")
    let targets = services.map { "\(address(of: $0)) . udp . 80 : goto service-\($0)" }
      .joined(separator: ", ")
    // Services of other addresses: the lookup misses.
    let elsewhere = services.map { "10.111.\($0 / 256).\($0 % 256) . udp . 80 : drop" }.joined(
      separator: ", ")
    let maps = (0..<table.moreLookups).map {
      "  map more-\($0) { type ipv4_addr . inet_proto . inet_service : verdict; elements = { \(elsewhere) }; }\n"
    }
    let lookups = (0..<table.moreLookups).map { "    ip daddr . meta l4proto . th dport vmap @more-\($0)\n" }
    let rules = (0..<table.moreRules).map { "    ip daddr 10.112.0.\($0) udp dport 80 drop\n" }
    let chains = services.map {
      "  chain service-\($0) {\n    meta l4proto udp dnat ip to numgen random mod 1 map "
        + "{ 0 : \(endpoint.address) . \(endpoint.port) }\n  }\n"
    }
    return "table ip kube-proxy {\n" + nftablesSets(ips, targets) + maps.joined() + nftablesHooks
      + "  chain services {\n"
      + "    ip daddr @cluster-ips ip saddr != \(podNetwork) meta mark set meta mark | 0x00004000\n"
      + lookups.joined() + rules.joined()
      + "    ip daddr . meta l4proto . th dport vmap @service-ips\n"
      + "    ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports\n  }\n" + chains.joined()
      + "}\n"
  }

  private func nftablesSets(_ ips: String, _ targets: String) -> String {
    """
      set cluster-ips { type ipv4_addr; elements = { \(ips) }; }
      set nodeport-ips { type ipv4_addr; elements = { 172.18.0.2 }; }
      set hairpin-connections {
        type ipv4_addr . ipv4_addr . inet_proto . inet_service
        elements = { \(endpoint.address) . \(endpoint.address) . udp . \(endpoint.port) }
      }
      map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
      map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
      map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
      map service-ips {
        type ipv4_addr . inet_proto . inet_service : verdict
        elements = { \(targets) }
      }
      map service-nodeports { type inet_proto . inet_service : verdict; }

    """
  }

  private var nftablesHooks: String {
    """
      chain filter-prerouting-pre-dnat {
        type filter hook prerouting priority dstnat - 10; policy accept;
        ct state new jump firewall-check
      }
      chain filter-input {
        type filter hook input priority filter; policy accept;
        ct state new jump nodeport-endpoints-check
        ct state new jump service-endpoints-check
      }
      chain filter-forward {
        type filter hook forward priority filter; policy accept;
        ct state new jump service-endpoints-check
        ct state new jump cluster-ips-check
      }
      chain nat-prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        jump services
      }
      chain nat-postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        jump masquerading
      }
      chain nodeport-endpoints-check {
        ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
      }
      chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
      chain firewall-check { ip daddr . meta l4proto . th dport vmap @firewall-ips; }
      chain masquerading {
        meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 masquerade fully-random
        ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections \
          masquerade fully-random
      }
      chain cluster-ips-check {
        ip daddr @cluster-ips reject
        ip daddr \(serviceNetwork) drop
      }

    """
  }
}
