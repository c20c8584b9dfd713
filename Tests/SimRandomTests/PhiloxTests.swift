// SPDX-License-Identifier: GPL-3.0-or-later
//
// Philox4x32-10 against the known answers of Random123 (examples/kat_vectors, "philox4x32 10").

import Testing

@testable import SimRandom

private func pack(_ low: UInt32, _ high: UInt32) -> UInt64 { UInt64(low) | UInt64(high) << 32 }

struct KnownAnswer: Sendable, CustomTestStringConvertible {
  let counter: [UInt32]
  let key: [UInt32]
  let block: [UInt32]
  var testDescription: String { "counter \(counter)" }
}

@Suite struct PhiloxTests {
  static let answers = [
    KnownAnswer(
      counter: [0, 0, 0, 0], key: [0, 0],
      block: [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    KnownAnswer(
      counter: [.max, .max, .max, .max], key: [.max, .max],
      block: [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    KnownAnswer(
      counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], key: [0xa409_3822, 0x299f_31d0],
      block: [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
  ]

  @Test("a block is the published one", arguments: answers)
  func knownAnswers(_ answer: KnownAnswer) {
    let block = Philox4x32.block(
      counterLow: pack(answer.counter[0], answer.counter[1]),
      counterHigh: pack(answer.counter[2], answer.counter[3]), key: pack(answer.key[0], answer.key[1]))
    #expect(block.low == pack(answer.block[0], answer.block[1]))
    #expect(block.high == pack(answer.block[2], answer.block[3]))
  }

  @Test("a stream of key 0 starts with the published block of counter 0")
  func streamStartsWithBlockZero() {
    var stream = RandomStream(key: RandomKey(low: 0, high: 0))
    #expect(stream.next() == pack(0x6627_e8d5, 0xe169_c58d))
    #expect(stream.next() == pack(0xbc57_ac4c, 0x9b00_dbd8))
  }
}
