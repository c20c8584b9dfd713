// SPDX-License-Identifier: GPL-3.0-or-later
//
// An orderly shutdown of a node in which its kubelet takes part (KEP-2000, shutdownGracePeriod): the node says
// at once that it is not ready, pods end with preStop and SIGTERM, first all but the critical ones, then these,
// each group within its share of the time, and end as Failed. Then power goes off. Without it
// (shutdownGracePeriod 0, the default) ControlPlane+Nodes shutDown applies.

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// Priority classes whose pods are critical (k/k pkg/kubelet/types IsCriticalPodBasedOnPriority).
  private static var criticalClasses: [String] { ["system-cluster-critical", "system-node-critical"] }

  /// - Returns: false if the kubelet takes no part in shutdowns.
  mutating func shutDownGracefully(
    _ node: NodeID, downFor: SimDuration, newAddress: IPv4Address?, _ out: inout ControlPlaneOutput
  ) -> Bool {
    guard settings.kubelet.shutdownGracePeriod > .zero else { return false }
    guard nodes[node.index].isUp, nodes[node.index].gracefulShutdown == nil,
      !nodes[node.index].isShuttingDown
    else { return true }
    log(object(node), "shutdown", "by the kubelet", &out)
    nodes[node.index].addressAfterBoot = newAddress
    nodes[node.index].gracefulShutdown = GracefulShutdown(downFor: downFor)
    if var object = store.node(node), canReach(node) {
      object.ready = .notReady
      write(object, node, &out)
      log(self.object(node), "Ready=False", "node is shutting down", &out)
    }
    endGroup(on: node, &out)
    return true
  }

  private func isCritical(_ pod: PodID) -> Bool {
    pods[pod.index].spec.priorityClassName.map { Self.criticalClasses.contains($0) } ?? false
  }

  /// Pods of the group whose turn it is, that still run.
  private func group(on node: NodeID) -> [PodID] {
    guard let shutdown = nodes[node.index].gracefulShutdown else { return [] }
    return nodes[node.index].pods.filter {
      pods[$0.index].hasProcess && isCritical($0) == shutdown.isAtCriticalPods
    }
  }

  private mutating func endGroup(on node: NodeID, _ out: inout ControlPlaneOutput) {
    guard let shutdown = nodes[node.index].gracefulShutdown else { return }
    let critical = settings.kubelet.shutdownGracePeriodCriticalPods
    let time = shutdown.isAtCriticalPods ? critical : settings.kubelet.shutdownGracePeriod - critical
    let pods = group(on: node)
    for pod in pods where !self.pods[pod.index].isDeletionSeen {
      self.pods[pod.index].isBeingShutDown = true
      guard self.pods[pod.index].process == .running else { continue }
      beginTermination(pod, grace: min(time, self.pods[pod.index].gracePeriod), &out)
    }
    nodes[node.index].epoch &+= 1
    out.schedule.append((now + (pods.isEmpty ? .zero : time), .shutdownStage(node, nodes[node.index].epoch)))
  }

  /// A pod has ended as its node shuts down. The last one of its group ends the wait.
  mutating func endedByShutdown(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let node = pods[pod.index].node
    pods[pod.index].isFinished = true
    pods[pod.index].refreshView()
    queueStatusReport(pod, &out)
    if nodes[node.index].gracefulShutdown != nil, group(on: node).isEmpty {
      out.schedule.append((now, .shutdownStage(node, nodes[node.index].epoch)))
    }
  }

  mutating func shutdownStageOver(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].epoch == epoch, let shutdown = nodes[node.index].gracefulShutdown else { return }
    guard shutdown.isAtCriticalPods else {
      nodes[node.index].gracefulShutdown?.isAtCriticalPods = true
      return endGroup(on: node, &out)
    }
    nodes[node.index].gracefulShutdown = nil
    let newAddress = nodes[node.index].addressAfterBoot
    powerOff(node, &out)
    schedulePowerOn(node, after: shutdown.downFor, newAddress: newAddress, &out)
  }
}
