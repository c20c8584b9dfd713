// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API server's opinion of the objects that a scenario starts with: what it would refuse is refused before
// the run, in its own words and at the field that it names. What later events apply is judged during the run.

import Cluster

/// An object and the document that it was read from.
struct PlacedObject {
  var object: APIObject
  var document: DocumentNode
  /// Path of the document inside the scenario; empty for a file of its own.
  var prefix: String
}

extension ScenarioDecoder {
  /// Refuses what the API server refuses. Objects are created in order; one of the same name is an update.
  func admitObjects() {
    let cluster = scenario.cluster
    guard cluster.serviceCIDR.size > 2 else { return }
    var admission = ServiceAdmission(
      serviceCIDR: cluster.serviceCIDR, nodePortRange: cluster.nodePortRange, seed: scenario.seed,
      minorVersion: cluster.minorVersion)
    var services: [NamespacedName: Service] = [:]
    for placed in placedObjects {
      do throws(APIRefusal) {
        switch placed.object {
        case .service(let service):
          let name = service.metadata.namespacedName
          if let old = services[name] {
            services[name] = try admission.update(old: old, new: service)
          } else {
            services[name] = try admission.create(service)
          }
        case .endpointSlice(let slice): _ = try ObjectValidation.admit(slice)
        case .endpoints(let endpoints): _ = try ObjectValidation.admit(endpoints)
        case .pod(let pod): _ = try ObjectValidation.admit(pod)
        case .workload(let workload): _ = try ObjectValidation.admit(workload)
        case .node, .namespace, .podDisruptionBudget, .horizontalPodAutoscaler: break
        }
      } catch {
        report(error, placed)
      }
    }
  }

  /// One mistake per cause, at the field that the cause begins with.
  private func report(_ refusal: APIRefusal, _ placed: PlacedObject) {
    let item = placed.document.item(kind: refusal.kind, name: refusal.name)
    guard refusal.reason == .invalid else {
      return report([Diagnostic(position: item.position, path: placed.prefix, message: refusal.message)])
    }
    var seen: Set<String> = []
    for cause in refusal.causes where seen.insert(cause).inserted {
      let one = APIRefusal(kind: refusal.kind, name: refusal.name, causes: [cause]).message
      let field = cause.prefix { $0 != ":" }
      report([Diagnostic(position: item.nearest(to: field).position, path: placed.prefix, message: one)])
    }
  }
}

extension DocumentNode {
  /// The item of a List with this kind and name; this node itself if there is none.
  fileprivate func item(kind: String, name: String) -> DocumentNode {
    self["items"]?.sequence?.first {
      ($0["kind"]?.string ?? kind) == kind && $0["metadata"]?["name"]?.string == name
    } ?? self
  }

  /// The node at a path such as `spec.ports[0].port`, or the nearest one above that exists.
  fileprivate func nearest(to path: Substring) -> DocumentNode {
    var node = self
    for step in Override.steps(path) ?? [] {
      switch step {
      case .key(let key):
        guard let next = node[key] else { return node }
        node = next
      case .index(let index):
        guard let items = node.sequence, items.indices.contains(index) else { return node }
        node = items[index]
      }
    }
    return node
  }
}
