// SPDX-License-Identifier: GPL-3.0-or-later
//
// One call of getaddrinfo: which queries leave from which socket, what is made of answers and of silence, and
// when it is over. Logic without I/O: inputs give directives, the engine owns sockets and timers.
//
//     candidate names -> exchange (A and AAAA) -> both answered -> addresses, or the next candidate
//                            '-- time is up ----> again, one after the other, or given up
//
// Sources: glibc resolv/res_send.c (send_dg, send_vc) and res_query.c (__res_context_search); musl
// src/network/res_msend.c and lookup_name.c; Go src/net/dnsclient_unix.go. Read for what they do.

import Cluster
import NetworkTypes
import SimKernel

public struct Lookup: Sendable {
  /// How it ended.
  public enum Outcome: Sendable, Equatable {
    case found([IPv4Address], ttl: SimDuration)
    /// The last candidate does not exist either, or has no address.
    case notFound(ttl: SimDuration)
    /// No answer in time (EAI_AGAIN).
    case timedOut
    /// Nobody listens at the nameserver (ECONNREFUSED).
    case refused
    case serverFailure
  }
  public enum Directive: Sendable, Equatable {
    /// Closes the sockets that are open.
    case closeSockets
    /// Opens a socket: the next queries go from it.
    case openSocket
    case send(DNSQuestion)
    /// Replaces the timer that is running.
    case setTimer(SimDuration)
    case finish(Outcome)
  }
  private enum Mode: Sendable { case parallel, single, singleReopen }

  private let settings: ResolverSettings
  private let candidates: [String]
  private var candidate = 0
  private var attempt = 0
  private var mode: Mode
  private var answers: [DNSQuestionType: DNSResponse] = [:]
  /// The shortest time that a denial may be believed.
  private var denialTTL = SimDuration.max
  private var hasServerFailure = false
  private var isOver = false
  private var hasSocket = false
  /// Queries sent, retries included.
  public private(set) var queries = 0
  /// Timers that ran out.
  public private(set) var timeouts = 0

  /// - Parameter candidates: fully qualified names, `ResolverSettings.candidates`.
  public init(_ settings: ResolverSettings, candidates: [String]) {
    precondition(!candidates.isEmpty, "a look-up of nothing")
    self.settings = settings
    self.candidates = candidates
    mode =
      settings.singleRequestReopen && settings.library == .glibc
      ? .singleReopen : settings.singleRequest && settings.library != .musl ? .single : .parallel
  }

  /// Queries go over TCP.
  public var usesTCP: Bool { settings.useVC }
  private var types: [DNSQuestionType] { settings.asksAAAA ? [.a, .aaaa] : [.a] }
  private func question(_ type: DNSQuestionType) -> DNSQuestion { DNSQuestion(candidates[candidate], type) }
  /// musl spreads its attempts over one timeout (res_msend.c, retry_interval).
  private var interval: SimDuration {
    settings.library == .musl
      ? SimDuration(nanoseconds: settings.timeout.nanoseconds / Int64(settings.attempts)) : settings.timeout
  }

  /// Begins. Call once.
  public mutating func start() -> [Directive] { exchange() }

  /// Asks for the present candidate, on the open socket if there is one.
  private mutating func exchange() -> [Directive] {
    answers = [:]
    var out: [Directive] = []
    if mode == .parallel {
      for type in types { send(type, &out) }
    } else {
      send(.a, &out)
    }
    out.append(.setTimer(interval))
    return out
  }

  private mutating func send(_ type: DNSQuestionType, _ out: inout [Directive]) {
    // Go dials for each query.
    if !hasSocket || settings.library == .go { out.append(.openSocket) }
    hasSocket = true
    queries += 1
    out.append(.send(question(type)))
  }

  private mutating func close(_ out: inout [Directive]) {
    if hasSocket { out.append(.closeSockets) }
    hasSocket = false
  }

  // MARK: Inputs

  /// A server has answered a query of this look-up.
  public mutating func received(_ response: DNSResponse, to asked: DNSQuestion) -> [Directive] {
    // A late answer to an earlier candidate is for a socket that is closed; a second one to the same query
    // changes nothing.
    guard !isOver, asked.name == candidates[candidate], answers[asked.type] == nil else { return [] }
    if response.code == .serverFailure { return serverFailed() }
    answers[asked.type] = response
    if answers.count == types.count { return decide() }
    guard mode != .parallel else { return [] }
    var out: [Directive] = []
    if mode == .singleReopen { close(&out) }
    send(.aaaa, &out)
    return out
  }

  /// The timer has run out.
  public mutating func timedOut() -> [Directive] {
    guard !isOver else { return [] }
    timeouts += 1
    switch settings.library {
    case .glibc where !answers.isEmpty && !settings.useVC: return halfAnswered()
    case .glibc: return again()
    case .musl, .go: return againForTheRest()
    }
  }

  /// glibc has one of two answers: it asks both again, one after the other, and lastly from two sockets. What
  /// it has then is enough.
  private mutating func halfAnswered() -> [Directive] {
    switch mode {
    case .parallel:
      mode = .single
      return exchange()
    case .single:
      mode = .singleReopen
      var out: [Directive] = []
      close(&out)
      return out + exchange()
    case .singleReopen:
      return decide()
    }
  }

  /// No answer: the next attempt, on the same socket.
  private mutating func again() -> [Directive] {
    attempt += 1
    return attempt < settings.attempts ? exchange() : finish(.timedOut)
  }

  private mutating func againForTheRest() -> [Directive] {
    attempt += 1
    guard attempt < settings.attempts else { return finish(.timedOut) }
    var out: [Directive] = []
    for type in types where answers[type] == nil && (mode == .parallel || out.isEmpty) { send(type, &out) }
    out.append(.setTimer(interval))
    return out
  }

  /// ICMP port unreachable, or RST: nobody listens.
  public mutating func refused() -> [Directive] {
    guard !isOver else { return [] }
    // musl reads on an unconnected socket, where the error does not show.
    if settings.library == .musl, !settings.useVC { return [] }
    attempt += 1
    guard attempt < settings.attempts else { return finish(.refused) }
    var out: [Directive] = []
    close(&out)
    return out + exchange()
  }

  private mutating func serverFailed() -> [Directive] {
    attempt += 1
    if attempt < settings.attempts { return exchange() }
    hasServerFailure = true
    return nextCandidate()
  }

  // MARK: Decisions

  private mutating func decide() -> [Directive] {
    let addresses = answers[.a]?.addresses ?? []
    if !addresses.isEmpty { return finish(.found(addresses, ttl: answers[.a]?.ttl ?? .zero)) }
    for type in types { if let ttl = answers[type]?.ttl { denialTTL = min(denialTTL, ttl) } }
    // To musl a name without an address is the end of the search, one that does not exist is not.
    if settings.library == .musl, answers[.a]?.code == .noError { return finish(.notFound(ttl: denialTTL)) }
    return nextCandidate()
  }

  private mutating func nextCandidate() -> [Directive] {
    guard candidate + 1 < candidates.count else {
      return finish(
        hasServerFailure ? .serverFailure : .notFound(ttl: denialTTL == .max ? .zero : denialTTL))
    }
    candidate += 1
    attempt = 0
    var out: [Directive] = []
    close(&out)
    return out + exchange()
  }

  private mutating func finish(_ outcome: Outcome) -> [Directive] {
    isOver = true
    var out: [Directive] = []
    close(&out)
    out.append(.finish(outcome))
    return out
  }
}
