// SPDX-License-Identifier: GPL-3.0-or-later
//
// The proof of an import: what was written is loaded, the cluster at t = 0 is made from it, and its API is
// held against the objects of the input. What the API server refuses is told at the input's place; what is
// kept in another form than it came is named.

import Cluster
import NetworkTypes

/// Compares an imported scenario with its input.
struct ImportVerification {
  /// In the order in which the scenario has them.
  let items: [ImportedItem]

  /// - Throws: what the scenario would be refused for, at the places of the input.
  func check(_ text: String) throws(ScenarioError) -> [ImportRemark] {
    let scenario: ScenarioFile
    do throws(ScenarioError) {
      scenario = try ScenarioLoader.load(SourceFile(path: "imported.json", text: text))
    } catch {
      throw ScenarioError(error.diagnostics.map { placed($0) })
    }
    let plane: ControlPlane
    do throws(APIRefusal) {
      plane = try ControlPlane(settings: scenario.cluster, objects: scenario.objects, seed: scenario.seed)
    } catch {
      let item = items.first { $0.kind == error.kind && $0.object.metadata.name == error.name }
      let position = item?.position ?? SourcePosition(file: "the input", line: 0, column: 0)
      throw ScenarioError(Diagnostic(position: position, message: error.message))
    }
    var remarks = differences(plane.apiView())
    for name in plane.servicesToReconcile {
      let place = items.first { $0.words == "Service \(name)" }?.position
      remarks.append(
        ImportRemark(
          "the slices of Service \(name) are not those that its pods give: as in the input at t = 0, put right by the controller after it",
          at: place))
    }
    return remarks
  }

  /// A mistake at `objects[12]…` of the scenario is one of the input's object behind it.
  private func placed(_ diagnostic: Diagnostic) -> Diagnostic {
    var result = diagnostic
    guard diagnostic.path.hasPrefix("objects["),
      let index = Int(diagnostic.path.dropFirst("objects[".count).prefix { $0.isNumber }),
      items.indices.contains(index)
    else {
      result.position = SourcePosition(file: "the imported scenario", line: 0, column: 0)
      return result
    }
    result.position = items[index].position
    let rest = diagnostic.path.drop { $0 != "]" }.dropFirst()
    result.path = String(rest.first == "." ? rest.dropFirst() : rest)
    return result
  }

  // MARK: Differences

  private func differences(_ view: APIView) -> [ImportRemark] {
    let services = Self.table(view.services, \.metadata)
    let slices = Self.table(view.slices, \.metadata)
    let pods = Self.table(view.pods, \.metadata)
    let nodes = Self.table(view.nodes, \.metadata)
    let endpoints = Self.table(view.endpoints, \.metadata)
    var remarks: [ImportRemark] = []
    for item in items where item.isDumped {
      let name = item.object.placeName
      var changed: [String]
      switch item.object {
      case .service(let service): changed = Self.changes(service, services[name])
      case .endpointSlice(let slice): changed = Self.changes(slice, slices[name])
      case .pod(let pod): changed = Self.changes(pod, pods[name])
      case .node(let node): changed = Self.changes(node, nodes[name])
      case .endpoints(let object): changed = Self.changes(object, endpoints[name])
      case .workload, .namespace, .podDisruptionBudget, .horizontalPodAutoscaler: changed = []
      }
      guard !changed.isEmpty else { continue }
      remarks.append(
        ImportRemark(
          "\(item.words) is not kept as it is: \(changed.joined(separator: ", "))", at: item.position))
    }
    return remarks
  }

  private static func table<T>(_ objects: [T], _ metadata: KeyPath<T, ObjectMeta>) -> [String: T] {
    var table: [String: T] = [:]
    for object in objects {
      let metadata = object[keyPath: metadata]
      table[metadata.namespace.isEmpty ? metadata.name : "\(metadata.namespacedName)"] = object
    }
    return table
  }

