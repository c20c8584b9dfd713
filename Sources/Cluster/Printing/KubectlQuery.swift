// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which objects a `get` command means, and what kubectl says if there are none.

/// What `get` was asked for.
public struct KubectlQuery: Sendable, Equatable {
  public var kind: KubectlKind
  /// nil = `default`. Of no meaning for nodes.
  public var namespace: String?
  public var allNamespaces: Bool
  public var name: String?

  public init(
    kind: KubectlKind, namespace: String? = nil, allNamespaces: Bool = false, name: String? = nil
  ) {
    self.kind = kind
    self.namespace = namespace
    self.allNamespaces = allNamespaces
    self.name = name
  }

  func includes(_ metadata: ObjectMeta) -> Bool {
    if let name, metadata.name != name { return false }
    return !kind.isNamespaced || allNamespaces || metadata.namespace == (namespace ?? "default")
  }

  /// kubectl's words when nothing was found, without an end of line: an error if a name was given.
  public var notFoundMessage: String {
    if let name { return "Error from server (NotFound): \(kind.qualifiedName) \"\(name)\" not found" }
    if allNamespaces || !kind.isNamespaced { return "No resources found" }
    return "No resources found in \(namespace ?? "default") namespace."
  }

  /// How many objects match.
  public func count(in view: APIView) -> Int {
    switch kind {
    case .nodes: view.nodes.count { includes($0.metadata) }
    case .pods: view.pods.count { includes($0.metadata) }
    case .services: view.services.count { includes($0.metadata) }
    case .endpoints: view.endpoints.count { includes($0.metadata) }
    case .endpointSlices: view.slices.count { includes($0.metadata) }
    case .deployments, .replicaSets, .statefulSets, .daemonSets: view.states(self).count
    case .autoscalers: view.autoscalers.count { includes($0.object.metadata) }
    case .budgets: view.budgets.count { includes($0.object.metadata) }
    }
  }
}

extension KubectlQuery {
  /// A kind, or a kind and a name as kubectl takes them: `svc`, `service/test-app`; nil if there is no such
  /// kind or the name is empty.
  public init?(argument: String, namespace: String? = nil, allNamespaces: Bool = false) {
    let parts = argument.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let kind = KubectlKind(argument: parts[0]), parts.count == 1 || !parts[1].isEmpty else {
      return nil
    }
    let name = parts.count == 2 ? String(parts[1]) : nil
    self.init(kind: kind, namespace: namespace, allNamespaces: allNamespaces, name: name)
  }
}
