// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API server's "no", in the words that kubectl shows. Texts follow golden/errors where that holds one.

/// What the API server answers when it refuses an object.
public struct APIRefusal: Error, Equatable, Sendable {
  public enum Reason: Sendable, Equatable {
    /// 422: the object breaks a rule, or asks for something taken.
    case invalid
    /// 409: created twice.
    case alreadyExists
    /// 404
    case notFound
    /// 500: a pool of addresses or ports is exhausted (FACTS A3).
    case internalError
  }
  public var reason: Reason
  /// One reason per field: `spec.ports[0].nodePort: Invalid value: 80: …`, in the API server's words.
  public var causes: [String]
  public var kind: String
  public var name: String

  public init(kind: String, name: String, causes: [String], reason: Reason = .invalid) {
    self.kind = kind
    self.name = name
    self.causes = causes
    self.reason = reason
  }

  /// As kubectl prints it, without an end of line: `The Service "a" is invalid: …`. Several causes stand on
  /// lines of their own after `* `, equal ones once.
  public var message: String {
    switch reason {
    case .invalid:
      var distinct: [String] = []
      for cause in causes where !distinct.contains(cause) { distinct.append(cause) }
      let list = distinct.count == 1 ? distinct[0] : distinct.map { "\n* " + $0 }.joined()
      return "The \(kind) \"\(name)\" is invalid: " + list
    case .alreadyExists:
      return "Error from server (AlreadyExists): \(resource) \"\(name)\" already exists"
    case .notFound: return "Error from server (NotFound): \(resource) \"\(name)\" not found"
    case .internalError:
      return "Error from server (InternalError): Internal error occurred: " + causes.joined(separator: ", ")
    }
  }

  /// Plural, with the API group, as in `endpointslices.discovery.k8s.io`.
  private var resource: String {
    switch kind {
    case "EndpointSlice": "endpointslices.discovery.k8s.io"
    case "Endpoints": "endpoints"
    case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet": kind.lowercased() + "s.apps"
    default: kind.lowercased() + "s"
    }
  }
}
