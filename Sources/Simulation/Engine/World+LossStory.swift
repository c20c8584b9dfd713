// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the but-for test must know of a packet that was lost: of a connection of the run, or of a probe that
// `sim trace` walks. And its findings in words.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Traffic

/// The way of a connection up to the loss of its packet.
struct LossStory {
  /// As the client sent it. Behind another node's masquerade a deciding node saw that node's address, which
  /// the decision depends on only through its origin.
  var tuple: FlowTuple
  var clientHost: HostReference
  /// −1: outside.
  var clientNode: Int
  /// Where a table chose `backend`.
  var decidingNode: Int?
  var backend: BackendID?
  /// −1: unknown.
  var backendNode = -1
  /// By which a packet from outside entered.
  var entryNode: Int?
  /// The node from which the load balancer took the open connection.
  var movedFrom: Int?
  var wasEstablished = false
  var hasLostConntrack = false
  /// The backend was chosen for an earlier packet, so that no table was asked for this one.
  var isDecidedByConntrack = false
  var openedAt = SimTime.zero
  /// The client looked its destination up.
  var asksDNS = false
  /// The address came from a DNS answer that a fresh query would not give any more.
  var hasStaleAnswer = false
  /// It was meant for a Service that exists, or did.
  var isForService = false

  var originOfDecision: FlowOrigin { decidingNode.map { origin(at: $0) } ?? .outside }

  /// Where the packet came from for the tables of `node`.
  func origin(at node: Int) -> FlowOrigin {
    if clientNode != node { return .outside }
    return clientHost.kind == .pod ? .pod : .node
  }
}

extension World {
  func story(_ slot: UInt32) -> LossStory {
    let c = connections[slot].pointee
    let instance = instances[Int(c.instance)]
    let group = instance.group
    var story = LossStory(tuple: dialled(slot), clientHost: instance.host, clientNode: instance.node)
    if c.decidingNode != .max { story.decidingNode = Int(c.decidingNode) }
    if c.backend != .max { story.backend = BackendID(c.backend) }
    if c.entryNode != .max { story.entryNode = Int(c.entryNode) }
    story.movedFrom = balancedFlow(slot)?.movedFrom
    story.backendNode = backendNode(slot)
    story.wasEstablished = c.wasEstablished
    story.hasLostConntrack = c.hasLostConntrack
    // A socket that an agent should have destroyed is as stale as the agent: no conntrack decided there.
    story.isDecidedByConntrack = !c.isTranslatedAtSocket && c.decidedAt < c.phaseStart
    story.openedAt = SimTime(nanoseconds: c.openedAt)
    if c.isLookup {
      story.isForService = true
      return story
    }
    story.asksDNS = groups[group].asksDNS
    story.isForService = !groups[group].service.isNone
    if story.asksDNS {
      story.hasStaleAnswer = !answers[groups[group].answer].addresses.contains(story.tuple.destination)
    }
    return story
  }

  func backendNode(_ slot: UInt32) -> Int {
    let c = connections[slot].pointee
    if c.server != .max { return nodeIndex(of: servers[Int(c.server)].host) }
    guard c.backend != .max, let pod = proxies.backend(.init(c.backend)).pod else { return -1 }
    return control.pods[pod.index].node.isNone ? -1 : control.pods[pod.index].node.index
  }

  // MARK: In words

  func savedBy(_ cause: Cause, node: Int?) -> String {
    let place = node.map { $0 >= 0 ? " on \(nodePlanes[$0].name)" : "" } ?? ""
    switch cause {
    case .clientPortsExhausted: return "more client ports"
    case .nameNotFound: return "a name that exists"
    case .staleDNS: return "a fresh DNS answer"
    case .dnsLost: return "a DNS answer"
    case .insertRace: return "no race of two insertions\(place)"
    case .lbNoTarget: return "a healthy target"
    case .lbStaleTarget:
      return "a fresh health check of\(place.isEmpty ? " the node" : String(place.dropFirst(3)))"
    case .lbMoved: return "a load balancer that keeps flows\(place.isEmpty ? "" : " where they are")"
    case .lbDrained: return "a longer time to drain\(place)"
    case .idleTimeout: return "a longer idle timeout"
    case .partition: return "a whole network"
    case .networkLoss: return "a lossless path"
    case .staleRoute: return "a fresh route\(place)"
    case .nodeAddressChanged: return "a node address that stays"
    case .nodeDown: return "a running node"
    case .staleAPI: return "an API that knew at once"
    case .staleTable: return "a fresh table\(place)"
    case .tableSwap: return "tables committed together\(place)"
    case .noEndpoints: return "a ready endpoint"
    case .localPolicy: return "a ready endpoint\(place)"
    case .sourceRange: return "a source inside loadBalancerSourceRanges"
    case .nodePortAddress: return "another nodePortAddresses\(place)"
    case .notProxied: return "a Service at this address and port"
    case .conntrackFull: return "a larger conntrack table\(place)"
    case .conntrackExpired: return "a conntrack entry that lives\(place)"
    case .conntrackInvalid: return "a valid conntrack state\(place)"
    case .staleConntrack: return "a deleted conntrack entry\(place)"
    case .snatPortsExhausted: return "more source ports\(place)"
    case .mapFull: return "a larger map\(place)"
    case .icmpLimited: return "no limit on ICMP errors\(place)"
    case .ipReused: return "an address that is not reused so soon"
    case .portClosed: return "a server on this port"
    case .podTerminated: return "a server that drains"
    case .serverCrashed: return "a server that does not crash"
    case .backlogFull: return "a longer accept queue"
    case .serverTimeout: return "a faster server"
    }
  }
}
