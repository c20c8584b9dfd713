// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine's own containers: rows in place, slots that are reused.

import NetworkTypes
import SimKernel
import Testing
import Traffic

@testable import Simulation

/// Counts how many of its kind are alive.
private final class Witness {
  let count: Counter
  init(_ count: Counter) {
    self.count = count
    count.alive += 1
  }
  deinit { count.alive -= 1 }
  final class Counter { var alive = 0 }
}

@Suite struct EngineTableTests {
  @Test func `rows keep their content and their place while the table grows`() {
    var table = Table<[Int]>(minimumCapacity: 1)
    for i in 0..<1000 { table.append([i]) }
    for i in table.indices { table[i].append(-i) }
    let list = table.list
    #expect(list == (0..<1000).map { [$0, -$0] })
  }

  @Test func `extend fills up and never shrinks`() {
    var table = Table([7])
    table.extend(to: 3, with: 1)
    table.extend(to: 2, with: 9)
    let (list, repeated) = (table.list, Table(repeating: 4, count: 2).list)
    #expect(list == [7, 1, 1] && repeated == [4, 4])
  }

  @Test func `rows are released with the table and when they are overwritten`() {
    let counter = Witness.Counter()
    do {
      var table = Table<Witness>()
      for _ in 0..<10 { table.append(Witness(counter)) }
      #expect(counter.alive == 10)
      table[3] = Witness(counter)
      #expect(counter.alive == 10)
    }
    #expect(counter.alive == 0)
  }

  @Test func `a freed packet slot is the next one used, and the others are untouched`() {
    var pool = PacketPool()
    func tuple(_ n: UInt32) -> FlowTuple {
      FlowTuple(
        source: IPv4Address(bits: n), sourcePort: UInt16(n), destination: IPv4Address(bits: ~n),
        destinationPort: 80)
    }
    var slots: [UInt32] = []
    for n in 0..<600 {
      slots.append(
        pool.add(tuple: tuple(UInt32(n)), connection: UInt32(n), generation: 1, kind: .syn, number: 2))
    }
    pool.remove(slots[5])
    pool.remove(slots[400])
    let inFlight = pool.inFlight
    #expect(inFlight == 598)
    let reused = pool.add(tuple: tuple(9999), connection: 1, generation: 3, kind: .response, number: 4)
    #expect(reused == slots[400])
    let packet = pool[reused]
    #expect(packet.tuple == tuple(9999) && packet.segment == .ack && !packet.entersNode)
    let next = pool.add(tuple: tuple(8888), connection: 1, generation: 3, kind: .syn, number: 4)
    #expect(next == slots[5])
    for n in 0..<600 where n != 5 && n != 400 {
      let other = pool[slots[n]]
      #expect(other.tuple == tuple(UInt32(n)) && other.connection == UInt32(n))
    }
  }

  @Test func `a reused connection has a new generation`() {
    var table = ConnectionTable()
    let first = table.open()
    table[first].pointee.phase = .connecting
    let generation = table[first].pointee.generation
    let before = (table.isCurrent(first, generation), table.live)
    #expect(before == (true, 1))
    table.close(first)
    let after = (table.isCurrent(first, generation), table.live)
    #expect(after == (false, 0))
    let second = table.open()
    table[second].pointee.phase = .connecting
    let isOld = table.isCurrent(second, generation)
    let servedBy = table[second].pointee.servedBy
    #expect(second == first && !isOld && servedBy == .max)
  }

  @Test(arguments: [PacketKind.portUnreachable, .hostUnreachable])
  func `an error about a packet is one to conntrack too`(error: PacketKind) {
    var packet = Packet(
      tuple: FlowTuple(source: .unspecified, sourcePort: 1, destination: .unspecified, destinationPort: 2),
      connection: 0, generation: 0, kind: .syn, number: 0)
    #expect(packet.segment == .syn && !packet.kind.isError)
    packet.become(error)
    #expect(packet.kind.isError && packet.segment == error.segment)
  }
}
