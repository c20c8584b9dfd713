// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel
import SimRandom

/// What the API server answers when it refuses an object.
public struct APIRefusal: Error, Equatable {
  /// One reason per field: `spec.ports[0].nodePort: Invalid value: 80: …`, in the API server's words.
  public var causes: [String]
  public var kind: String
  public var name: String
  public init(kind: String, name: String, causes: [String]) {
    self.kind = kind
    self.name = name
    self.causes = causes
  }
  /// As kubectl prints it: `The Service "a" is invalid: …`.
  public var message: String { "The \(kind) \"\(name)\" is invalid: " + causes.joined(separator: "\n* ") }
}

/// The API server's path for a Service: validation, defaulting, allocation of cluster IPs and node ports.
public struct ServiceAdmission: Sendable {
  public init(serviceCIDR: IPv4CIDR, nodePortRange: ClosedRange<Int>, seed: UInt64) {}

  public mutating func create(_ service: Service) throws(APIRefusal) -> Service { service }
  public mutating func update(old: Service, new: Service) throws(APIRefusal) -> Service { new }
  /// Gives the Service's addresses and ports back.
  public mutating func release(_ service: Service) {}
}
