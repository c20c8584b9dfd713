// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel

/// The EndpointSlice controller's decision: which slices a Service with a selector must have.
public enum EndpointSliceReconciler {
  /// - Parameters:
  ///   - pods: the namespace's pods as the API has them, with their incarnation, ordered by name.
  ///   - nodes: Node objects by name.
  ///   - existing: slices of this Service now in the API.
  /// - Returns: all slices that the Service has afterwards, in a stable order.
  public static func reconcile(
    service: Service, pods: [(pod: Pod, id: PodID)], nodes: [String: Node], existing: [EndpointSlice]
  ) -> [EndpointSlice] { existing }
}
