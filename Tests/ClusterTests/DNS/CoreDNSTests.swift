// SPDX-License-Identifier: GPL-3.0-or-later
//
// One CoreDNS process alone: the API's versions and questions in, answers out, and at which instants.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

struct CoreDNSTests {
  private static let web = NamespacedName(namespace: "shop", name: "web")

  private static func server(
    _ change: (inout DNSSettings) -> Void = { _ in }, delay: Double = 0.5, startedAt: Double = 0
  ) -> CoreDNSServer {
    var settings = DNSSettings()
    change(&settings)
    let key = RandomKey(seed: 1, replication: 0, purpose: RandomPurpose("test"), entity: 0)
    return CoreDNSServer(
      settings, watchDelay: Sampler(.constant(delay)), key: key, startedAt: time(startedAt))
  }

  private static func time(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }
  private static func ip(_ text: String) -> IPv4Address { IPv4Address(text)! }

  /// The Service at 1 s, with another address from 10 s on, and gone at 20 s.
  private static var changing: ClusterZone {
    var zone = ClusterZone()
    zone.record(web, .address(ip("10.96.0.1")), at: time(1))
    zone.record(web, .address(ip("10.96.0.2")), at: time(10))
    zone.record(web, nil, at: time(20))
    return zone
  }

  @Test(
    "A change of the API is answered after the watch's delay",
    arguments: [
      (0.9, nil), (1.4, nil), (1.6, "10.96.0.1"), (10.4, "10.96.0.1"), (10.6, "10.96.0.2"),
      (20.4, "10.96.0.2"), (20.6, nil),
    ] as [(Double, String?)])
  func lag(_ at: Double, _ address: String?) {
    var server = Self.server()
    let step = server.answer(
      DNSQuestion("web.shop.svc.cluster.local"), at: Self.time(at), zone: Self.changing)
    let expected =
      address.map { DNSResponse(.noError, [Self.ip($0)], ttl: .seconds(30)) }
      ?? DNSResponse(.nameError, ttl: .seconds(30))
    #expect(step == .answer(expected))
  }

  @Test func aProcessThatStartsLaterKnowsWhatWasBefore() {
    var server = Self.server(startedAt: 10.1)
    let step = server.answer(
      DNSQuestion("web.shop.svc.cluster.local"), at: Self.time(10.2), zone: Self.changing)
    #expect(step == .answer(DNSResponse(.noError, [Self.ip("10.96.0.2")], ttl: .seconds(30))))
  }

  @Test("The longer of two delays holds both versions up: a watch delivers in order")
  func order() {
    var zone = ClusterZone()
    for second in 1...200 {
      zone.record(Self.web, .address(IPv4Address(bits: UInt32(second))), at: Self.time(Double(second) / 100))
    }
    var settings = DNSSettings()
    settings.coreDNS.watchDelay = .uniform(low: 0, high: 1)
    let key = RandomKey(seed: 1, replication: 0, purpose: RandomPurpose("test"), entity: 0)
    var server = CoreDNSServer(
      settings, watchDelay: Sampler(settings.coreDNS.watchDelay), key: key, startedAt: .zero)
    var last: UInt32 = 0
    for step in 1...400 {
      let answer = server.answer(
        DNSQuestion("web.shop.svc.cluster.local"), at: Self.time(Double(step) / 100), zone: zone)
      guard case .answer(let response) = answer, let address = response.addresses.first else { continue }
      #expect(address.bits >= last)
      last = address.bits
    }
    #expect(last == 200)
  }

  @Test(
    "Records of a headless Service",
    arguments: [
      ("db.shop.svc.cluster.local", ["10.244.0.5", "10.244.1.5"]),
      ("db-0.db.shop.svc.cluster.local", ["10.244.0.5"]), ("db-7.db.shop.svc.cluster.local", []),
      ("empty.shop.svc.cluster.local", []), ("shop.svc.cluster.local", []), ("cluster.local", []),
    ])
  func headless(_ name: String, _ addresses: [String]) {
    var zone = ClusterZone()
    let list = [
      DNSEndpoint(hostname: "db-0", address: Self.ip("10.244.0.5")),
      DNSEndpoint(hostname: "db-1", address: Self.ip("10.244.1.5")),
    ]
    zone.record(NamespacedName(namespace: "shop", name: "db"), .endpoints(list), at: .zero)
    zone.record(NamespacedName(namespace: "shop", name: "empty"), .endpoints([]), at: .zero)
    var server = Self.server()
    let step = server.answer(DNSQuestion(name), at: Self.time(5), zone: zone)
    let code: DNSResponse.Code = addresses.isEmpty ? .nameError : .noError
    #expect(step == .answer(DNSResponse(code, addresses.map { Self.ip($0) }, ttl: .seconds(30))))
  }

