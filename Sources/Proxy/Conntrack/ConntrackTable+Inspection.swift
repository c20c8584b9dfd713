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

  /// The flow that has this reply tuple began less than `window` ago and was not answered: its insertion may still
  /// be under way on another processor, which does not see it until then.
  public mutating func isBeingInserted(_ reply: FlowTuple, now: SimTime, window: SimDuration) -> Bool {
    guard let hit = find(reply, now: now) else { return false }
    return isBeingInserted(hit.slot, now: now, window: window)
  }

  func isBeingInserted(_ slot: Int32, now: SimTime, window: SimDuration) -> Bool {
    let e = entries.pointer(slot).pointee
    guard !e.hasSeenReply, e.state == .synSent || e.state == .unreplied else { return false }
    return now.nanoseconds - lastUse(of: e) < window.nanoseconds
  }

  /// `insert` would find or make room: as `makeRoom`, read only.
  public func hasRoom(now: SimTime) -> Bool {
    if count < capacity { return true }
    guard entries.used > 0 else { return false }
    if now.nanoseconds >= sweepsFullyAt,
      (0..<entries.used).contains(where: { slot in
        let e = entries.pointer(slot).pointee
        return e.isInUse && e.expires <= now.nanoseconds
      })
    {
      return true
    }
    if now.nanoseconds >= collectsAt {
      return (0..<entries.used).contains { slot in
        let e = entries.pointer(slot).pointee
        return e.isInUse && (e.expires <= now.nanoseconds || !e.isAssured || e.state.isClosing)
      }
    }
    var place = hand
    for step in 0..<Int32(64 + 8) {
      if place >= entries.used { place = 0 }
      let e = entries.pointer(place).pointee
      let isExpired = e.isInUse && e.expires <= now.nanoseconds
      let isEvictable =
        step >= 64 && e.isInUse && !e.isAssured
      if isExpired || isEvictable { return true }
      place += 1
    }
    return false
  }
}
