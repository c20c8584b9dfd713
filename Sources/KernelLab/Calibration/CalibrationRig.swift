// SPDX-License-Identifier: GPL-3.0-or-later
//
// One table under measurement: a client pod and a server pod on a node with the rules. One thread sends and
// receives, so what it measures is the packet's way through the kernel and no scheduler: a packet over veth
// pairs is carried to the receiving socket before sendto() returns.

#if os(Linux)
  import Foundation
  import NetworkTypes

  final class CalibrationRig {
    let table: CalibrationTable
    private let network: LabNetwork
    private let rules: CalibrationRules
    private let server: Int32
    private let endpoint: LabEnd
    private var buffer = [UInt8](repeating: 0, count: 64)
    /// A flow must be new: ports of the client are used in turn.
    private var port: UInt16 = 1024

    /// Nanoseconds from sendto() to the server's recv().
    struct Flow {
      var first: Int64
      var later: [Int64]
    }

    init(_ table: CalibrationTable) throws {
      self.table = table
      let node = LabPlan.Node(
        name: "node", address: IPv4Address("172.18.0.2")!, podCIDR: IPv4CIDR("10.244.1.0/24")!)
      endpoint = LabEnd(IPv4Address("10.244.1.2")!, 9053)
      let plan = LabPlan(
        nodes: [node],
        pods: [
          .init(name: "server", address: endpoint.address, node: 0, ports: [.init(endpoint.port, .udp)]),
          .init(name: "client", address: IPv4Address("10.244.1.3")!, node: 0, ports: []),
        ], outsiders: [], nodeNetwork: IPv4CIDR("172.18.0.0/16")!, podNetwork: IPv4CIDR("10.244.0.0/16")!,
        masqueradesPodTraffic: false)
      network = try LabNetwork(plan)
      rules = CalibrationRules(table: table, endpoint: endpoint, podNetwork: plan.podNetwork)
      if let mode = table.mode {
        try network.nodes[0].run(mode.loader, input: rules.text, seconds: 100)
      }
      let space = network.pods[0]
      server = try space.inside { try Socket.open(.udp) }
      let code = Socket.bind(server, endpoint)
      guard code == 0 else { throw LabError.system(call: "bind \(endpoint)", code: code) }
    }

    deinit { close(server) }

    /// The times of one new flow to the Service at `place` in the dispatch chain.
    func flow(place: Int, later: Int) throws -> Flow {
      let fd = try network.pods[1].inside { try Socket.open(.udp) }
      defer { close(fd) }
      port = port == 65_535 ? 1024 : port + 1
      var code = Socket.bind(fd, LabEnd(.unspecified, port))
      let target = table.mode == nil ? endpoint : LabEnd(rules.address(of: place), CalibrationRules.port)
      if code == 0 { code = Socket.connect(fd, target) }
      guard code == 0 else { throw LabError.system(call: "connect \(target)", code: code) }
      let first = try ask(fd)
      var flow = Flow(first: first, later: [])
      for _ in 0..<later { flow.later.append(try ask(fd)) }
      return flow
    }

    /// One packet there, timed, and one back.
    private func ask(_ fd: Int32) throws -> Int64 {
      let start = LabClock.nanoseconds
      var byte: UInt8 = 63
      guard send(fd, &byte, 1, Int32(MSG_NOSIGNAL)) == 1 else {
        throw LabError.system(call: "send to a Service of \(table)", code: errno)
      }
      var count = recv(server, &buffer, 64, Int32(MSG_PEEK))
      while count < 0, errno == EAGAIN, LabClock.nanoseconds - start < 200_000_000 {
        count = recv(server, &buffer, 64, Int32(MSG_PEEK))
      }
      let end = LabClock.nanoseconds
      guard let peer = Socket.receiveFrom(server, &buffer) else {
        throw LabError.unusable("a packet to a Service did not arrive: \(table)")
      }
      Socket.send(server, "!", to: peer)
      let limit = LabClock.nanoseconds + 200_000_000
      while recv(fd, &buffer, 64, 0) < 0 {
        guard errno == EAGAIN, LabClock.nanoseconds < limit else {
          throw LabError.unusable("an answer of a Service did not arrive: \(table)")
        }
      }
      return end - start
    }
  }
#endif
