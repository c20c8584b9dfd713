// SPDX-License-Identifier: GPL-3.0-or-later
//
// Ports of the node itself that pods ask for: a pod with hostNetwork takes all its container ports from its
// node, others those with a hostPort. The scheduler puts no two pods with the same one on a node (k/k
// pkg/scheduler/framework/plugins/nodeports). Traffic to the host ports of pods without hostNetwork is not
// modelled: it is the CNI's.

extension PodSpec {
  /// Ports of the node that the pod takes. A hostNetwork pod's ports are host ports by default
  /// (k/k pkg/apis/core/v1/defaults.go defaultHostNetworkPorts).
  var hostPorts: [(port: Int, protocol: String)] {
    var ports: [(port: Int, protocol: String)] = []
    for port in containers.flatMap(\.ports) {
      let number = hostNetwork ? port.containerPort : port.hostPort
      if number > 0 { ports.append((number, port.protocol)) }
    }
    return ports
  }
}

extension ControlPlane {
  /// A pod on the node has one of the host ports that this one wants. Which address each asks for is left
  /// out.
  func hasHostPortConflict(_ pod: Pod, on node: NodeID) -> Bool {
    let wanted = pod.spec.hostPorts
    if wanted.isEmpty { return false }
    return nodes[node.index].pods.contains { other in
      guard let object = store.pod(other), object.status.phase != .succeeded, object.status.phase != .failed
      else { return false }
      return object.spec.hostPorts.contains { taken in
        wanted.contains { $0.port == taken.port && $0.protocol == taken.protocol }
      }
    }
  }
}
