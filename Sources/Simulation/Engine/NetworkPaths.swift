// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long a packet takes from one place to the next, and whether it gets lost on the way.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Traffic

/// Kinds of hop; the raw value is the event queue's lane for a constant delay.
enum HopClass: Int, CaseIterable {
  case sameNode = 0
  case sameZone = 1
  case betweenZones = 2
  case outside = 3

  /// First packets carry the cost of the rules they walked, nearly the same for all: a lane of their own.
  @inline(__always) func lane(isFirst: Bool) -> Int { isFirst ? HopClass.firstPackets : rawValue }
  static var firstPackets: Int { 4 }
  static var lanes: Int { 5 }
}

/// One end of a hop, for link effects.
enum HopEnd: Equatable {
  case node(Int)
  case outside

  /// Stands for `outside` where an end is an index of a node.
  static var outsideIndex: Int { -1 }
  init(_ index: Int) { self = index == HopEnd.outsideIndex ? .outside : .node(index) }
}

/// What one hop does to a packet.
enum HopOutcome {
  /// Arrives after the delay; constant ones may use the class's lane.
  case arrives(after: SimDuration, isConstant: Bool)
  case lost
  case partitioned
}

struct NetworkPaths {
  private let constants: [SimDuration?]
  /// By class of hop: its delay in a quiet network if that is constant, −1 otherwise. What the packet path
  /// asks.
  private var quietDelays = SIMD4<Int64>(repeating: -1)
  private let samplers: [Sampler]
  /// Seconds; 0 where the mean is infinite.
  private let meanDelays: [Double]
  private let loss: Double
  /// By index of the node, for link effects.
  var zoneOfNode: [String?] = []
  /// Link effects in force, oldest first. Empty in a quiet network, which the packet path checks first.
  private var effects: [Effect] = []

  private struct Effect {
    var target: LinkTarget
    var delay: Sampler?
    var source: (delay: Distribution?, loss: Double?, partitioned: Bool)
  }

  init(_ s: NetworkSettings) {
    let distributions = [s.sameNode, s.sameZone, s.betweenZones, s.outside]
    samplers = distributions.map { Sampler($0) }
    meanDelays = distributions.map { $0.mean ?? 0 }
    constants = samplers.map { $0.constantValue.map { SimDuration(seconds: max(0, $0)) } }
    loss = s.loss
    refreshQuietDelays()
  }

  /// The delay of a hop that needs neither a random draw nor a look at the link effects, in nanoseconds; −1
  /// for one that does.
  @inline(__always) func quietDelay(_ hop: HopClass) -> Int64 { quietDelays[hop.rawValue] }

  /// Quiet: nothing gets lost, and no link effect is in force.
  private mutating func refreshQuietDelays() {
    for hop in HopClass.allCases {
      let isQuiet = effects.isEmpty && loss == 0
      quietDelays[hop.rawValue] = isQuiet ? constants[hop.rawValue]?.nanoseconds ?? -1 : -1
    }
  }

  mutating func apply(
    _ target: LinkTarget, delay: Distribution?, loss: Double?, partitioned: Bool, active: Bool
  ) {
    defer { refreshQuietDelays() }
    if active {
      effects.append(
        Effect(target: target, delay: delay.map { Sampler($0) }, source: (delay, loss, partitioned)))
    } else if let i = effects.firstIndex(where: {
      $0.target == target && $0.source.delay == delay && $0.source.loss == loss
        && $0.source.partitioned == partitioned
    }) {
      effects.remove(at: i)
    }
  }

  /// The fate of a packet on one hop.
  /// - Parameter nodeName: names of nodes, for link effects.
  func cross(
    _ hop: HopClass, from: HopEnd, to: HopEnd, stream: inout RandomStream, nodeName: (Int) -> String
  ) -> HopOutcome {
    var delay = constants[hop.rawValue] ?? samplers[hop.rawValue].duration(&stream)
    var isConstant = constants[hop.rawValue] != nil
    if hop != .sameNode, loss > 0, stream.bernoulli(loss) { return .lost }
    for effect in effects where matches(effect.target, from, to, nodeName) {
      if effect.source.partitioned { return .partitioned }
      if let p = effect.source.loss, stream.bernoulli(p) { return .lost }
      if let extra = effect.delay {
        delay = delay + extra.duration(&stream)
        isConstant = false
      }
    }
    return .arrives(after: delay, isConstant: isConstant)
  }

  /// What can be said of a hop without sending a packet: whether it is cut, the share of packets that gets
  /// lost, and the mean delay.
  func condition(
    _ hop: HopClass, from: HopEnd, to: HopEnd, nodeName: (Int) -> String
  ) -> (isPartitioned: Bool, loss: Double, meanDelay: SimDuration) {
    var mean = meanDelays[hop.rawValue]
    var survival = hop == .sameNode ? 1 : 1 - loss
    var isPartitioned = false
    for effect in effects where matches(effect.target, from, to, nodeName) {
      if effect.source.partitioned { isPartitioned = true }
      if let share = effect.source.loss { survival *= 1 - share }
      if let delay = effect.source.delay { mean += delay.mean ?? 0 }
    }
    return (isPartitioned, 1 - survival, SimDuration(seconds: max(0, mean)))
  }

  private func matches(
    _ target: LinkTarget, _ from: HopEnd, _ to: HopEnd, _ nodeName: (Int) -> String
  ) -> Bool {
    (fits(target.from, from, nodeName) && fits(target.to, to, nodeName))
      || (fits(target.from, to, nodeName) && fits(target.to, from, nodeName))
  }

  private func fits(_ wanted: LinkTarget.End, _ end: HopEnd, _ nodeName: (Int) -> String) -> Bool {
    switch (wanted, end) {
    case (.anyNode, .node), (.outside, .outside): true
    case (.node(let name), .node(let index)): nodeName(index) == name
    case (.zone(let zone), .node(let index)): index < zoneOfNode.count && zoneOfNode[index] == zone
    default: false
    }
  }
}
