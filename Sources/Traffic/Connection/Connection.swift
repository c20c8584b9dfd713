// SPDX-License-Identifier: GPL-3.0-or-later
//
// A connection as its two ends know it: the state that packets and timers change. A slot of the engine's
// table, reused with a new generation when the connection is over.

import NetworkTypes
import SimKernel

@frozen public struct Connection: BitwiseCopyable {
  @frozen public enum Phase: UInt8, BitwiseCopyable, Sendable {
    case free
    /// SYN sent, nothing heard.
    case connecting
    /// Open, no request outstanding (pooled, or between two requests of an operation).
    case idle
    /// A request is outstanding.
    case awaiting
    /// FIN sent; the slot lives until the FIN has arrived.
    case closing
    /// The client has given up; the slot lives until the server is done with it.
    case abandoned
  }

  // Identity
  /// Index of the client instance.
  public var instance: UInt32 = 0
  /// The operation's ordinal within the instance: with the instance, the same in every variant.
  public var ordinal: UInt32 = 0
  /// Grows each time the slot is reused; events about an older connection in this slot are void.
  public var generation: UInt16 = 0
  public var attempt: UInt8 = 0
  public var phase: Phase = .free
  /// Source and destination as the client's socket has them.
  public var tuple = FlowTuple(
    source: .unspecified, sourcePort: 0, destination: .unspecified, destinationPort: 0)

  // Client side, nanoseconds
  /// When the operation was meant to start: latency counts from here.
  public var intended: Int64 = 0
  public var attemptStart: Int64 = 0
  public var phaseStart: Int64 = 0
  /// When the client gives up the present phase.
  public var deadline: Int64 = 0
  /// When the next retransmission would be due, counted from the last transmission.
  public var retransmitAt: Int64 = 0
  public var retransmissions: UInt8 = 0
  /// When the pending timer fires; `.max` = none is pending. An event at another time was replaced by this
  /// one.
  public var timerAt: Int64 = .max
  /// Opened, so that a silence later counts as `broken`.
  public var wasEstablished = false
  /// A socket of a DNS look-up, not of an operation.
  public var isLookup = false
  /// Belongs to the instance's pool.
  public var isPooled = false
  public var requestsLeft: UInt16 = 0
  /// Number of the outstanding request within the connection: a late answer to an older one is void.
  public var requestNumber: UInt16 = 0
  /// Requests that an attempt on this connection has completed, for pools counted per operation.
  public var openedAt: Int64 = 0
  /// The engine's pool of client ports that `tuple.sourcePort` came from.
  public var portPool: UInt32 = 0

  /// Draws made for this connection so far, so that each has its own place in the stream.
  public var draws: UInt16 = 0
  /// Cost of rules walked by a packet that was delivered at once, nanoseconds: delays the next packet.
  public var owedDelay: Int32 = 0
  /// A packet in mid-stream met a node that had forgotten the flow.
  public var hasLostConntrack = false

  // Server side
  /// The flow as it arrived at the server, after all translation.
  public var serverTuple = FlowTuple(
    source: .unspecified, sourcePort: 0, destination: .unspecified, destinationPort: 0)
  /// Index of the server process that holds the connection; `.max` while none does.
  public var server: UInt32 = .max
  public var hasReachedServer = false
  /// The server has ended the connection and the client does not know it yet: what it was stays the failure's
  /// cause, whatever else gets through.
  public var isEndedByServer = false
  /// Waits in the accept queue.
  public var isQueuedForAccept = false
  /// A request has arrived and waits for the process to accept the connection.
  public var hasUnreadRequest = false
  /// The server works on a request; the slot must live until it is done.
  public var isBeingServed = false
  /// Answers come past the node that decided, under the address that the client asked.
  public var returnsDirectly = false
  /// The server that works on it; `.max` while none does.
  public var servedBy: UInt32 = .max
  /// The request number that it works on.
  public var servedNumber: UInt16 = 0
  /// The server is no endpoint of the addressed Service: it has a former backend's address.
  public var isForeign = false
  /// Socket load balancing replaced the destination that the client dialled; the engine keeps that.
  public var isTranslatedAtSocket = false

  // What the path decided
  /// Node whose table chose the backend; `.max` if none did.
  public var decidingNode: UInt32 = .max
  public var backend: UInt32 = .max
  public var candidates: UInt32 = .max
  public var decidedAt: Int64 = 0
  /// Node that the load balancer or the routers outside chose; `.max` = none yet.
  public var entryNode: UInt32 = .max

  /// conntrack entries that the connection had last, on up to two nodes: where a look-up begins. −1 = none.
  public var hintNode0: Int32 = -1
  public var hintEntry0: Int32 = -1
  public var hintNode1: Int32 = -1
  public var hintEntry1: Int32 = -1

  // What went wrong first since the last packet that got through
  public var failure = Failure()

  public init() {}

  /// The first thing that went wrong, found by the but-for test at the instant when it did.
  @frozen public struct Failure: BitwiseCopyable {
    /// Index in `Cause.allCases`; `.max` = nothing went wrong.
    public var cause: UInt8 = .max
    public var node: UInt32 = .max
    public var at: Int64 = 0
    public var savedBy: UInt8 = 0
    public init() {}
    @inlinable public var isNone: Bool { cause == .max }
  }

  @inlinable public var isLive: Bool { phase != .free }
}