  private static let isGone = ["not there at t = 0"]

  private static func changes(_ before: Service, _ after: Service?) -> [String] {
    guard let after else { return isGone }
    var changes: [String] = []
    func compare<V: Equatable>(_ name: String, _ path: KeyPath<ServiceSpec, V>) {
      if before.spec[keyPath: path] != after.spec[keyPath: path] { changes.append("spec.\(name)") }
    }
    /// What the input leaves out is filled in with the API's defaults.
    func compareGiven<V: Equatable>(_ name: String, _ path: KeyPath<ServiceSpec, V?>) {
      if before.spec[keyPath: path] != nil { compare(name, path) }
    }
    compareGiven("type", \.type)
    compareGiven("clusterIP", \.clusterIP)
    compare("ports", \.ports)
    compare("selector", \.selector)
    compare("externalIPs", \.externalIPs)
    compareGiven("externalTrafficPolicy", \.externalTrafficPolicy)
    compareGiven("internalTrafficPolicy", \.internalTrafficPolicy)
    compareGiven("healthCheckNodePort", \.healthCheckNodePort)
    compareGiven("sessionAffinity", \.sessionAffinity)
    compare("loadBalancerSourceRanges", \.loadBalancerSourceRanges)
    compareGiven("trafficDistribution", \.trafficDistribution)
    if before.status != after.status { changes.append("status.loadBalancer") }
    return changes
  }

  private static func changes(_ before: EndpointSlice, _ after: EndpointSlice?) -> [String] {
    guard let after else { return isGone }
    func plain(_ endpoints: [Endpoint]) -> [Endpoint] {
      endpoints.map {
        var endpoint = $0
        endpoint.pod = nil
        return endpoint
      }
    }
    var changes: [String] = []
    if plain(before.endpoints) != plain(after.endpoints) { changes.append("endpoints") }
    if before.ports != after.ports { changes.append("ports") }
    return changes
  }

  private static func changes(_ before: Pod, _ after: Pod?) -> [String] {
    guard let after else { return isGone }
    var changes: [String] = []
    if before.spec.nodeName != after.spec.nodeName { changes.append("spec.nodeName") }
    if before.status.podIP != after.status.podIP { changes.append("status.podIP") }
    if before.status.isReady != after.status.isReady { changes.append("Ready") }
    if before.status.phase != after.status.phase { changes.append("status.phase") }
    if (before.metadata.deletionTimestamp == nil) != (after.metadata.deletionTimestamp == nil) {
      changes.append("metadata.deletionTimestamp")
    }
    return changes
  }

  private static func changes(_ before: Node, _ after: Node?) -> [String] {
    guard let after else { return isGone }
    var changes: [String] = []
    if !before.internalIPs.isEmpty, before.internalIPs != after.internalIPs { changes.append("InternalIP") }
    if before.externalIPs != after.externalIPs { changes.append("ExternalIP") }
    if let block = before.podCIDR, block != after.podCIDR { changes.append("spec.podCIDR") }
    if before.zone != after.zone { changes.append("zone") }
    if before.ready != after.ready { changes.append("Ready") }
    return changes
  }

  /// Their order says nothing.
  private static func changes(_ before: Endpoints, _ after: Endpoints?) -> [String] {
    guard let after else { return isGone }
    func sets(_ endpoints: Endpoints) -> Set<String> {
      var texts: Set<String> = []
      for subset in endpoints.subsets {
        for port in subset.ports.isEmpty ? [EndpointPort(port: nil)] : subset.ports {
          let suffix = "\(port.name)/\(port.port ?? 0)/\(port.protocol)"
          for address in subset.addresses { texts.insert("\(address.ip) \(suffix)") }
          for address in subset.notReadyAddresses { texts.insert("\(address.ip) not ready \(suffix)") }
        }
      }
      return texts
    }
    return sets(before) == sets(after) ? [] : ["subsets"]
  }
}
