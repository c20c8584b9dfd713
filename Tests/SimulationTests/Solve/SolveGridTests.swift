// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ranges of values as the command line writes them.

import Testing

@testable import Simulation

@Suite struct SolveGridTests {
  @Test(
    "a range has its ends, its unit and its step",
    arguments: [
      ("servers.web.preStop=0s..30s", 61, "0s", "500ms", "30s"),
      ("a=0s..4s step 100ms", 41, "0s", "100ms", "4s"),
      ("a=250ms..2m step 1m", 3, "250ms", "60.25s", "120s"),
      ("clients[0].count=1..10", 10, "1", "2", "10"),
      ("a=0..1", 2, "0", "1", "1"),
      ("a=0.5..1.5 step 0.25", 5, "0.5", "0.75", "1.5"),
      ("clients.web.rate=10/s..100/s step 40/s", 4, "10/s", "50/s", "100/s"),
      ("a=-1.0..1 step 1", 3, "-1", "0", "1"),
    ] as [(String, Int, String, String, String)])
  func values(given: (text: String, count: Int, first: String, second: String, last: String)) throws {
    let grid = try SolveGrid(given.text)
    #expect(grid.count == given.count)
    #expect(grid.text(0) == given.first && grid.text(1) == given.second)
    #expect(grid.text(grid.count - 1) == given.last)
  }

  @Test(
    "what is no range is refused with what is wrong",
    arguments: [
      ("a", "PATH=LOW..HIGH"), ("=1..2", "PATH=LOW..HIGH"), ("a=1", "LOW..HIGH"), ("a=2..1", "below HIGH"),
      ("a=1..1", "below HIGH"), ("a=0s..30", "same unit"), ("a=0s..1/s", "same unit"),
      ("a=0s..1s step 1", "same unit"), ("a=0s..1s step 0s", "above 0"), ("a=0s..1s step 2s", "at most"),
      ("a=x..y", "neither"), ("a=0s..1h step 1ns", "a larger step"), ("a=nan..1", "neither"),
    ])
  func refusals(text: String, part: String) {
    do {
      let grid = try SolveGrid(text)
      Issue.record("\(text) has \(grid.count) values")
    } catch {
      #expect(error.description.contains(part), "\(error)")
    }
  }
}
