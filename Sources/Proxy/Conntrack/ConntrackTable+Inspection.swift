// SPDX-License-Identifier: GPL-3.0-or-later
//
// What can be asked of a table without changing it, for traces.

import NetworkTypes
import SimKernel

extension ConntrackTable {
  /// Some live flow begins at this end, or is answered to it. O(table).
  public func hasFlow(
    from address: IPv4Address, _ port: UInt16, _ transport: TransportProtocol, now: SimTime
  ) -> Bool {
    for slot in 0..<entries.used {
      let e = entries.pointer(slot)
      guard e.pointee.isInUse, e.pointee.expires > now.nanoseconds, e.pointee.transport == transport else {
        continue
      }
      let (o, r) = (e.pointee.original, e.pointee.reply)
      if o.source == address.bits && o.sourcePort == port { return true }
      if r.destination == address.bits && r.destinationPort == port { return true }
    }
    return false
  }

  /// `insert` would find or make room: as `makeRoom`, read only.
  public func hasRoom(now: SimTime) -> Bool {
    if count < capacity { return true }
    guard entries.used > 0 else { return false }
    var place = hand
    for step in 0..<Int32(64 + 8) {
      if place >= entries.used { place = 0 }
      let e = entries.pointer(place).pointee
      let isExpired = e.isInUse && e.expires <= now.nanoseconds
      let isEvictable =
        step >= 64 && e.isInUse
        && (!e.hasSeenReply || e.state == .timeWait || e.state == .close || e.state == .lastAck)
      if isExpired || isEvictable { return true }
      place += 1
    }
    return false
  }
}
