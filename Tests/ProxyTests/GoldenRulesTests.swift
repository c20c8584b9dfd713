// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rung 4 of DESIGN 4: the rules of three real nodes (kube-proxy 1.36.2, iptables mode), rule by rule. Chain
// names are compared as "kind and Service port", dispatch chains without their order, which is arbitrary.

import Cluster
import Foundation
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

/// Rules by "table chain", each as one line of features.
private typealias RuleText = [String: [String]]

private func golden(_ name: String) throws -> [String] {
  let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name)")
  return try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map(String.init)
}

/// Reads `iptables-save` text.
private struct SavedRules {
  private var services: [String: String] = [:]
  private var targets: [String: String] = [:]
  private(set) var rules: RuleText = [:]

  init(_ lines: [String]) {
    for line in lines where line.hasPrefix("-A ") { learnNames(Self.words(line)) }
    var table = ""
    for line in lines {
      if line.hasPrefix("*") { table = String(line.dropFirst()) }
      if line.hasPrefix("-A ") { add(table, Self.words(line)) }
    }
  }

  /// Splits at blanks outside quotes.
  private static func words(_ line: String) -> [String] {
    var words: [String] = []
    for (i, part) in line.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
      if i % 2 == 1 {
        words.append(String(part))
      } else {
        words += part.split(separator: " ").map(String.init)
      }
    }
    return words
  }

  private static func hash(_ chain: String) -> String? {
    let parts = chain.split(separator: "-")
    guard parts.count == 3, ["SVC", "SVL", "EXT", "FW", "SEP"].contains(parts[1]) else { return nil }
    return String(parts[2])
  }

  private mutating func learnNames(_ words: [String]) {
    guard let comment = words.firstIndex(of: "--comment").map({ words[$0 + 1] }) else { return }
    guard let service = comment.split(separator: " ").first(where: { $0.hasPrefix("default/") }) else {
      return
    }
    // A jump to an endpoint chain has its Service's comment too, so both ends of a rule can be named.
    for word in words { if let hash = Self.hash(word) { services[hash] = String(service) } }
    if let target = words.firstIndex(of: "--to-destination"), let hash = Self.hash(words[1]) {
      targets[hash] = words[target + 1]
    }
  }

  private func name(_ chain: String) -> String {
    guard let hash = Self.hash(chain) else { return chain }
    let kind = chain.split(separator: "-")[1]
    return "\(kind) \(services[hash] ?? "?")" + (targets[hash].map { " \($0)" } ?? "")
  }

  private mutating func add(_ table: String, _ words: [String]) {
    let foreign = ["KUBE-FIREWALL", "KIND-MASQ-AGENT"]
    if words.contains(where: { foreign.contains($0) }) || table == "mangle" { return }
    var features: [String] = []
    var isNegated = false
    var i = 2
    while i < words.count {
      let next = i + 1 < words.count ? words[i + 1] : ""
      let not = isNegated ? "!" : ""
      isNegated = words[i] == "!"
      switch words[i] {
      case "-s", "-d", "--dport", "--dst-type", "--src-type", "--ctstate", "--seconds":
        features.append("\(not)\(words[i]) \(next)")
      case "-p": features.append("-p \(next)")
      case "--mark": features.append("\(not)mark")
      case "--probability": features.append("1/\(Int((1 / (Double(next) ?? 1)).rounded()))")
      case "--rcheck", "--set": features.append(words[i])
      case "--name": features.append("list \(name(next))")
      case "-j": features.append("-j \(name(next))")
      case "--to-destination": features.append(next)
      case "--set-xmark": features.append(next == "0x4000/0x4000" ? "or" : "xor")
      default: break
      }
      i += 1
    }
    rules["\(table) \(name(words[1]))", default: []].append(features.sorted().joined(separator: " "))
  }
}

/// Writes our rules with the same features.
private struct RuleWriter {
  /// `default/name` or `default/name:port`.
  var services: [ServicePortID: String]
  var targets: [BackendID: String]

