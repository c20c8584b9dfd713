// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which fields of an object are shown by `-o yaml` and `-o json`: those that the model has, under the API's
// names. The annotation with which `kubectl apply` remembers a manifest is not kept.

import NetworkTypes
import SimKernel

/// Writes objects of one view: the view's epoch gives timestamps.
struct ObjectTrees {
  let epoch: Int64

  private func timestamp(_ time: SimTime) -> ObjectTree {
    .string(Timestamp.text(unixSeconds: epoch + time.nanoseconds.flooredSeconds))
  }

  func metadata(_ metadata: ObjectMeta, isNamespaced: Bool = true) -> ObjectTree {
    var object = ObjectBuilder()
    object.set("annotations", labels: metadata.annotations)
    object["creationTimestamp"] = timestamp(metadata.creationTimestamp)
    if let time = metadata.deletionTimestamp { object["deletionTimestamp"] = timestamp(time) }
    object.set("generateName", metadata.generateName)
    object.set("generation", metadata.generation == 0 ? nil : metadata.generation)
    object.set("labels", labels: metadata.labels)
    object.set("name", metadata.name)
    if isNamespaced { object.set("namespace", metadata.namespace) }
    if let owner = metadata.controller {
      var reference = ObjectBuilder()
      reference.set("apiVersion", owner.apiVersion)
      reference["blockOwnerDeletion"] = .bool(true)
      reference["controller"] = .bool(true)
      reference.set("kind", owner.kind)
      reference.set("name", owner.name)
      reference.set("uid", owner.uid)
      object["ownerReferences"] = .list([reference.tree])
    }
    if metadata.resourceVersion != .zero {
      object.set("resourceVersion", String(metadata.resourceVersion.number))
    }
    object.set("uid", metadata.uid)
    return object.tree
  }

  private func object(_ apiVersion: String, _ kind: String, _ metadata: ObjectTree) -> ObjectBuilder {
    var object = ObjectBuilder()
    object.set("apiVersion", apiVersion)
    object.set("kind", kind)
    object["metadata"] = metadata
    return object
  }

  // MARK: Services

  func tree(_ service: Service) -> ObjectTree {
    var object = object("v1", "Service", metadata(service.metadata))
    object["spec"] = spec(service.spec)
    let ingress = service.status.loadBalancerIngress.map { entry in
      var object = ObjectBuilder()
      object.set("hostname", entry.hostname)
      object.set("ip", entry.ip)
      object.set("ipMode", entry.ipMode)
      return object.tree
    }
    object["status"] = .object(["loadBalancer": .object(ingress.isEmpty ? [:] : ["ingress": .list(ingress)])])
    return object.tree
  }

  private func spec(_ spec: ServiceSpec) -> ObjectTree {
    var object = ObjectBuilder()
    object.set("allocateLoadBalancerNodePorts", spec.allocateLoadBalancerNodePorts)
    object.set("clusterIP", spec.clusterIP)
    object.set("clusterIPs", list: spec.clusterIPs)
    object.set("externalIPs", list: spec.externalIPs)
    object.set("externalName", spec.externalName)
    object.set("externalTrafficPolicy", spec.externalTrafficPolicy)
    object.set("healthCheckNodePort", spec.healthCheckNodePort)
    object.set("internalTrafficPolicy", spec.internalTrafficPolicy)
    object.set("ipFamilies", list: spec.ipFamilies)
    object.set("ipFamilyPolicy", spec.ipFamilyPolicy)
    object.set("loadBalancerClass", spec.loadBalancerClass)
    object.set("loadBalancerIP", spec.loadBalancerIP)
    object.set("loadBalancerSourceRanges", list: spec.loadBalancerSourceRanges)
    if !spec.ports.isEmpty { object["ports"] = .list(spec.ports.map(port)) }
    if spec.publishNotReadyAddresses { object["publishNotReadyAddresses"] = .bool(true) }
    object.set("selector", labels: spec.selector)
    object.set("sessionAffinity", spec.sessionAffinity)
    if let seconds = spec.affinityTimeoutSeconds {
      object["sessionAffinityConfig"] = .object(["clientIP": .object(["timeoutSeconds": .int(seconds)])])
    }
    object.set("trafficDistribution", spec.trafficDistribution)
    object.set("type", spec.type)
    return object.tree
  }

