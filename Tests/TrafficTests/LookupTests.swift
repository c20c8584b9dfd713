// SPDX-License-Identifier: GPL-3.0-or-later
//
// The resolver alone: answers and silence in, queries, sockets and timers out.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Traffic

/// What happens to a look-up, in order.
enum LookupInput: Sendable {
  case yes(DNSQuestionType)
  /// The name does not exist.
  case no(DNSQuestionType)
  /// It exists, without such a record.
  case empty(DNSQuestionType)
  case failure
  case silence
  case refused
}

struct LookupCase: Sendable, CustomTestStringConvertible {
  var name: String
  var settings: ResolverSettings
  var candidates: [String]
  var inputs: [LookupInput]
  /// `o` socket opened, `c` closed, `A`/`6` query sent, `t5` timer, `!found` end; spaces between inputs.
  var trace: String
  var queries: Int

  init(
    _ name: String, names candidates: [String] = ["web.default.svc.cluster.local"],
    with change: (inout ResolverSettings) -> Void = { _ in }, _ inputs: [LookupInput], _ trace: String,
    queries: Int
  ) {
    self.name = name
    self.candidates = candidates
    var settings = ResolverSettings()
    change(&settings)
    self.settings = settings
    self.inputs = inputs
    self.trace = trace
    self.queries = queries
  }
  var testDescription: String { name }
}

struct LookupTests {
  static let cases: [LookupCase] = [
    LookupCase("both answers", [.yes(.a), .empty(.aaaa)], "oA6t5000 - c!found", queries: 2),
    LookupCase("answers the other way round", [.empty(.aaaa), .yes(.a)], "oA6t5000 - c!found", queries: 2),
    LookupCase(
      "glibc: one answer of two, then one after the other from the same socket",
      [.yes(.a), .silence, .yes(.a), .empty(.aaaa)], "oA6t5000 - At5000 6 c!found", queries: 4),
    LookupCase(
      "glibc: one answer again, then from two sockets, then it is enough",
      [.yes(.a), .silence, .yes(.a), .silence, .yes(.a), .silence],
      "oA6t5000 - At5000 6 coAt5000 co6 c!found", queries: 6),
    LookupCase("glibc: silence twice", [.silence, .silence], "oA6t5000 A6t5000 c!timedOut", queries: 4),
    LookupCase(
      "five attempts", with: { $0.attempts = 5 }, [.silence, .silence, .yes(.a), .empty(.aaaa)],
      "oA6t5000 A6t5000 A6t5000 - c!found", queries: 6),
    LookupCase(
      "another timeout", with: { $0.timeout = .seconds(1) }, [.silence], "oA6t1000 A6t1000", queries: 4),
    LookupCase(
      "single-request", with: { $0.singleRequest = true }, [.yes(.a), .empty(.aaaa)], "oAt5000 6 c!found",
      queries: 2),
    LookupCase(
      "single-request-reopen", with: { $0.singleRequestReopen = true }, [.yes(.a), .empty(.aaaa)],
      "oAt5000 co6 c!found", queries: 2),
    LookupCase("no-aaaa", with: { $0.asksAAAA = false }, [.yes(.a)], "oAt5000 c!found", queries: 1),
    LookupCase(
      "musl waits half as long and asks for the rest", with: { $0.library = .musl },
      [.yes(.a), .silence, .empty(.aaaa)], "oA6t2500 - 6t2500 c!found", queries: 3),
    LookupCase(
      "musl gives up after one timeout", with: { $0.library = .musl }, [.silence, .silence],
      "oA6t2500 A6t2500 c!timedOut", queries: 4),
    LookupCase(
      "Go: a socket each", with: { $0.library = .go }, [.yes(.a), .silence, .empty(.aaaa)],
      "oAo6t5000 - o6t5000 c!found", queries: 3),
    LookupCase(
      "refused: at once from another socket, then no more", [.refused, .refused],
      "oA6t5000 coA6t5000 c!refused", queries: 4),
    LookupCase(
      "the second candidate exists", names: ["web.default.svc.cluster.local", "web.svc.cluster.local"],
      [.no(.a), .no(.aaaa), .yes(.a), .empty(.aaaa)], "oA6t5000 - coA6t5000 - c!found", queries: 4),
    LookupCase(
      "glibc goes on after a name without addresses", names: ["a", "b"],
      [.empty(.a), .empty(.aaaa), .yes(.a), .empty(.aaaa)], "oA6t5000 - coA6t5000 - c!found", queries: 4),
    LookupCase(
      "musl does not", names: ["a", "b"], with: { $0.library = .musl }, [.empty(.a), .empty(.aaaa)],
      "oA6t2500 - c!notFound", queries: 2),
    LookupCase("nobody has it", [.no(.a), .no(.aaaa)], "oA6t5000 - c!notFound", queries: 2),
    LookupCase(
      "silence ends the search", names: ["a", "b"], [.silence, .silence], "oA6t5000 A6t5000 c!timedOut",
      queries: 4),
    LookupCase(
      "a server's failure: asked again, then the next name", names: ["a", "b"],
      [.failure, .failure, .yes(.a), .empty(.aaaa)], "oA6t5000 A6t5000 coA6t5000 - c!found", queries: 6),
  ]

  @Test("Inputs give these queries, sockets and timers", arguments: cases)
  func directives(_ test: LookupCase) {
    var lookup = Lookup(test.settings, candidates: test.candidates)
    var asked = DNSQuestion("", .a)
    var texts = [Self.text(lookup.start(), &asked)]
    for input in test.inputs { texts.append(Self.text(Self.feed(input, &lookup, asked.name), &asked)) }
    #expect(texts.map { $0.isEmpty ? "-" : $0 }.joined(separator: " ") == test.trace)
    #expect(lookup.queries == test.queries)
  }