  func name(_ chain: IptablesChainName) -> String {
    switch chain {
    case .prerouting: "PREROUTING"
    case .input: "INPUT"
    case .forward: "FORWARD"
    case .output: "OUTPUT"
    case .postrouting: "POSTROUTING"
    case .services: "KUBE-SERVICES"
    case .nodePorts: "KUBE-NODEPORTS"
    case .externalServices: "KUBE-EXTERNAL-SERVICES"
    case .proxyFirewall: "KUBE-PROXY-FIREWALL"
    case .kubeForward: "KUBE-FORWARD"
    case .markMasquerade: "KUBE-MARK-MASQ"
    case .kubePostrouting: "KUBE-POSTROUTING"
    case .clusterPolicy(let id): "SVC \(services[id] ?? "?")"
    case .localPolicy(let id): "SVL \(services[id] ?? "?")"
    case .external(let id): "EXT \(services[id] ?? "?")"
    case .firewall(let id): "FW \(services[id] ?? "?")"
    case .endpoint(let id, let backend): "SEP \(services[id] ?? "?") \(targets[backend] ?? "?")"
    }
  }

  private func features(_ match: IptablesMatch) -> [String] {
    switch match {
    case .source(let block): ["-s \(block)"]
    case .notSource(let block): ["!-s \(block)"]
    case .destination(let block): ["-d \(block)"]
    case .notDestination(let block): ["!-d \(block)"]
    case .transport(let transport): ["-p \(transport.name)"]
    case .destinationPort(let port): ["--dport \(port)"]
    case .destinationIsLocal: ["--dst-type LOCAL"]
    case .sourceIsLocal: ["--src-type LOCAL"]
    case .oneIn(let n): ["1/\(n)"]
    case .seenRecently(let list, let within):
      ["--rcheck", "list \(name(list))", "--seconds \(within.nanoseconds / 1_000_000_000)"]
    case .stamp(let list): ["--set", "list \(name(list))"]
    case .isMarked: ["mark"]
    case .isNotMarked: ["!mark"]
    case .state(.new): ["--ctstate NEW"]
    case .state(.invalid): ["--ctstate INVALID"]
    case .state(.relatedOrEstablished): ["--ctstate RELATED,ESTABLISHED"]
    }
  }

  private func features(_ target: IptablesTarget) -> [String] {
    switch target {
    case .none: []
    case .jump(let chain): ["-j \(name(chain))"]
    case .dnat(_, let address, let port): ["-j DNAT", "\(address):\(port)"]
    case .mark: ["-j MARK", "or"]
    case .clearMark: ["-j MARK", "xor"]
    case .masquerade: ["-j MASQUERADE"]
    case .accept: ["-j ACCEPT"]
    case .reject: ["-j REJECT"]
    case .drop: ["-j DROP"]
    case .returnToCaller: ["-j RETURN"]
    }
  }

  func text(_ rules: IptablesRuleset) -> RuleText {
    var text: RuleText = [:]
    for (label, table) in [("nat", rules.nat), ("filter", rules.filter)] {
      for chain in table.names where !table[chain].isEmpty {
        text["\(label) \(name(chain))"] = table[chain].map { rule in
          (rule.matches.flatMap { features($0) } + features(rule.target)).sorted().joined(separator: " ")
        }
      }
    }
    return text
  }
}

