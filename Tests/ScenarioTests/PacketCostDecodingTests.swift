// SPDX-License-Identifier: GPL-3.0-or-later
//
// Costs of packets in scenarios: what wins over what, calibration files, and what is wrong with them, with
// its place.

import Foundation
import Testing
import Traffic

@testable import Scenario

@Suite struct PacketCostDecodingTests {
  private static func costs(_ overrides: String...) throws -> PacketCosts {
    try TestScenario.edited(overrides).get().network.costs
  }

  @Test func whatAScenarioDoesNotSayKeepsItsDefault() throws {
    #expect(try Self.costs() == PacketCosts())
    let costs = try Self.costs("network.costs.nftables.perLookup=1us")
    #expect(costs.nftables.perLookup == PacketCost(1000, .given, "network.costs of the scenario"))
    #expect(costs.nftables.firstPacket == PacketCosts().nftables.firstPacket)
    #expect(costs.ipvs == PacketCosts().ipvs)
  }

  @Test func fractionsOfANanosecondCount() throws {
    let costs = try Self.costs("network.costs={iptables-legacy: {perRule: 3.14ns}}")
    #expect(costs.iptablesLegacy.perRule.nanoseconds == 3.14)
  }

  @Test func costPerRuleIsThatOfBothBackends() throws {
    let costs = try Self.costs("network.costPerRule=31ns")
    #expect(costs.iptablesNft.perRule.nanoseconds == 31)
    #expect(costs.iptablesLegacy.perRule.nanoseconds == 31)
    #expect(costs.ipvs == PacketCosts().ipvs)
  }

  @Test func noneMeansNothingAtAll() throws {
    let costs = try Self.costs("network.costs=none")
    #expect(costs == .none)
    for path in DataPath.allCases {
      for parameter in CostParameter.allCases { #expect(costs[path][parameter].nanoseconds == 0) }
    }
  }

  @Test(arguments: [("nft", IptablesBackend.nft), ("legacy", .legacy)])
  func theBackendIsRead(text: String, expected: IptablesBackend) throws {
    let network = try TestScenario.edited(["network.iptablesBackend=\(text)"]).get().network
    #expect(network.iptablesBackend == expected)
  }

  // MARK: Calibration files

  /// Writes a calibration beside a scenario that names it.
  private static func withFiles<R>(_ calibration: String, network: String = "", _ body: (String) throws -> R)
    throws
    -> R
  {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sim-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try calibration.write(to: folder.appendingPathComponent("cal.json"), atomically: true, encoding: .utf8)
    let text = TestScenario.text.replacing(
      #""sameZone": "100us""#, with: #""sameZone": "100us", "calibration": "cal.json"\#(network)"#)
    let path = folder.appendingPathComponent("t.json").path
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try body(path)
  }

  /// As `sim calibrate` writes it.
  static let calibration = """
    {
      "calibration": "my-laptop", "kernel": "6.12.1", "cpu": "x", "measured": "2026-01-01T00:00:00Z",
      "modes": {
        "iptables-nft": {"firstPacket": "3.74us", "perRule": "14.2ns", "perLookup": "0ns",
          "establishedPacket": "862ns", "scatter": 0.03, "standardErrors": {"perRule": "0.14ns"}},
        "nftables": {"firstPacket": "2.38us", "perLookup": "154ns"}
      },
      "points": [{"mode": "none", "services": 0}]
    }
    """

  @Test func aCalibrationGoesBeforeTheDefaults() throws {
    let network = try Self.withFiles(Self.calibration) { try ScenarioLoader.load(path: $0).network }
    #expect(network.calibration == "my-laptop")
    #expect(network.costs.iptablesNft.perRule == PacketCost(14.2, .calibrated, "calibration my-laptop"))
    #expect(network.costs.nftables.firstPacket.nanoseconds == 2380)
    #expect(network.costs.nftables.perRule == PacketCosts().nftables.perRule, "missing in the file")
    #expect(network.costs.ebpf == PacketCosts().ebpf)
  }

  @Test func theScenarioGoesBeforeItsCalibration() throws {
    let more = #", "costs": {"nftables": {"firstPacket": "1us"}}"#
    let costs = try Self.withFiles(Self.calibration, network: more) { try ScenarioLoader.load(path: $0) }
      .network.costs
    #expect(costs.nftables.firstPacket == PacketCost(1000, .given, "network.costs of the scenario"))
    #expect(costs.nftables.perLookup.nanoseconds == 154)
  }

  @Test func whatTheFileHoldsDecidesTheHash() throws {
    func hash(_ text: String) throws -> UInt64 {
      try Self.withFiles(text) { try ScenarioLoader.load(path: $0).contentHash }
    }
    let first = try hash(Self.calibration)
    #expect(try hash(Self.calibration) == first)
    #expect(try hash(Self.calibration.replacing("14.2ns", with: "14.3ns")) != first)
  }

  @Test(
    arguments: [
      (
        #""nftables": {"#, #""nftable": {"#,
        #"cal.json:6:1: modes.nftable: unknown mode "nftable"; did you mean "nftables"?"#
      ),
      (
        #""perLookup": "154ns""#, #""perLookup": 154"#,
        "cal.json:6:52: modes.nftables.perLookup: expected a duration with a unit (ns, us, ms, s, m, h) such as \"250ms\", "
          + "found 154"
      ),
      (
        #""modes": {"#, #""mods": {"#,
        "cal.json:1:1: no object \"modes\": expected a file that `sim calibrate` wrote"
      ),
      (#""cpu": "x","#, #""cpu": "x""#, "cal.json:2:"),
    ])
  func mistakesInTheFileHaveItsPlaces(good: String, bad: String, line: String) throws {
    let text = Self.calibration.replacing("\n    ", with: "\n").replacing(good, with: bad)
    try #require(text != Self.calibration.replacing("\n    ", with: "\n"))
    let lines = try Self.withFiles(text) { path in
      ScenarioLoader.validate(path: path).map {
        $0.description.replacing(String(path.dropLast("t.json".count)), with: "")
      }
    }
    #expect(lines.contains { $0.contains(line) }, "\(lines)")
  }

  @Test func aMissingFileIsToldWhereItIsNamed() throws {
    let lines = TestScenario.text.replacing(
      #""sameZone": "100us""#, with: #""sameZone": "100us", "calibration": "nowhere.json""#)
    let result = Result { () throws(ScenarioError) in try TestScenario.load(lines) }
    guard case .failure(let error) = result else {
      Issue.record("a missing file was accepted")
      return
    }
    #expect(
      error.diagnostics.contains { $0.path == "network.calibration" && $0.message.contains("nowhere.json") })
    #expect(error.exitCode == 66)
  }
}
