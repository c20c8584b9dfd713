// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim get` as a table, byte for byte as kubectl prints it (golden/cluster/kubectl, golden/cases). Which
// cells a kind has is decided in KubectlTable+Cells.swift.

import SimKernel

/// Tables of API objects in kubectl's layout.
public enum KubectlTable {
  /// Printed to stderr by kubectl 1.33 and later when Endpoints are asked for (golden/cases).
  public static let endpointsWarning =
    "Warning: v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"

  /// The table, or kubectl's words if there is nothing to show; ends with an end of line.
  ///
  /// - Parameters:
  ///   - namespace: nil = `default`; of no meaning with `allNamespaces` and for nodes.
  ///   - wide: `-o wide`.
  ///   - name: one object only.
  public static func render(
    kind: KubectlKind, view: APIView, namespace: String? = nil, allNamespaces: Bool = false,
    wide: Bool = false, name: String? = nil
  ) -> String {
    let query = KubectlQuery(kind: kind, namespace: namespace, allNamespaces: allNamespaces, name: name)
    return render(query, view: view, wide: wide)
  }

  /// As above. Whether something was found tells `query.count(in:)`.
  public static func render(_ query: KubectlQuery, view: APIView, wide: Bool = false) -> String {
    if query.count(in: view) == 0 { return query.notFoundMessage + "\n" }
    let columns = headings(query.kind, wide: wide)
    let hasNamespace = query.allNamespaces && query.kind.isNamespaced
    var table = KubectlColumns(header: (hasNamespace ? ["NAMESPACE"] : []) + columns)
    for row in rows(query, view: view, wide: wide) {
      table.append((hasNamespace ? [row.namespace] : []) + row.cells)
    }
    return table.text
  }

  private static func headings(_ kind: KubectlKind, wide: Bool) -> [String] {
    switch kind {
    case .nodes:
      ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
        + (wide ? ["INTERNAL-IP", "EXTERNAL-IP", "OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"] : [])
    case .pods:
      ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        + (wide ? ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"] : [])
    case .services:
      ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"] + (wide ? ["SELECTOR"] : [])
    case .endpoints: ["NAME", "ENDPOINTS", "AGE"]
    case .endpointSlices: ["NAME", "ADDRESSTYPE", "PORTS", "ENDPOINTS", "AGE"]
    case .deployments, .replicaSets, .statefulSets, .daemonSets, .autoscalers, .budgets:
      workloadHeadings(kind)
    }
  }

  private static func rows(
    _ query: KubectlQuery, view: APIView, wide: Bool
  ) -> [(namespace: String, cells: [String])] {
    func age(_ metadata: ObjectMeta) -> String { humanDuration(view.now - metadata.creationTimestamp) }
    func rows<T>(
      _ objects: [T], _ metadata: KeyPath<T, ObjectMeta>, _ cells: (T, String) -> [String]
    ) -> [(String, [String])] {
      objects.filter { query.includes($0[keyPath: metadata]) }.map {
        ($0[keyPath: metadata].namespace, cells($0, age($0[keyPath: metadata])))
      }
    }
    return switch query.kind {
    case .nodes: rows(view.nodes, \.metadata) { cells($0, age: $1, wide: wide) }
    case .pods: rows(view.pods, \.metadata) { cells($0, age: $1, now: view.now, wide: wide) }
    case .services: rows(view.services, \.metadata) { cells($0, age: $1, wide: wide) }
    case .endpoints: rows(view.endpoints, \.metadata) { [$0.metadata.name, addressList($0), $1] }
    case .deployments, .replicaSets, .statefulSets, .daemonSets:
      rows(view.states(query), \.object.metadata) { cells($0, age: $1) }
    case .autoscalers: rows(view.autoscalers, \.object.metadata) { cells($0, age: $1) }
    case .budgets: rows(view.budgets, \.object.metadata) { cells($0, age: $1) }
    case .endpointSlices:
      rows(view.slices, \.metadata) {
        [$0.metadata.name, $0.addressType, portList($0.ports), addressList($0.endpoints), $1]
      }
    }
  }
}
