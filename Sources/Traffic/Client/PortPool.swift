// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ephemeral ports of one host towards one destination. A port is busy while its connection is open and, after
// an active close, for the time of TIME_WAIT.

import SimKernel

public struct PortPool: Sendable {
  /// net.ipv4.ip_local_port_range (FACTS E6).
  public static var range: ClosedRange<UInt16> { 32768...60999 }
  /// TCP_TIMEWAIT_LEN, Linux include/net/tcp.h.
  public static var timeWait: SimDuration { .seconds(60) }
  private let lowest: UInt16
  private let size: Int

  private var busy: [UInt64]
  private var next: Int
  /// Ports in TIME_WAIT by the time they become free: constant delay, so a queue.
  private var waiting: [(freeAt: Int64, port: UInt16)] = []
  private var waitingHead = 0
  public private(set) var inUse = 0

  /// - Parameters:
  ///   - start: where the search begins, any number; the kernel begins at a hash of the destination.
  ///   - ports: net.ipv4.ip_local_port_range of the host.
  public init(start: UInt64, ports: ClosedRange<UInt16> = PortPool.range) {
    lowest = ports.lowerBound
    size = Int(ports.upperBound - ports.lowerBound) + 1
    busy = [UInt64](repeating: 0, count: (size + 63) / 64)
    next = Int(start % UInt64(size))
  }

  /// A free port, in turn; nil when all are busy (EADDRNOTAVAIL).
  public mutating func take(now: SimTime) -> UInt16? {
    reclaim(now: now)
    guard inUse < size else { return nil }
    while busy[next >> 6] >> UInt64(next & 63) & 1 != 0 { next = next + 1 == size ? 0 : next + 1 }
    let index = next
    busy[index >> 6] |= 1 << UInt64(index & 63)
    inUse += 1
    next = next + 1 == size ? 0 : next + 1
    return lowest + UInt16(index)
  }

  /// Gives a port back, at once or after TIME_WAIT.
  public mutating func release(_ port: UInt16, now: SimTime, lingers: Bool) {
    if lingers {
      waiting.append(((now + PortPool.timeWait).nanoseconds, port))
    } else {
      free(port)
    }
  }

  private mutating func reclaim(now: SimTime) {
    while waitingHead < waiting.count, waiting[waitingHead].freeAt <= now.nanoseconds {
      free(waiting[waitingHead].port)
      waitingHead += 1
    }
    if waitingHead > 1024, waitingHead * 2 > waiting.count {
      waiting.removeFirst(waitingHead)
      waitingHead = 0
    }
  }

  private mutating func free(_ port: UInt16) {
    let index = Int(port - lowest)
    assert(busy[index >> 6] >> UInt64(index & 63) & 1 == 1, "port \(port) freed twice")
    busy[index >> 6] &= ~(1 << UInt64(index & 63))
    inUse -= 1
  }
}
