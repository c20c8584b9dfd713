// SPDX-License-Identifier: GPL-3.0-or-later
//
// What can be pending, and in which order equal times are handled.

import SimKernel

/// A pending event: a kind and the index of what it is about. 8 bytes.
enum Event: BitwiseCopyable {
  /// Index of a pending cluster event.
  case cluster(UInt32)
  /// Index of a pending kube-proxy event.
  case proxy(UInt32)
  /// The next operation of an open-loop client instance.
  case arrival(UInt32)
  /// A user of a closed-loop client instance has finished thinking.
  case user(UInt32)
  /// A packet arrives at the place that it was sent to.
  case packet(UInt32)
  /// A server has finished a request of this connection.
  case served(UInt32)
  /// A retransmission or a timeout of a connection may be due.
  case timer(UInt32, UInt16)
  /// The client of an open connection sends its next request.
  case nextRequest(UInt32, UInt16)
  /// A waiting operation goes on: DNS answered, or back-off over.
  case resume(UInt32)
  /// A pooled connection may have been idle for too long (client side) or too long for its server.
  case idle(UInt32, UInt16)
  /// End of a report bin.
  case bin(UInt32)
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
