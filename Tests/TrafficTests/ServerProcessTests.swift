// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel
import Testing

@testable import Traffic

struct ServerProcessTests {
  private func server(_ change: (inout ServerSettings) -> Void) -> ServerProcess {
    var settings = ServerSettings(name: "web", place: .outside([]))
    change(&settings)
    return ServerProcess(settings, settings: 0, host: HostReference(.outside, 0), port: 80)
  }
  private func ms(_ n: Int64) -> SimTime { .zero + .milliseconds(n) }

  @Test func workersTakeRequestsInTurn() {
    var one = server { $0.concurrency = 2 }
    // Two at once, the third when the first is done, the fourth when the second is.
    let done = [100, 30, 50, 10].map { one.receiveRequest(now: ms(0), serviceTime: .milliseconds($0)) }
    #expect(done == [.servedAt(ms(100)), .servedAt(ms(30)), .servedAt(ms(80)), .servedAt(ms(90))])
    #expect(one.requestsInSystem == 4)
  }

  @Test func idleWorkersWaitForNobody() {
    var one = server { $0.concurrency = 1 }
    #expect(one.receiveRequest(now: ms(0), serviceTime: .milliseconds(10)) == .servedAt(ms(10)))
    one.finishRequest(now: ms(50))
    #expect(one.receiveRequest(now: ms(50), serviceTime: .milliseconds(10)) == .servedAt(ms(60)))
  }

  @Test func aFullQueueTakesNoMore() {
    var one = server {
      $0.concurrency = 1
      $0.queue = 2
    }
    for _ in 0..<3 { #expect(one.receiveRequest(now: ms(0), serviceTime: .milliseconds(10)) != .overflow) }
    #expect(one.receiveRequest(now: ms(0), serviceTime: .milliseconds(10)) == .overflow)
    one.finishRequest(now: ms(50))
    #expect(one.receiveRequest(now: ms(10), serviceTime: .milliseconds(10)) == .servedAt(ms(40)))
  }

  @Test func theAcceptQueueHoldsBacklogPlusOne() {
    var one = server {
      $0.maxConnections = 1
      $0.backlog = 1
    }
    let answers = (0..<4).map { one.receiveSyn(slot: $0, generation: 0) }
    #expect(answers == [.accepted, .queued, .queued, .backlogFull])
    // The oldest comes in when one ends.
    #expect(one.closeConnection()?.slot == 1)
    #expect(one.openConnections == 1)
    #expect(one.receiveSyn(slot: 4, generation: 0) == .queued)
    one.leaveQueue(slot: 2, generation: 0)
    #expect(one.closeConnection()?.slot == 4)
    #expect(one.closeConnection() == nil && one.openConnections == 0)
  }

  @Test func aListenerThatIsClosedRefuses() {
    var one = server { _ in }
    one.isListening = false
    #expect(one.receiveSyn(slot: 0, generation: 0) == .closed)
  }
}
