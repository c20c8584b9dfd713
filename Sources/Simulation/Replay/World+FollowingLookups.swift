// SPDX-License-Identifier: GPL-3.0-or-later
//
// The DNS look-up of an attempt that is followed: its sockets have connections of their own, which are not
// the attempt's. What they ask, where the queries go and what comes back are steps of the attempt; how it
// ends is the attempt's own affair.

import Cluster
import NetworkTypes
import SimKernel
import Traffic

/// A socket of the look-up as it was before an event.
struct FollowedQuery {
  let slot: UInt32
  let connection: Connection
  let asked: Int

  init(slot: UInt32, in world: borrowing World) {
    self.slot = slot
    connection = world.connections[slot].pointee
    asked = world.dns.sockets[slot]?.sent.count ?? 0
  }
}

extension World {
  /// Sockets that the attempt's look-up has open.
  var followedQueries: [UInt32] {
    guard following!.instance >= 0, following!.slot == .max else { return [] }
    return dns.lookups.slots.filter { isFollowed(dns.lookups[$0].operation) }
      .flatMap { dns.lookups[$0].sockets }
  }

  private func isFollowed(_ operation: WaitingOperation) -> Bool {
    let f = following!
    return Int(operation.instance) == f.instance && operation.ordinal == f.id.operation
      && operation.attempt == f.id.attempt
  }

  /// The event is a packet, a timer or a server's work of the attempt's look-up.
  func isOfFollowedLookup(_ event: Event) -> Bool {
    switch event.kind {
    case .packet:
      let packet = packets[event.index]
      return followedQueries.contains(packet.connection)
        && connections.isCurrent(packet.connection, packet.generation)
    case .lookupTimer:
      return dns.lookups.isUsed(event.index) && isFollowed(dns.lookups[event.index].operation)
    default: return false
    }
  }

  /// Compares the look-up's sockets with what they were before the event.
  mutating func noteQueries(since before: [FollowedQuery]) {
    for slot in followedQueries {
      let c = connections[slot].pointee
      let old = before.first { $0.slot == slot && $0.connection.generation == c.generation }
      noteQuestions(slot, after: old?.asked ?? 0)
      if let old, c.retransmissions > old.connection.retransmissions {
        step(instances[Int(c.instance)].node, "dns", "no answer: sends again (\(c.retransmissions))")
      }
      noteDecision(old?.connection, c, of: slot)
    }
  }

  private mutating func noteQuestions(_ slot: UInt32, after asked: Int) {
    guard let sent = dns.sockets[slot]?.sent, sent.count > asked else { return }
    let c = connections[slot].pointee
    // A and AAAA of a name are asked together.
    var names: [String] = []
    for question in sent[asked...] where names.last != question.name { names.append(question.name) }
    let types = sent[asked...].map { "\($0.type)".uppercased() }
    let way = "\(c.tuple.transport) \(c.tuple.source):\(c.tuple.sourcePort) -> \(c.tuple.destination):53"
    step(
      instances[Int(c.instance)].node, "dns",
      "asks \(way) for \(names.joined(separator: ", ")) (\(types.joined(separator: " and ")))")
  }
}
