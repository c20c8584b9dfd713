// SPDX-License-Identifier: GPL-3.0-or-later
//
// The calibration without a kernel: which tables are measured, their rules, and the fit on data made up.

import Foundation
import NetworkTypes
import Testing

@testable import KernelLab

@Suite struct CalibrationTests {
  @Test func targetsStandEvenlyInTheTable() {
    #expect(
      CalibrationTable(mode: .iptablesNft, services: 100).places(10) == [
        5, 15, 25, 35, 45, 55, 65, 75, 85, 95,
      ])
    #expect(CalibrationTable(mode: .iptablesNft, services: 3).places(10) == [0, 1, 2])
    #expect(CalibrationTable(mode: .iptablesNft, services: 10).rulesWalked(place: 4) == 9)
    // A lookup more is a rule more.
    let table = CalibrationTable(mode: .nftables, services: 10, moreLookups: 16)
    #expect(table.rulesWalked(place: 4) == 30 && table.lookups == 23)
  }

  @Test func nftablesGetsTablesThatTellALookupFromARule() {
    let tables = CalibrationDesign().tables([.iptablesNft, .nftables])
    #expect(tables.count == 1 + 5 + 9)
    #expect(tables.filter { $0.moreLookups > 0 }.allSatisfy { $0.mode == .nftables && $0.moreRules == 0 })
    #expect(tables.filter { $0.moreRules > 0 }.count == 2)
    #expect(tables[0].mode == nil)
  }

  @Test(arguments: [CalibrationMode.iptablesNft, .nftables])
  func everyServiceIsInTheRules(_ mode: CalibrationMode) {
    let rules = CalibrationRules(
      table: CalibrationTable(mode: mode, services: 25), endpoint: LabEnd(IPv4Address("10.244.1.2")!, 9053),
      podNetwork: IPv4CIDR("10.244.0.0/16")!)
    let lines = rules.text.split(separator: "\n")
    let dispatch = lines.filter { $0.hasPrefix("-A KUBE-SERVICES -d") }
    #expect(dispatch.count == (mode == .nftables ? 0 : 25))
    #expect(
      lines.filter { $0.contains("chain service-") && $0.hasSuffix("{") }.count
        == (mode == .nftables ? 25 : 0))
    #expect(rules.text.contains("\(rules.address(of: 24))"))
    #expect(Set((0..<25).map { rules.address(of: $0) }).count == 25)
  }

  /// Points of a kernel with known costs and a little that disturbs.
  private func points(_ modes: [CalibrationMode], rule: Double, lookup: Double) -> [CalibrationPoint] {
    let design = CalibrationDesign()
    var points: [CalibrationPoint] = []
    for table in design.tables(modes) {
      for (index, place) in table.places(design.places).enumerated() {
        let wobble = 1 + 0.01 * Double(index % 3 - 1)
        guard let mode = table.mode else {
          points.append(CalibrationPoint(table: table, place: place, first: 4000 * wobble, later: 3900))
          continue
        }
        var first = 4000 + 3000 + rule * Double(table.rulesWalked(place: place))
        if mode == .nftables { first += lookup * Double(table.lookups) }
        points.append(CalibrationPoint(table: table, place: place, first: first * wobble, later: 3900 + 800))
      }
    }
    return points
  }

  @Test func theFitFindsTheCostOfARule() throws {
    let found = try #require(
      CalibratedMode(.iptablesNft, points: points([.iptablesNft], rule: 15, lookup: 0)))
    #expect(abs(found.perRule.nanoseconds - 15) < 4 * found.perRule.standardError)
    #expect(found.perRule.standardError < 0.3)
    #expect(abs(found.firstPacket.nanoseconds - 3000) < 150)
    #expect(found.perLookup == CalibratedCost(0, 0))
    #expect(abs(found.establishedPacket.nanoseconds - 800) < 1e-6)
    #expect((0.002...0.02).contains(found.scatter))
  }

  @Test func theFitTellsALookupFromARule() throws {
    let found = try #require(CalibratedMode(.nftables, points: points([.nftables], rule: 8, lookup: 160)))
    #expect(abs(found.perRule.nanoseconds - 8) < 4 * found.perRule.standardError + 0.1)
    #expect(abs(found.perLookup.nanoseconds - 160) < 4 * found.perLookup.standardError + 0.1)
    #expect(abs(found.firstPacket.nanoseconds - 3000) < 150)
  }

  @Test func withoutThePlainWayThereIsNoFit() {
    let some = points([.iptablesNft], rule: 15, lookup: 0).filter { $0.table.mode != nil }
    #expect(CalibratedMode(.iptablesNft, points: some) == nil)
    #expect(CalibratedMode(.iptablesLegacy, points: points([.iptablesNft], rule: 1, lookup: 1)) == nil)
  }

  @Test func theFileHasWhatScenariosRead() throws {
    let modes: [CalibrationMode] = [.iptablesNft, .nftables]
    let points = points(modes, rule: 15, lookup: 160)
    let calibration = Calibration(
      name: "mine", kernel: "6.18", processor: "some CPU", measured: "2026-01-01T00:00:00Z",
      plain: (4000, 3900), modes: modes.compactMap { CalibratedMode($0, points: points) }, points: points,
      leftOut: ["iptables-legacy: no such tool"])
    let document = try JSONDecoder().decode(CalibrationDocument.self, from: Data(calibration.json.utf8))
    #expect(document == CalibrationDocument(calibration))
    #expect(document.calibration == "mine" && document.modes.keys.sorted() == ["iptables-nft", "nftables"])
    let mode = try #require(document.modes["iptables-nft"])
    #expect(mode.perLookup == "0ns" && mode.establishedPacket == "800ns" && mode.perRule.hasPrefix("15"))
    #expect(calibration.table.contains("iptables-legacy: no such tool"))
    #expect(calibration.json == calibration.json)
  }

  @Test(arguments: [
    (0.0, "0ns"), (5.934, "5.93ns"), (14.46, "14.5ns"), (163.4, "163ns"), (999.6, "1us"), (4287, "4.29us"),
    (81_300, "81.3us"), (-0.001, "0ns"), (-12, "-12ns"), (120_000, "120us"),
  ])
  func durationsHaveThreeDigits(_ nanoseconds: Double, _ text: String) {
    #expect(DurationCell.text(nanoseconds) == text)
  }

  @Test func aMinorityOfDisturbedMeasurementsDoesNotMoveAMedian() {
    #expect(Median.of([5, 1, 3]) == 3)
    #expect(Median.of([1, 2, 3, 1_000_000]) == 2.5)
    #expect(Median.of([]) == 0)
    #expect(Median.error([7]) == 0)
    #expect(Median.error([1, 2, 3, 4, 1000]) < 1)
  }
}
