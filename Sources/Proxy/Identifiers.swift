// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names of what a table points at. Each is interned once for the whole run, so that a verdict is a handful
// of integers and two tables can be compared by comparing integers.

import Cluster
import NetworkTypes
import SimKernel

public enum BackendTag {}
public enum ServicePortTag {}
public enum CandidateSetTag {}
enum PortNameTag {}

/// One incarnation of an endpoint of one port of one Service: (Service, port name, protocol, address, port,
/// pod, node). An address that passes to another pod becomes another backend.
public typealias BackendID = ID<BackendTag>
/// A Service port as users name it: (Service, port name, protocol, port number).
public typealias ServicePortID = ID<ServicePortTag>
/// An immutable list of backends between which a chain chooses with equal chances.
public typealias CandidateSetID = ID<CandidateSetTag>
/// kube-proxy's own key of a Service port: (Service, port name, protocol); endpoints are matched by it.
typealias PortNameID = ID<PortNameTag>

/// What a packet is rewritten to.
public struct Backend: Sendable, Hashable {
  public var service: ServiceID
  /// Name of the Service's port, "" where it has none.
  public var portName: String
  public var transport: TransportProtocol
  public var address: IPv4Address
  public var port: UInt16
  /// The pod incarnation behind the endpoint; nil for hand-written endpoints.
  public var pod: PodID?
  /// As the EndpointSlice says it; nil where it says nothing.
  public var nodeName: String?
}

/// A Service port as reports name it.
public struct ServicePortKey: Sendable, Hashable {
  public var service: ServiceID
  /// "" where the Service gives its only port no name.
  public var name: String
  public var transport: TransportProtocol
  public var port: UInt16
}

struct PortNameKey: Hashable {
  var service: ServiceID
  var name: String
  var transport: TransportProtocol
}

/// Gives equal keys equal numbers, counted from zero in the order of first sight.
struct Interner<Key: Hashable> {
  private(set) var values: [Key] = []
  private var index: [Key: UInt32] = [:]

  mutating func callAsFunction(_ key: Key) -> UInt32 {
    if let known = index[key] { return known }
    let fresh = UInt32(values.count)
    values.append(key)
    index[key] = fresh
    return fresh
  }

  func find(_ key: Key) -> UInt32? { index[key] }
}