  private static func feed(_ input: LookupInput, _ lookup: inout Lookup, _ name: String) -> [Lookup.Directive]
  {
    let ttl = SimDuration.seconds(30)
    switch input {
    case .yes(let type):
      return lookup.received(
        DNSResponse(.noError, [IPv4Address("10.96.0.1")!], ttl: ttl), to: DNSQuestion(name, type))
    case .no(let type): return lookup.received(DNSResponse(.nameError, ttl: ttl), to: DNSQuestion(name, type))
    case .empty(let type):
      return lookup.received(DNSResponse(.noError, ttl: ttl), to: DNSQuestion(name, type))
    case .failure: return lookup.received(DNSResponse(.serverFailure, ttl: .zero), to: DNSQuestion(name))
    case .silence: return lookup.timedOut()
    case .refused: return lookup.refused()
    }
  }

  private static func text(_ directives: [Lookup.Directive], _ asked: inout DNSQuestion) -> String {
    var text = ""
    for directive in directives {
      switch directive {
      case .closeSockets: text += "c"
      case .openSocket: text += "o"
      case .send(let question):
        asked = question
        text += question.type == .a ? "A" : "6"
      case .setTimer(let wait): text += "t\(wait.nanoseconds / 1_000_000)"
      case .finish(.found): text += "!found"
      case .finish(.notFound): text += "!notFound"
      case .finish(.timedOut): text += "!timedOut"
      case .finish(.refused): text += "!refused"
      case .finish(.serverFailure): text += "!serverFailure"
      }
    }
    return text
  }

  struct NameCase: Sendable {
    var name: String
    var ndots = 5
    var search = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"]
    var library = ResolverSettings.Library.glibc
    var candidates: [String]
  }

  /// FACTS G: a name with fewer dots than ndots goes through the list first.
  @Test(
    "Names are tried in the order of the search list",
    arguments: [
      NameCase(
        name: "web",
        candidates: [
          "web.default.svc.cluster.local", "web.svc.cluster.local", "web.cluster.local", "web",
        ]),
      NameCase(name: "web.", candidates: ["web"]),
      NameCase(
        name: "example.com", ndots: 1,
        candidates: [
          "example.com", "example.com.default.svc.cluster.local", "example.com.svc.cluster.local",
          "example.com.cluster.local",
        ]),
      NameCase(name: "example.com", ndots: 1, library: .musl, candidates: ["example.com"]),
      NameCase(name: "Example.COM.", candidates: ["example.com"]),
      NameCase(name: "a.b.c.d.e", ndots: 5, search: ["x"], candidates: ["a.b.c.d.e.x", "a.b.c.d.e"]),
      NameCase(name: "a.b.c.d.e.f", ndots: 5, search: ["x"], candidates: ["a.b.c.d.e.f", "a.b.c.d.e.f.x"]),
    ])
  func searchList(_ test: NameCase) {
    var settings = ResolverSettings()
    settings.ndots = test.ndots
    settings.library = test.library
    #expect(settings.candidates(for: test.name, search: test.search) == test.candidates)
  }

  /// FACTS G: an outside name costs (s + 1) x 2 queries.
  @Test("An outside name is amplified by the search list", arguments: 0...6)
  func amplification(_ suffixes: Int) {
    let settings = ResolverSettings()
    let search = (0..<suffixes).map { "search\($0).local" }
    let candidates = settings.candidates(for: "example.com", search: search)
    var lookup = Lookup(settings, candidates: candidates)
    _ = lookup.start()
    for candidate in candidates {
      for type in DNSQuestionType.allCases {
        let isLast = candidate == "example.com"
        let addresses = isLast && type == .a ? [IPv4Address("198.51.100.7")!] : []
        let response = DNSResponse(isLast ? .noError : .nameError, addresses, ttl: .seconds(30))
        _ = lookup.received(response, to: DNSQuestion(candidate, type))
      }
    }
    #expect(lookup.queries == (suffixes + 1) * 2)
  }

  @Test(
    "Options of resolv.conf are taken as resolv.conf(5) says",
    arguments: [
      ("ndots", "2", true), ("ndots", "99", true), ("ndots", "-1", false), ("ndots", nil, false),
      ("timeout", "1", true), ("attempts", "9", true), ("single-request-reopen", nil, true),
      ("use-vc", nil, true), ("edns0", nil, true), ("nonsense", nil, false),
    ] as [(String, String?, Bool)])
  func options(_ name: String, _ value: String?, _ isKnown: Bool) {
    var settings = ResolverSettings()
    #expect(settings.apply(PodDNS.Option(name, value)) == isKnown)
    #expect(settings.ndots <= 15)
    #expect(settings.attempts <= 5)
  }

  @Test(
    "Runtimes keep answers for their own time",
    arguments: [
      ("go", 5, 0), ("jvm", 30, 10), ("nscd", 305, 20), ("browser", 60, 0), ("ttl", 305, 0),
    ])
  func presets(_ name: String, _ seconds: Int64, _ negative: Int64) throws {
    let policy = try #require(DNSCachePolicy(preset: name))
    let ttl = SimDuration.seconds(305)
    let expected = name == "go" ? .zero : SimTime.zero + .seconds(seconds)
    #expect(policy.expiry(of: ttl, at: .zero) == expected)
    #expect(policy.negative == .seconds(negative))
  }

  @Test func aPresetThatNobodyKnowsIsNone() { #expect(DNSCachePolicy(preset: "cobol") == nil) }
}
