// SPDX-License-Identifier: GPL-3.0-or-later
//
// What can be pending, and in which order equal times are handled.

import SimKernel

/// A pending event: a kind, the index of what it is about, and the generation of that where slots are reused.
/// One word, because the queue moves events about: an enum with payloads is copied in three parts.
struct Event: BitwiseCopyable {
  enum Kind: UInt8, BitwiseCopyable {
    /// A pending cluster event.
    case cluster
    /// A pending kube-proxy event.
    case proxy
    /// The next operation of an open-loop client instance.
    case arrival
    /// A user of a closed-loop client instance has finished thinking.
    case user
    /// A packet arrives at the place that it was sent to.
    case packet
    /// A server has finished a request of this connection.
    case served
    /// A retransmission or a timeout of a connection may be due.
    case timer
    /// The client of an open connection sends its next request.
    case nextRequest
    /// A waiting operation goes on: DNS answered, or back-off over.
    case resume
    /// A pooled connection may have been idle for too long (client side) or too long for its server.
    case idle
    /// End of a report bin.
    case bin
    /// A look-up has waited long enough for an answer.
    case lookupTimer
    /// A DNS server has done with a query, or has waited long enough for another server.
    case query
  }
  /// 63..56 unused | 55..48 kind | 47..32 generation | 31..0 index
  private let word: UInt64

  private init(_ kind: Kind, _ index: UInt32, _ generation: UInt16 = 0) {
    word = UInt64(kind.rawValue) << 48 | UInt64(generation) << 32 | UInt64(index)
  }

  // Only `init` writes the word, so the byte is a kind.
  var kind: Kind { unsafeBitCast(UInt8(truncatingIfNeeded: word >> 48), to: Kind.self) }
  var generation: UInt16 { UInt16(truncatingIfNeeded: word >> 32) }
  var index: UInt32 { UInt32(truncatingIfNeeded: word) }

  static func cluster(_ index: UInt32) -> Event { Event(.cluster, index) }
  static func proxy(_ index: UInt32) -> Event { Event(.proxy, index) }
  static func arrival(_ instance: UInt32) -> Event { Event(.arrival, instance) }
  static func user(_ instance: UInt32) -> Event { Event(.user, instance) }
  static func packet(_ slot: UInt32) -> Event { Event(.packet, slot) }
  static func served(_ connection: UInt32) -> Event { Event(.served, connection) }
  static func timer(_ connection: UInt32, _ generation: UInt16) -> Event {
    Event(.timer, connection, generation)
  }
  static func nextRequest(_ connection: UInt32, _ generation: UInt16) -> Event {
    Event(.nextRequest, connection, generation)
  }
  static func resume(_ operation: UInt32) -> Event { Event(.resume, operation) }
  static func idle(_ connection: UInt32, _ generation: UInt16) -> Event {
    Event(.idle, connection, generation)
  }
  static func lookupTimer(_ lookup: UInt32, _ timer: UInt16) -> Event { Event(.lookupTimer, lookup, timer) }
  static func query(_ query: UInt32, _ generation: UInt16) -> Event { Event(.query, query, generation) }
  static func bin(_ index: UInt32) -> Event { Event(.bin, index) }
}

/// Order of events at one instant: first by phase, then by entity, then by the entity's own counter. Changing
/// the order of phases changes results.
///
///     63..60 phase | 59..24 entity | 23..0 the entity's counter
enum EventRank {
  /// What happens to the cluster is seen by proxies, and by packets, of the same instant.
  enum Phase: UInt64 {
    case cluster = 0
    case proxy = 1
    case packet = 2
    case server = 3
    case client = 4
    case report = 5
  }

  static func make(_ phase: Phase, entity: UInt64, counter: UInt32) -> UInt64 {
    phase.rawValue << 60 | (entity & 0xf_ffff_ffff) << 24 | UInt64(counter & 0xff_ffff)
  }

  /// Packets and timers are about a connection: its client instance and the operation's ordinal.
  static func connection(_ phase: Phase, instance: UInt32, ordinal: UInt32, counter: UInt32) -> UInt64 {
    make(phase, entity: UInt64(instance & 0xffff) << 20 | UInt64(ordinal & 0xf_ffff), counter: counter)
  }
}
