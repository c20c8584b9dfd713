// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import Proxy
import Traffic

/// What a packet on its way carries.
enum PacketKind: UInt8, BitwiseCopyable {
  case syn
  case synAck
  /// A request; the first one of a connection travels together with the handshake's last ACK.
  case request
  case response
  /// The client's FIN; the rest of the close is not sent packet by packet.
  case clientFin
  /// The server's FIN.
  case serverFin
  case reset
  /// ICMP port unreachable: a REJECT rule or a closed UDP port.
  case portUnreachable
  case hostUnreachable
  /// TCP keepalive probe of an idle connection, and its answer.
  case keepalive
  case keepaliveAnswer
  case datagram
  case answer
  /// A response that conntrack finds outside of its flow's window.
  case lateResponse
  /// A DNS query and its answer, over UDP.
  case query
  case queryAnswer
  /// The same over TCP.
  case streamQuery
  case streamAnswer

  /// From the client to the server.
  var isForward: Bool {
    switch self {
    case .syn, .request, .clientFin, .keepalive, .datagram, .query, .streamQuery: true
    case .synAck, .response, .serverFin, .reset, .portUnreachable, .hostUnreachable, .keepaliveAnswer,
      .answer, .lateResponse, .queryAnswer, .streamAnswer:
      false
    }
  }

  /// An ICMP error about a packet of the flow: it changes nothing in conntrack.
  @inline(__always) var isError: Bool { self == .portUnreachable || self == .hostUnreachable }

  var segment: SegmentKind {
    switch self {
    case .syn: .syn
    case .synAck: .synAck
    case .request, .response, .keepalive, .keepaliveAnswer, .streamQuery, .streamAnswer: .ack
    case .clientFin, .serverFin: .closed
    case .reset: .rst
    case .portUnreachable, .hostUnreachable: .ack
    case .datagram, .answer, .query, .queryAnswer: .datagram
    case .lateResponse: .outOfWindow
    }
  }
}

/// A packet in flight: header as it is now, and where it will arrive.
struct Packet: BitwiseCopyable {
  var tuple: FlowTuple
  var connection: UInt32
  var generation: UInt16
  private(set) var kind: PacketKind
  /// What the kind means to conntrack, worked out once instead of at each node.
  private(set) var segment: SegmentKind
  /// Number of the request that it carries or answers.
  var number: UInt16
  /// Arrives at a node's tables (true) or is delivered to a host's stack (false).
  var entersNode = false
  var destination = HostReference.none
  /// IP time to live: a node without rules and a load balancer would pass a packet to and fro for ever.
  var hopsLeft = Packet.timeToLive

  /// net.ipv4.ip_default_ttl (Linux Documentation/networking/ip-sysctl.rst).
  static var timeToLive: UInt8 { 64 }

  @inline(__always) init(
    tuple: FlowTuple, connection: UInt32, generation: UInt16, kind: PacketKind, number: UInt16
  ) {
    self.tuple = tuple
    self.connection = connection
    self.generation = generation
    self.kind = kind
    self.number = number
    segment = kind.segment
  }

  /// All of `init`, in place.
  @inline(__always) mutating func set(
    tuple: FlowTuple, connection: UInt32, generation: UInt16, kind: PacketKind, number: UInt16
  ) {
    self.tuple.addresses = tuple.addresses
    self.tuple.ports = tuple.ports
    self.tuple.transport = tuple.transport
    self.connection = connection
    self.generation = generation
    self.kind = kind
    self.number = number
    segment = kind.segment
    entersNode = false
    hopsLeft = Packet.timeToLive
  }

  /// The packet turns into an error about itself.
  mutating func become(_ error: PacketKind) {
    kind = error
    segment = error.segment
  }
}

/// Packets in flight, in reused slots; the last one freed is the first one reused.
struct PacketPool: ~Copyable {
  private var base: UnsafeMutablePointer<Packet>
  private var capacity = 256
  private var used = 0
  /// The last slot freed; each free slot holds the one freed before it in `connection`.
  private var free = UInt32.max
  private(set) var inFlight = 0

  init() { base = .allocate(capacity: 256) }
  deinit { base.deallocate() }

  /// A packet in place. Valid until the next `add`.
  @inline(__always) func pointer(_ slot: UInt32) -> UnsafeMutablePointer<Packet> {
    assert(Int(slot) < used)
    return base + Int(slot)
  }

  subscript(_ slot: UInt32) -> Packet {
    get { base[Int(slot)] }
    nonmutating _modify { yield &base[Int(slot)] }
  }

  /// A new packet. Its fields are written one by one in place: building it elsewhere and copying it makes the
  /// processor wait, because wide loads cannot be served from narrow stores that are still on their way.
  @inline(__always) mutating func add(
    tuple: FlowTuple, connection: UInt32, generation: UInt16, kind: PacketKind, number: UInt16
  ) -> UInt32 {
    inFlight += 1
    let slot = free
    if slot == .max {
      return addSlot(
        Packet(tuple: tuple, connection: connection, generation: generation, kind: kind, number: number))
    }
    let p = base + Int(slot)
    free = p.pointee.connection
    p.pointee.set(tuple: tuple, connection: connection, generation: generation, kind: kind, number: number)
    return slot
  }

  @inline(never) private mutating func addSlot(_ packet: Packet) -> UInt32 {
    if used == capacity { grow() }
    (base + used).initialize(to: packet)
    used += 1
    return UInt32(used - 1)
  }

  @inline(__always) mutating func remove(_ slot: UInt32) {
    base[Int(slot)].connection = free
    free = slot
    inFlight -= 1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Packet>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: base, count: used)
    base.deallocate()
    base = larger
    capacity *= 2
  }
}
