// SPDX-License-Identifier: GPL-3.0-or-later
//
// A small cluster for tests: Services by number, endpoints in one slice per Service, and packets whose fate
// is written as text: "10.180.0.1:80 10.180.2.1:80 M", "REJECT", "DROP", "" (none of kube-proxy's).

import Cluster
import NetworkTypes
import SimKernel
import SimRandom

@testable import Proxy

/// The address plan of upstream's packet tests (FACTS I1).
enum Address {
  static let node = "192.168.0.2"
  static let secondNodeAddress = "192.168.1.2"
  static let pod = "10.0.0.2"
  static let outside = "203.0.113.2"
  static let blocked = "203.0.113.130"
}

func address(_ text: String) -> IPv4Address {
  guard let address = IPv4Address(text) else { preconditionFailure("address \(text)") }
  return address
}

func testService(
  _ name: String, clusterIP: String, port: Int = 80, transport: String = "TCP",
  _ change: (inout Service) -> Void = { _ in }
) -> Service {
  var spec = ServiceSpec()
  spec.type = "ClusterIP"
  spec.clusterIP = clusterIP
  var servicePort = ServicePort()
  servicePort.port = port
  servicePort.protocol = transport
  spec.ports = [servicePort]
  var service = Service(metadata: ObjectMeta(name: name), spec: spec)
  change(&service)
  return service
}

/// R ready, T serving and terminating, X terminating and not serving, U not ready.
func testEndpoint(_ ip: String, node: String, _ state: Character = "R") -> Endpoint {
  var endpoint = Endpoint(addresses: [ip])
  endpoint.nodeName = node
  endpoint.ready = state == "R"
  endpoint.serving = state == "R" || state == "T"
  endpoint.terminating = state == "T" || state == "X"
  return endpoint
}

func testSlice(_ endpoints: [Endpoint], ports: [EndpointPort] = [EndpointPort(port: 80)]) -> EndpointSlice {
  EndpointSlice(metadata: ObjectMeta(name: "slice"), endpoints: endpoints, ports: ports)
}

/// Settings of upstream's tests: pods are 10/8.
func testSettings(_ change: (inout ProxySettings) -> Void = { _ in }) -> ProxySettings {
  var settings = ProxySettings()
  settings.clusterCIDR = IPv4CIDR("10.0.0.0/8")
  change(&settings)
  return settings
}

func testNode(
  _ id: Int, _ name: String, zone: String? = nil, _ addresses: [String], _ settings: ProxySettings
)
  -> ProxyNode
{
  ProxyNode(
    id: NodeID(id), name: name, zone: zone, addresses: addresses.map { address($0) }, settings: settings)
}

/// Constant delays: watch 10 ms, sync 100 ms with the filter table at half of it, restart 3 s.
func testTiming() -> TimingSettings {
  var timing = TimingSettings()
  timing.proxyWatch = .constant(0.01)
  timing.proxySync = .constant(0.1)
  timing.proxyRestart = .constant(3)
  timing.filterCommitShare = 0.5
  return timing
}

/// One packet of a case.
struct Probe {
  var from: String
  var to: String
  var port: Int
  var transport = TransportProtocol.tcp
  /// nil: told by the source: 10/8 is a pod, the node's addresses and loopback are the node.
  var origin: FlowOrigin?

  var flow: FlowTuple {
    FlowTuple(
      source: address(from), sourcePort: 40000, destination: address(to), destinationPort: UInt16(port),
      transport: transport)
  }
}

struct ProxyWorld: ~Copyable {
  var fleet: ProxyFleet
  var output = ProxyOutput()
  var revision: UInt32 = 0
  var now = SimTime.zero
  /// Events asked for and not yet handled, in order of asking.
  var pending: [(at: SimTime, event: ProxyEvent)] = []
  var syncs: [SyncRecord] = []
  var cleanups: [ConntrackCleanup] = []
  /// As last written.
  var slices: [ServiceID: [EndpointSlice]] = [:]
  /// The Service that the last write was about.
  var lastTouched = ServiceID.none
  /// The client port that was last given out to a new connection.
  var clientPort: UInt16 = 41000

  init(
    nodes: [ProxyNode] = [
      testNode(0, "testnode", [Address.node, Address.secondNodeAddress], testSettings())
    ],
    timing: TimingSettings = testTiming(), minorVersion: Int = 36, serviceCIDRs: [IPv4CIDR] = []
  ) {
    fleet = ProxyFleet(
      nodes: nodes, timing: timing, minorVersion: minorVersion, serviceCIDRs: serviceCIDRs, seed: 1,
      replication: 0)
  }

  mutating func put(_ id: Int, _ service: Service?) {
    revision += 1
    lastTouched = ServiceID(id)
    fleet.record(service: ServiceID(id), service, revision: Revision(revision), at: now, into: &output)
    take()
  }

  mutating func put(_ id: Int, slices: [EndpointSlice], trigger: SimTime? = nil) {
    revision += 1
    lastTouched = ServiceID(id)
    self.slices[ServiceID(id)] = slices
    fleet.record(
      slices: slices, of: ServiceID(id), revision: Revision(revision), at: now, trigger: trigger,
      into: &output)
    take()
  }

  mutating func put(_ id: Int, _ service: Service, _ endpoints: [Endpoint], port: Int = 80) {
    put(id, service)
    let ports = service.spec.ports.map {
      EndpointPort(name: $0.name, port: port, protocol: $0.protocol ?? "TCP")
    }
    put(id, slices: [testSlice(endpoints, ports: ports)])
  }

  mutating func converge() {
    fleet.converge(into: &output)
    take()
  }

  mutating func take() {
    pending += output.schedule
    syncs += output.syncs
    cleanups += output.cleanups
    output.removeAll()
  }

  /// Handles events up to and including `end`; ties in the order of asking.
  mutating func run(until end: SimTime) {
    while let next = pending.indices.min(by: { (pending[$0].at, $0) < (pending[$1].at, $1) }),
      pending[next].at <= end
    {
      let (at, event) = pending.remove(at: next)
      now = at
      fleet.handle(event, at: at, into: &output)
      take()
    }
    now = end
  }

  mutating func run(for span: SimDuration) { run(until: now + span) }

  func origin(of probe: Probe) -> FlowOrigin {
    if let origin = probe.origin { return origin }
    let source = address(probe.from)
    if source.isLoopback || [Address.node, Address.secondNodeAddress].contains(probe.from) { return .node }
    return source.bits >> 24 == 10 ? .pod : .outside
  }

  mutating func verdict(_ probe: Probe, node: Int = 0, random: UInt64 = 0) -> Verdict {
    fleet.decide(
      node: NodeID(node), flow: probe.flow, origin: origin(of: probe), at: now, random: random)
  }

  /// Candidates in text order, then M where the chosen one is masqueraded.
  mutating func fate(_ probe: Probe, node: Int = 0) -> String {
    let verdict = verdict(probe, node: node)
    switch verdict.kind {
    case .reject: return "REJECT"
    case .drop: return "DROP"
    case .notProxied: return ""
    case .forward:
      let targets = fleet.candidates(verdict.candidates).map { id in
        let backend = fleet.backend(id)
        return "\(backend.address):\(backend.port)"
      }
      return targets.sorted().joined(separator: " ") + (verdict.masquerade ? " M" : "")
    }
  }
}
