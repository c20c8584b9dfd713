// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every scenario that is shipped runs to its end, and its sums agree.

import Foundation
import Scenario
import SimKernel
import Testing

@testable import Simulation

struct ShippedScenarioRunTests {
  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("scenarios")

  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".json") && $0 != "scenario.schema.json" }.sorted()
  }()

  @Test func scenariosAreFound() { #expect(Self.names.count >= 10) }

  @Test(arguments: names, [UInt64(1), 2, 3]) func invariantsHold(_ name: String, _ seed: UInt64) throws {
    var file = try ScenarioLoader.load(path: Self.folder.appendingPathComponent(name).path, seed: seed)
    // The rest of the long one is more of the same, and debug builds are slow.
    file.duration = min(file.duration, .seconds(seed == 1 ? 60 : 20))
    file.report.warmUp = min(file.report.warmUp, .seconds(10))
    var world = try World.make(file, replication: 0)
    try world.run(observer: nil)
    #expect(world.brokenInvariants() == [])
    let result = world.result(variant: "base")
    #expect(result.brokenInvariants() == [])
    #expect(result.attempted > 0)
  }
}