  @Test func aNameWithoutIPv6AddressExists() {
    var server = Self.server()
    let step = server.answer(
      DNSQuestion("web.shop.svc.cluster.local", .aaaa), at: Self.time(5), zone: Self.changing)
    #expect(step == .answer(DNSResponse(.noError, ttl: .seconds(30))))
  }

  // MARK: Names outside

  /// A query at `at` for an outside name whose record lives `ttl`: is it forwarded, and what is left of it?
  struct CacheCase: Sendable {
    var ttl: Double
    var at: Double
    var left: Double?
  }

  @Test(
    "cache 30: at most 30 s, at least 5 s, and the answer grows old in it",
    arguments: [
      CacheCase(ttl: 60, at: 0.001, left: 29.999), CacheCase(ttl: 60, at: 29, left: 1),
      CacheCase(ttl: 60, at: 30, left: nil), CacheCase(ttl: 20, at: 19, left: 1),
      CacheCase(ttl: 20, at: 20, left: nil), CacheCase(ttl: 1, at: 4, left: 1),
      CacheCase(ttl: 1, at: 5, left: nil),
    ])
  func cache(_ test: CacheCase) {
    var server = Self.server()
    let question = DNSQuestion("db.example.com")
    let record = DNSResponse(
      .noError, [Self.ip("198.51.100.7")], ttl: SimDuration(seconds: test.ttl))
    #expect(server.answer(question, at: .zero, zone: ClusterZone()) == .forward(question))
    let first = server.finish(question, forwarded: question, record, at: .zero)
    #expect(first.ttl == SimDuration(seconds: max(5, min(30, test.ttl))))
    let step = server.answer(question, at: Self.time(test.at), zone: ClusterZone())
    guard let left = test.left else {
      #expect(step == .forward(question))
      return
    }
    #expect(
      step == .answer(DNSResponse(.noError, record.addresses, ttl: SimDuration(seconds: left))))
  }

  @Test("An alias asks for its target, whose answer is kept under the target's name")
  func alias() {
    var zone = ClusterZone()
    zone.record(Self.web, .alias("DB.example.com."), at: .zero)
    var server = Self.server { $0.ttl = .seconds(10) }
    let question = DNSQuestion("web.shop.svc.cluster.local")
    let target = DNSQuestion("db.example.com")
    #expect(server.answer(question, at: Self.time(1), zone: zone) == .forward(target))
    let record = DNSResponse(.noError, [Self.ip("198.51.100.7")], ttl: .seconds(25))
    #expect(
      server.finish(question, forwarded: target, record, at: Self.time(1)).ttl == .seconds(10),
      "the CNAME's own time counts too")
    #expect(
      server.answer(question, at: Self.time(20), zone: zone)
        == .answer(DNSResponse(.noError, record.addresses, ttl: .seconds(6))))
    #expect(server.answer(question, at: Self.time(26), zone: zone) == .forward(target))
  }

  @Test("Aliases that lead to themselves end")
  func aliasLoop() {
    var zone = ClusterZone()
    zone.record(Self.web, .alias("web.shop.svc.cluster.local"), at: .zero)
    var server = Self.server()
    let step = server.answer(DNSQuestion("web.shop.svc.cluster.local"), at: Self.time(5), zone: zone)
    guard case .answer(let response) = step else {
      Issue.record("\(step)")
      return
    }
    #expect(response.code == .nameError)
  }

  @Test(
    "The kernel decides what becomes of the second of two racing queries",
    arguments: [
      ("4.15", InsertRaceSettings.Resolution.drop), ("4.18", .drop), ("4.19", .dropUnlessSameEndpoint),
      ("5.5", .dropUnlessSameEndpoint), ("5.6", .keep), ("6.1", .keep),
    ])
  func kernels(_ version: String, _ resolution: InsertRaceSettings.Resolution) throws {
    var race = InsertRaceSettings()
    race.kernel = try #require(KernelVersion(version))
    #expect(race.resolution == resolution)
  }
}
