// SPDX-License-Identifier: GPL-3.0-or-later
//
// One loop over the sockets of all pods and all clients, in whatever namespaces they are. Answers are looked
// for before time runs out for anybody, so that a machine that was busy elsewhere makes no silence.

#if os(Linux)
  import Foundation
  import NetworkTypes

  public final class ProbeLoop {
    /// One SYN, one verdict: shorter than the first retransmission (1 s, FACTS E3).
    public var patience = 0.9
    /// Attempts that a probe has under way at a time.
    public var width = 8
    /// A probe that met so many silences and no answer makes no more attempts.
    public var silencesEnough = 3

    private enum Role {
      case free
      case listener(LabEnd)
      case connection(LabAnswer)
      case datagrams(LabEnd)
      case client(Int)
    }

    /// A client's socket with a question under way.
    private struct Question {
      var fd: Int32
      var probe: Int
      var transport: TransportProtocol
      var isOpen: Bool
      var started: Double
      var meeting: LabMeeting?
      var ended = 0.0
    }

    private var roles: [Role] = []
    private var watched: [pollfd] = []
    private var place: [Int] = []
    private var buffer = [UInt8](repeating: 0, count: 2048)
    private var questions: [Question] = []
    private var finished: [Int] = []
    private var underWay = 0
    /// UDP clients use ports in turn: a port that comes again soon would meet the old flow's conntrack entry.
    private var nextPort: UInt16 = 20_000

    public init() {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
      limit.rlim_cur = min(limit.rlim_max, 16_384)
      setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    deinit { for entry in watched { close(entry.fd) } }

    // MARK: Servers

    /// A pod listens from now on and answers each message.
    public func listen(in space: NetworkNamespace, at end: LabEnd, _ transport: TransportProtocol) throws {
      let fd = try space.inside { try Socket.open(transport) }
      var yes: Int32 = 1
      setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
      let code = Socket.bind(fd, end)
      guard code == 0 else {
        close(fd)
        throw LabError.system(call: "bind \(end) in \(space.name)", code: code)
      }
      if transport == .tcp { Foundation.listen(fd, 1024) }
      watch(fd, transport == .udp ? .datagrams(end) : .listener(end), Int16(POLLIN))
    }

    /// The socket at `end` is closed: from now on its pod's kernel refuses.
    public func stopListening(at end: LabEnd) {
      for entry in watched {
        switch roles[Int(entry.fd)] {
        case .listener(end), .datagrams(end): drop(entry.fd)
        default: break
        }
      }
    }

    // MARK: Clients

    /// Makes the attempts of all probes, side by side.
    /// - Returns: what they met, in the order in which each probe's attempts began.
    public func run(_ probes: [Probe]) throws -> [[LabAttempt]] {
      try meet(probes, keeping: false).map { $0.map(\.attempt) }
    }

    /// As `run`, but the flows that were answered stay open until `end`.
    public func open(_ probes: [Probe]) throws -> [[HeldFlow]] { try meet(probes, keeping: true) }

    private func meet(_ probes: [Probe], keeping: Bool) throws -> [[HeldFlow]] {
      questions.removeAll(keepingCapacity: true)
      finished.removeAll(keepingCapacity: true)
      var next = [Int](repeating: 0, count: probes.count)
      var active = [Int](repeating: 0, count: probes.count)
      var silences = [Int](repeating: 0, count: probes.count)
      var waiting = Array(probes.indices)
      while !waiting.isEmpty || underWay > 0 {
        waiting.removeAll { next[$0] >= probes[$0].attempts }
        for index in waiting {
          let probe = probes[index]
          while next[index] < probe.attempts, active[index] < (probe.isSequential ? 1 : width), underWay < 600
          {
            try ask(probe, index, attempt: next[index])
            next[index] += 1
            active[index] += 1
          }
        }
        turn()
        for number in finished {
          let index = questions[number].probe
          active[index] -= 1
          count(questions[number].meeting, in: &silences[index])
          if silences[index] >= silencesEnough { next[index] = probes[index].attempts }
          letGo(number, keeping: keeping)
        }
        finished.removeAll(keepingCapacity: true)
      }
      return sorted(probes.count)
    }

    private func count(_ meeting: LabMeeting?, in silences: inout Int) {
      switch meeting {
      case .silence: silences += 1
      case .answered: silences = .min / 2
      default: break
      }
    }

    private func letGo(_ number: Int, keeping: Bool) {
      unwatch(questions[number].fd)
      if keeping, case .answered = questions[number].meeting { return }
      close(questions[number].fd)
      questions[number].fd = -1
    }

    private func sorted(_ count: Int) -> [[HeldFlow]] {
      var flows = [[HeldFlow]](repeating: [], count: count)
      for question in questions {
        let time = (question.ended - question.started) * 1000
        flows[question.probe].append(
          HeldFlow(
            fd: question.fd, transport: question.transport,
            attempt: LabAttempt(meeting: question.meeting ?? .silence, milliseconds: time)))
      }
      return flows
    }

    /// Sends one more message on each open flow and waits for the answers.
    /// - Precondition: all of them were answered and none has ended.
    public func askAgain(_ flows: [HeldFlow]) -> [LabMeeting] {
      questions.removeAll(keepingCapacity: true)
      finished.removeAll(keepingCapacity: true)
      for (number, flow) in flows.enumerated() {
        questions.append(
          Question(
            fd: flow.fd, probe: 0, transport: flow.transport, isOpen: true, started: LabClock.now,
            meeting: nil))
        precondition(flow.fd >= 0, "a flow that was not kept is asked again")
        underWay += 1
        watch(flow.fd, .client(number), Int16(POLLIN))
        say(number)
      }
      while underWay > 0 {
        finished.removeAll(keepingCapacity: true)
        turn()
      }
      for flow in flows { unwatch(flow.fd) }
      return questions.map { $0.meeting ?? .silence }
    }

    /// The client closes its socket; TCP by a RST.
    public func end(_ flow: HeldFlow) { if flow.fd >= 0 { close(flow.fd) } }

    private func ask(_ probe: Probe, _ index: Int, attempt: Int) throws {
      let fd = try probe.from.inside { try Socket.open(probe.transport) }
      let source = probe.sources.isEmpty ? nil : probe.sources[attempt % probe.sources.count]
      if probe.transport == .udp {
        bindNextPort(fd, source ?? .unspecified)
      } else {
        Socket.closeByReset(fd)
        if let source { _ = Socket.bind(fd, LabEnd(source, 0)) }
      }
      let number = questions.count
      let isUDP = probe.transport == .udp
      questions.append(
        Question(
          fd: fd, probe: index, transport: probe.transport, isOpen: isUDP, started: LabClock.now, meeting: nil
        ))
      underWay += 1
      let code = Socket.connect(fd, probe.to)
      watch(fd, .client(number), Int16(isUDP ? POLLIN : POLLOUT))
      if code != 0, code != EINPROGRESS {
        settle(number, Socket.meeting(code, isOpen: false))
      } else if isUDP {
        say(number)
      }
    }

    private func bindNextPort(_ fd: Int32, _ source: IPv4Address) {
      for _ in 0..<100 {
        nextPort = nextPort >= 60_000 ? 20_000 : nextPort + 1
        if Socket.bind(fd, LabEnd(source, nextPort)) == 0 { return }
      }
    }

    private func say(_ number: Int) {
      let result = Socket.send(questions[number].fd, "?")
      // EPERM: the client's own node dropped or rejected the datagram. If it was rejected, ICMP says so next.
      if result < 0, result != -Int(EPERM) { settle(number, Socket.meeting(Int32(-result), isOpen: true)) }
    }

    private func settle(_ number: Int, _ meeting: LabMeeting) {
      guard questions[number].meeting == nil else { return }
      questions[number].meeting = meeting
      questions[number].ended = LabClock.now
      finished.append(number)
      underWay -= 1
    }

    // MARK: The loop

    /// Waits for something to happen and deals with all that has.
    private func turn() {
      guard finished.isEmpty else { return }
      let count = poll(&watched, nfds_t(watched.count), 20)
      if count > 0 {
        let ready = watched.filter { $0.revents != 0 }
        for entry in ready { handle(entry) }
        return
      }
      let now = LabClock.now
      for number in questions.indices where questions[number].meeting == nil {
        if now - questions[number].started > patience { settle(number, .silence) }
      }
    }

    private func handle(_ entry: pollfd) {
      switch roles[Int(entry.fd)] {
      case .free: break
      case .listener(let end): acceptAll(entry.fd, end)
      case .connection(let answer): reply(entry.fd, answer)
      case .datagrams(let end):
        while let peer = Socket.receiveFrom(entry.fd, &buffer) {
          Socket.send(entry.fd, LabAnswer(server: end, seen: peer).line, to: peer)
        }
      case .client(let number): advance(number, entry)
      }
    }

    private func acceptAll(_ fd: Int32, _ end: LabEnd) {
      while let (new, peer) = Socket.accept(fd) {
        watch(new, .connection(LabAnswer(server: end, seen: peer)), Int16(POLLIN))
      }
    }

    private func reply(_ fd: Int32, _ answer: LabAnswer) {
      let count = Socket.receive(fd, &buffer)
      if count > 0, Socket.send(fd, answer.line) > 0 { return }
      if count == -Int(EAGAIN) { return }
      drop(fd)
    }

    private func advance(_ number: Int, _ entry: pollfd) {
      let fd = entry.fd
      guard questions[number].meeting == nil else { return }
      if !questions[number].isOpen {
        let code = Socket.pendingError(fd)
        if code != 0 { return settle(number, Socket.meeting(code, isOpen: false)) }
        questions[number].isOpen = true
        want(fd, Int16(POLLIN))
        return say(number)
      }
      let count = Socket.receive(fd, &buffer)
      if count == -Int(EAGAIN) { return }
      if count < 0 { return settle(number, Socket.meeting(Int32(-count), isOpen: true)) }
      let answer = LabAnswer(line: String(decoding: buffer[..<count], as: UTF8.self))
      settle(number, answer.map { .answered($0) } ?? .failed(EBADMSG))
    }

    // MARK: Which descriptors are looked at

    private func watch(_ fd: Int32, _ role: Role, _ events: Int16) {
      while roles.count <= Int(fd) {
        roles.append(.free)
        place.append(-1)
      }
      roles[Int(fd)] = role
      place[Int(fd)] = watched.count
      watched.append(pollfd(fd: fd, events: events, revents: 0))
    }

    private func want(_ fd: Int32, _ events: Int16) { watched[place[Int(fd)]].events = events }

    private func drop(_ fd: Int32) {
      unwatch(fd)
      close(fd)
    }

    private func unwatch(_ fd: Int32) {
      let index = place[Int(fd)]
      guard index >= 0 else { return }
      let last = watched.removeLast()
      if last.fd != fd {
        watched[index] = last
        place[Int(last.fd)] = index
      }
      place[Int(fd)] = -1
      roles[Int(fd)] = .free
    }
  }

  /// A flow of one client that the lab may use again.
  public struct HeldFlow {
    fileprivate var fd: Int32
    fileprivate var transport: TransportProtocol
    /// What its first question met.
    public var attempt: LabAttempt
    /// The client's own port.
    public var localPort: UInt16 {
      var address = sockaddr_in()
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      _ = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(fd, $0, &size) }
      }
      return UInt16(bigEndian: address.sin_port)
    }
  }
#endif