  private func port(_ port: ServicePort) -> ObjectTree {
    var object = ObjectBuilder()
    object.set("appProtocol", port.appProtocol)
    object.set("name", port.name)
    object.set("nodePort", port.nodePort == 0 ? nil : port.nodePort)
    object["port"] = .int(port.port)
    object.set("protocol", port.protocol)
    switch port.targetPort {
    case .int(let number): object["targetPort"] = .int(number)
    case .string(let name): object["targetPort"] = .string(name)
    case nil: break
    }
    return object.tree
  }

  // MARK: Endpoints and slices

  private func podReference(_ pod: NamespacedName, uid: String) -> ObjectTree {
    var object = ObjectBuilder()
    object.set("kind", "Pod")
    object.set("name", pod.name)
    object.set("namespace", pod.namespace)
    object.set("uid", uid)
    return object.tree
  }

  /// - Parameter showsName: slices show a name even if it is empty, Endpoints do not.
  private func port(_ port: EndpointPort, showsName: Bool) -> ObjectTree {
    var object = ObjectBuilder()
    object.set("appProtocol", port.appProtocol)
    if showsName || !port.name.isEmpty { object["name"] = .string(port.name) }
    object.set("port", port.port)
    object.set("protocol", port.protocol)
    return object.tree
  }

  func tree(_ slice: EndpointSlice) -> ObjectTree {
    var meta = slice.metadata
    if let trigger = slice.triggerTime {
      meta.annotations["endpoints.kubernetes.io/last-change-trigger-time"] = Timestamp.text(
        unixSeconds: epoch + trigger.nanoseconds.flooredSeconds)
    }
    var object = object("discovery.k8s.io/v1", "EndpointSlice", metadata(meta))
    object.set("addressType", slice.addressType)
    object["endpoints"] = slice.endpoints.isEmpty ? .null : .list(slice.endpoints.map(endpoint))
    object["ports"] = slice.ports.isEmpty ? .null : .list(slice.ports.map { port($0, showsName: true) })
    return object.tree
  }

  private func endpoint(_ endpoint: Endpoint) -> ObjectTree {
    var object = ObjectBuilder()
    object["addresses"] = .strings(endpoint.addresses)
    var conditions = ObjectBuilder()
    conditions.set("ready", endpoint.ready)
    conditions.set("serving", endpoint.serving)
    conditions.set("terminating", endpoint.terminating)
    object["conditions"] = conditions.tree
    var hints = ObjectBuilder()
    func named(_ names: [String]) -> ObjectTree { .list(names.map { .object(["name": .string($0)]) }) }
    if let nodes = endpoint.nodeHints { hints["forNodes"] = named(nodes) }
    if let zones = endpoint.zoneHints { hints["forZones"] = named(zones) }
    if !hints.pairs.isEmpty { object["hints"] = hints.tree }
    object.set("hostname", endpoint.hostname)
    object.set("nodeName", endpoint.nodeName)
    if let pod = endpoint.targetPod { object["targetRef"] = podReference(pod, uid: endpoint.targetUID) }
    object.set("zone", endpoint.zone)
    return object.tree
  }

  func tree(_ endpoints: Endpoints) -> ObjectTree {
    var object = object("v1", "Endpoints", metadata(endpoints.metadata))
    let subsets = endpoints.subsets.map { subset in
      var object = ObjectBuilder()
      if !subset.addresses.isEmpty { object["addresses"] = .list(subset.addresses.map(address)) }
      if !subset.notReadyAddresses.isEmpty {
        object["notReadyAddresses"] = .list(subset.notReadyAddresses.map(address))
      }
      if !subset.ports.isEmpty { object["ports"] = .list(subset.ports.map { port($0, showsName: false) }) }
      return object.tree
    }
    if !subsets.isEmpty { object["subsets"] = .list(subsets) }
    return object.tree
  }

  private func address(_ address: EndpointAddress) -> ObjectTree {
    var object = ObjectBuilder()
    object.set("hostname", address.hostname)
    object.set("ip", address.ip)
    object.set("nodeName", address.nodeName)
    if let pod = address.targetPod { object["targetRef"] = podReference(pod, uid: address.targetUID) }
    return object.tree
  }

