// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

@testable import Cluster

/// The documented generation of every behaviour in every version. A behaviour added to the registry is added
/// here, from its source, not from the registry.
@Suite struct BehaviourTests {
  /// Key, and the first minor version of each form after the first.
  private static let documented: [(key: String, changes: [Int])] = [
    ("trafficDistribution", [31, 34]), ("serviceName", [36]), ("clusterIPBand", [25]), ("nodePortBand", [28]),
    ("loadBalancerIPMode", [30]), ("endpointsAPI", [33]), ("nodeMonitorGrace", [32]), ("topologyMode", [27]),
    ("proxyTerminatingEndpoints", [26]), ("hintsNeedAnnotation", [31]), ("partialSync", [27]),
    ("syncRunner", [34]), ("largeClusterFullSync", [36]), ("statefulSetMaxUnavailable", [35]),
    ("preStopSleep", [30]), ("loadBalancerNodeSet", [27]), ("kubeletAPIQPS", [27]), ("restartRetry", [35]),
    ("nftablesPartialSync", [32]), ("fullSyncInterval", [28]), ("udpCleanup", [32]),
    ("udpCleanupUnserved", [37]), ("proxyHealthz", [30]), ("nftablesLayout", [36]),
    ("nftablesUnallocatedIPs", [33]),
    ("proxyNodeIPChange", [37]),
  ]

  @Test(arguments: 24...37) func everyVersionHasTheDocumentedGenerations(minor: Int) {
    let known = Set(Self.documented.map(\.key))
    for entry in Behaviours.all where known.contains(entry.key) {
      let changes = Self.documented.first { $0.key == entry.key }!.changes
      let generation = changes.count { $0 <= minor }
      #expect(entry.words(in: minor) == entry.forms[generation].words, "\(entry.key) in 1.\(minor)")
      #expect(entry.since(in: minor) == (generation == 0 ? nil : changes[generation - 1]))
      #expect(entry.until(in: minor) == changes.first { $0 > minor })
    }
    #expect(known == Set(Behaviours.all.map(\.key)))
  }

  @Test func everyEntryHasAKeyOfItsOwnASourceAndAChangeThatSomeScenarioCanSee() {
    let entries = Behaviours.all
    #expect(Set(entries.map(\.key)).count == entries.count)
    for entry in entries {
      #expect(!entry.source.isEmpty)
      #expect(entry.forms.dropFirst().contains { ModelledVersions.minors.contains($0.since) }, "\(entry.key)")
      #expect(Set(entry.forms.map(\.words)).count == entry.forms.count, "\(entry.key)")
    }
  }

  @Test(arguments: [
    (24, 40), (31, 40), (32, 50), (37, 50),
  ]) func nodesAreGivenTheGraceOfTheirVersion(minor: Int, seconds: Int64) {
    #expect(Behaviours.nodeMonitorGrace.value(in: minor) == .seconds(seconds))
  }

  @Test(arguments: [
    (30, [], nil as String?), (31, ["PreferClose"], "PreferClose"), (33, ["PreferClose"], "PreferClose"),
    (34, ["PreferClose", "PreferSameZone", "PreferSameNode"], "PreferClose"),
  ]) func trafficDistributionIsDroppedBeforeItExists(minor: Int, values: [String], kept: String?) throws {
    #expect(Behaviours.trafficDistributions.value(in: minor) == values)
    var admission = ServiceAdmission(
      serviceCIDR: .init("10.96.0.0/16")!, nodePortRange: 30000...32767, seed: 1, minorVersion: minor)
    guard case .service(let service) = Small.service("web", { $0.trafficDistribution = "PreferClose" }) else {
      return
    }
    #expect(try admission.create(service).spec.trafficDistribution == kept)
  }

  /// Drawn cluster IPs and node ports keep out of the low end only where that is reserved.
  @Test(arguments: [(24, true), (27, false), (28, false)])
  func lowAddressesAreDrawnOnlyBeforeTheBand(minor: Int, drawsLow: Bool) throws {
    var admission = ServiceAdmission(
      serviceCIDR: .init("10.96.0.0/24")!, nodePortRange: 30000...32767, seed: 1, minorVersion: minor)
    var low = 0
    for number in 0..<200 {
      guard case .service(let service) = Small.service("s\(number)") else { return }
      let address = try #require(try admission.create(service).clusterAddress)
      if address.bits & 0xff <= 16 { low += 1 }
    }
    #expect((low > 0) == drawsLow, "\(low)")
  }
}
