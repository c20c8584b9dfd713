// SPDX-License-Identifier: GPL-3.0-or-later
//
// A client that comes round its 28,232 ports in 71 s: TIME_WAIT of its own stack ends after 60 s, but
// conntrack remembers the old flows for 120 s, with the backend that they had (FACTS E1, E2).

import Cluster
import SimKernel
import Testing

@testable import Simulation

struct PortReuseTests {
  @Test func aSynOnAClosedFlowGetsANewDecision() throws {
    var w = CauseCase.base(web: [1, 1])
    w.file.duration = .seconds(80)
    w.serve()
    w.at(10, .podDelete(.web(0)))
    w.addClient(every: 0.0025)
    let result = try w.run()
    #expect(result.attempted > 31_000)
    // Half of the ports were last used towards the pod that has gone for a minute.
    let late = result.lost.filter { $0.start > .zero + .seconds(20) }
    #expect(late.isEmpty, "\(late.count) lost after 20 s, the first: \(String(describing: late.first))")
  }
}