/// Builds the golden cluster from Golden/cluster.txt.
private func goldenWorld(_ names: inout [String]) throws -> ProxyWorld {
  let settings = testSettings { $0.clusterCIDR = IPv4CIDR("10.244.0.0/16") }
  let suffixes = [("control-plane", "zone-a"), ("worker", "zone-a"), ("worker2", "zone-b")]
  var world = ProxyWorld(
    nodes: suffixes.enumerated().map { i, node in
      testNode(i, "test-cluster-\(node.0)", zone: node.1, ["172.18.0.\(2 + i)"], settings)
    })
  func list(_ word: String) -> [String] { word == "-" ? [] : word.split(separator: ",").map(String.init) }
  func text(_ word: String) -> String? { word == "-" ? nil : word }
  var service: Service?
  var slices: [EndpointSlice] = []
  for line in try golden("cluster.txt") + ["end"] where !line.hasPrefix("#") {
    let words = line.split(separator: " ").map(String.init)
    switch words[0] {
    case "port":
      var port = ServicePort()
      port.name = text(words[1]) ?? ""
      port.protocol = words[2]
      port.port = Int(words[3]) ?? 0
      port.nodePort = Int(words[4]) ?? 0
      service?.spec.ports.append(port)
    case "slice":
      let ports = list(words[1]).map { port in
        let parts = port.split(separator: "/", omittingEmptySubsequences: false)
        return EndpointPort(name: String(parts[0]), port: Int(parts[2]), protocol: String(parts[1]))
      }
      slices.append(EndpointSlice(metadata: ObjectMeta(name: "slice"), ports: ports))
    case "endpoint":
      var endpoint = Endpoint(addresses: [words[1]])
      endpoint.nodeName = text(words[2])
      (endpoint.ready, endpoint.serving) = (words[3].contains("R"), words[3].contains("S"))
      endpoint.terminating = words[3].contains("T")
      endpoint.zoneHints = words[4] == "-" ? nil : list(words[4])
      endpoint.nodeHints = words[5] == "-" ? nil : list(words[5])
      slices[slices.count - 1].endpoints.append(endpoint)
    default:
      if let service {
        world.put(names.count, service)
        world.put(names.count, slices: slices)
        names.append(service.metadata.name)
      }
      guard words[0] == "service" else { break }
      slices = []
      var fresh = Service(metadata: ObjectMeta(name: words[1]), spec: ServiceSpec())
      fresh.spec.type = words[2]
      fresh.spec.clusterIP = text(words[3])
      fresh.spec.externalTrafficPolicy = text(words[4])
      fresh.spec.internalTrafficPolicy = text(words[5])
      fresh.spec.sessionAffinity = words[6] == "0" ? "None" : "ClientIP"
      fresh.spec.affinityTimeoutSeconds = Int(words[6])
      fresh.spec.healthCheckNodePort = Int(words[7])
      fresh.spec.externalIPs = list(words[8])
      fresh.status.loadBalancerIngress = list(words[9]).map { LoadBalancerIngress(ip: $0) }
      fresh.spec.loadBalancerSourceRanges = list(words[10])
      service = fresh
    }
  }
  world.converge()
  return world
}

@Suite struct GoldenRulesTests {
  private static let unordered = [
    "nat KUBE-SERVICES", "nat KUBE-NODEPORTS", "filter KUBE-SERVICES", "filter KUBE-EXTERNAL-SERVICES",
    "filter KUBE-PROXY-FIREWALL", "filter KUBE-NODEPORTS",
  ]

  @Test(arguments: [("cp", 0), ("w1", 1), ("w2", 2)])
  func rulesAreThoseOfARealNode(file: String, node: Int) throws {
    var names: [String] = []
    var world = try goldenWorld(&names)
    var services: [ServicePortID: String] = [:]
    for id in 0..<world.fleet.servicePortCount {
      let key = world.fleet.servicePort(ServicePortID(id))
      services[ServicePortID(id)] =
        "default/\(names[key.service.index])" + (key.name.isEmpty ? "" : ":\(key.name)")
    }
    var targets: [BackendID: String] = [:]
    for id in 0..<world.fleet.backendCount {
      let backend = world.fleet.backend(BackendID(id))
      targets[BackendID(id)] = "\(backend.address):\(backend.port)"
    }
    let rules = world.fleet.iptablesRules(of: NodeID(node))
    let ours = RuleWriter(services: services, targets: targets).text(rules)
    let real = try SavedRules(golden("iptables-\(file).txt")).rules
    #expect(real.count > 90)
    #expect(ours.keys.sorted() == real.keys.sorted())
    for (chain, lines) in real {
      let mine = ours[chain] ?? []
      if Self.unordered.contains(chain) {
        #expect(mine.sorted() == lines.sorted(), "\(chain)")
      } else {
        #expect(mine == lines, "\(chain)")
      }
    }
    #expect(ours["nat KUBE-SERVICES"]?.last == real["nat KUBE-SERVICES"]?.last)
  }
}