  // MARK: Pods and nodes

  func tree(_ pod: Pod) -> ObjectTree {
    var object = object("v1", "Pod", metadata(pod.metadata))
    var spec = ObjectBuilder()
    spec["containers"] = .list(pod.spec.containers.map(container))
    if pod.spec.hostNetwork { spec["hostNetwork"] = .bool(true) }
    spec.set("hostname", pod.spec.hostname)
    spec.set("nodeName", pod.spec.nodeName)
    spec.set("nodeSelector", labels: pod.spec.nodeSelector)
    spec.set("subdomain", pod.spec.subdomain)
    spec.set("terminationGracePeriodSeconds", Int(pod.spec.terminationGracePeriod.seconds))
    object["spec"] = spec.tree
    var status = ObjectBuilder()
    status["conditions"] = .list([condition("Ready", pod.status.isReady ? "True" : "False")])
    status["containerStatuses"] = .list(
      pod.spec.containers.map { container in
        var object = ObjectBuilder()
        object.set("name", container.name)
        object["ready"] = .bool(pod.status.isReady)
        object["restartCount"] = .int(pod.status.restartCount)
        return object.tree
      })
    status.set("hostIP", pod.status.hostIP?.description)
    status.set("phase", pod.status.phase.rawValue)
    status.set("podIP", pod.status.podIP?.description)
    if let address = pod.status.podIP {
      status["podIPs"] = .list([.object(["ip": .string(address.description)])])
    }
    object["status"] = status.tree
    return object.tree
  }

  private func condition(_ type: String, _ status: String) -> ObjectTree {
    .object(["status": .string(status), "type": .string(type)])
  }

  private func container(_ container: Container) -> ObjectTree {
    var object = ObjectBuilder()
    object.set("name", container.name)
    let ports = container.ports.map { port in
      var object = ObjectBuilder()
      object["containerPort"] = .int(port.containerPort)
      object.set("name", port.name)
      object.set("protocol", port.protocol)
      return object.tree
    }
    if !ports.isEmpty { object["ports"] = .list(ports) }
    return object.tree
  }

  func tree(_ node: Node) -> ObjectTree {
    var object = object("v1", "Node", metadata(node.metadata, isNamespaced: false))
    var spec = ObjectBuilder()
    if let block = node.podCIDR {
      spec.set("podCIDR", block.description)
      spec["podCIDRs"] = .strings([block.description])
    }
    let taints = node.taints.map { taint in
      let parts = taint.split(separator: ":", maxSplits: 1).map(String.init)
      let pair = (parts.first ?? "").split(separator: "=", maxSplits: 1).map(String.init)
      var object = ObjectBuilder()
      object.set("effect", parts.count == 2 ? parts[1] : "")
      object.set("key", pair.first)
      object.set("value", pair.count == 2 ? pair[1] : "")
      return object.tree
    }
    if !taints.isEmpty { spec["taints"] = .list(taints) }
    if node.isUnschedulable { spec["unschedulable"] = .bool(true) }
    object["spec"] = spec.tree
    func address(_ type: String, _ text: String) -> ObjectTree {
      .object(["address": .string(text), "type": .string(type)])
    }
    var status = ObjectBuilder()
    status["addresses"] = .list(
      node.internalIPs.map { address("InternalIP", $0.description) }
        + node.externalIPs.map { address("ExternalIP", $0.description) }
        + [address("Hostname", node.metadata.name)])
    status["conditions"] = .list([condition("Ready", node.ready.rawValue)])
    var system = ObjectBuilder()
    system.set("architecture", node.architecture)
    system.set("containerRuntimeVersion", node.containerRuntime)
    system.set("kernelVersion", node.kernelVersion)
    system.set("kubeletVersion", node.kubeletVersion)
    system.set("osImage", node.osImage)
    status["nodeInfo"] = system.tree
    object["status"] = status.tree
    return object.tree
  }
}

extension Int64 {
  /// Nanoseconds as whole seconds, rounded down also before zero.
  fileprivate var flooredSeconds: Int64 {
    let (whole, rest) = quotientAndRemainder(dividingBy: 1_000_000_000)
    return rest < 0 ? whole - 1 : whole
  }
}
