// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happens: events at given times and random processes.

import Cluster
import NetworkTypes
import OrderedCollections
import SimKernel
import SimRandom

extension ScenarioDecoder {
  func timedAction(_ c: Cursor) -> TimedAction? {
    guard let action = action(c), let at = c["at"]?.time else { return nil }
    return TimedAction(at: at, action: action)
  }

  func randomProcess(_ c: Cursor) -> RandomProcess? {
    guard let action = action(c), let every = durations(c["every"]) else { return nil }
    refuseZeroInterval(c["every"], every)
    var process = RandomProcess(name: c["name"]?.string ?? "", every: every, action: action)
    assign(c["from"]?.time, to: &process.from)
    assign(c["until"]?.time, to: &process.until)
    assign(c["limit"]?.integer, to: &process.limit)
    if let until = c["until"], process.until <= process.from {
      mistake(until, "expected a time after \"from\", \(process.from)")
    }
    return process
  }

  private func action(_ c: Cursor) -> ClusterAction? {
    nodeAction(c) ?? nodeAddressAction(c) ?? taintAction(c) ?? podAction(c) ?? objectAction(c) ?? proxyAction(
      c)
      ?? controlPlaneAction(c) ?? pathAction(c)
  }

  // MARK: Nodes

  private func nodeAction(_ c: Cursor) -> ClusterAction? {
    if let join = c["joinNode"] { return joiningNode(join).map { .nodeJoin($0) } }
    if let t = target(c["drainNode"]) { return .nodeDrain(t, drainOptions(c)) }
    if let t = target(c["cordonNode"]) { return .nodeCordon(t) }
    if let t = target(c["uncordonNode"]) { return .nodeUncordon(t) }
    if let t = target(c["deleteNode"]) { return .nodeDelete(t) }
    return nil
  }

  private func nodeAddressAction(_ c: Cursor) -> ClusterAction? {
    let address = c["newAddress"]?.address
    if let t = target(c["crashNode"]) {
      checkNewAddress(c, t)
      return .nodeCrash(t, returnAfter: durations(c["returnAfter"]), newAddress: address)
    }
    if let t = target(c["rebootNode"]) {
      checkNewAddress(c, t)
      return .nodeReboot(t, downFor: durations(c["downFor"]) ?? .constant(0), newAddress: address)
    }
    if let t = target(c["returnNode"]) {
      checkNewAddress(c, t)
      return .nodeReturn(t, newAddress: address)
    }
    if let t = target(c["changeNodeAddress"]), let address {
      checkNewAddress(c, t)
      return .nodeAddressChange(t, newAddress: address)
    }
    return nil
  }

  private func joiningNode(_ c: Cursor) -> NodeSettings? {
    if let name = c["name"]?.string {
      if let place = c["name"], scenario.cluster.nodes.contains(where: { $0.name == name }) {
        mistake(place, "expected the name of a new node; this one is in \"cluster.nodes\"")
      }
      return node(c, base: NodeSettings(name: name))
    }
    guard let name = c.string else { return nil }
    guard let known = scenario.cluster.nodes.first(where: { $0.name == name }) else {
      checkNode(c)
      return nil
    }
    if known.joinsAtStart {
      mistake(c, "expected a node with \"joinsAtStart\": false; this one is there already")
    }
    return known
  }

  func target(_ cursor: Cursor?) -> NodeTarget? {
    guard let c = cursor else { return nil }
    if let name = c.string {
      if name == "all" { return .all(labels: [:]) }
      checkNode(c)
      return .named(name)
    }
    let labels = c["labels"]?.labels ?? [:]
    if c["all"] != nil { return .all(labels: labels) }
    return c["random"] != nil ? .random(labels: labels) : nil
  }

  /// An address belongs to one node.
  private func checkNewAddress(_ c: Cursor, _ target: NodeTarget) {
    guard let place = c["newAddress"], let address = place.address else { return }
    if case .all = target { return mistake(place, "several nodes cannot get one address") }
    let owner = scenario.cluster.nodes.first { ($0.addresses + $0.externalAddresses).contains(address) }
    if let owner, target != .named(owner.name) {
      mistake(place, "\(address) belongs to node \"\(owner.name)\" already")
    }
    for (name, block) in [
      ("podCIDR", scenario.cluster.podCIDR), ("serviceCIDR", scenario.cluster.serviceCIDR),
    ]
    where block.contains(address) {
      mistake(place, "expected an address outside the cluster's \(name), \(block)")
    }
  }

  // MARK: Pods and objects

  private func podAction(_ c: Cursor) -> ClusterAction? {
    if let t = pods(c["deletePod"]) { return deletion(of: t, c) }
    if let t = pods(c["hangPod"]) { return .podHang(t, duration: durations(c["for"])) }
    if let t = pods(c["crashPod"]) { return .podCrash(t) }
    if let t = pods(c["unreadyPod"]) { return .podUnready(t, duration: durations(c["for"])) }
    return pods(c["readyPod"]).map { .podReady($0) }
  }

  private func deletion(of target: PodTarget, _ c: Cursor) -> ClusterAction {
    let isForced = c["force"]?.bool ?? false
    if let force = c["force"], isForced, c["gracePeriod"]?.duration != .zero {
      mistake(force, "\"force\" only has an effect with \"gracePeriod\": \"0s\"")
    }
    guard let place = c["gracePeriod"], let grace = place.duration else { return .podDelete(target) }
    if grace.nanoseconds % 1_000_000_000 != 0 { mistake(place, "expected whole seconds") }
    // kubectl makes one second of none, unless --force is given.
    return .podDeleteWithin(target, grace: isForced ? .zero : max(grace, .seconds(1)))
  }

  private func pods(_ cursor: Cursor?) -> PodTarget? {
    guard let c = cursor else { return nil }
    if let name = c.namespacedName {
      checkPod(c)
      return .named(name)
    }
    let namespace = c["namespace"]?.string ?? "default"
    let labels = c["labels"]?.labels ?? [:]
    guard c["random"] != nil || c["all"] != nil else { return nil }
    checkSelection(c, namespace: namespace, labels: labels)
    return c["all"] != nil
      ? .all(namespace: namespace, labels: labels) : .random(namespace: namespace, labels: labels)
  }

  private func objectAction(_ c: Cursor) -> ClusterAction? {
    if let scale = c["scale"], let name = scale.namespacedName {
      checkWorkload(scale)
      if names.workloads[name]?.kind == .daemonSet { mistake(scale, "a DaemonSet has no number of replicas") }
      return c["replicas"]?.integer.map { .scale(name, replicas: $0) }
    }
    if let rollout = c["rollout"], let name = rollout.namespacedName {
      checkWorkload(rollout)
      return .rollout(name)
    }
    if let action = rolloutAction(c) { return action }
    if c["apply"] != nil { return .apply(appliedObjects[c.path.text] ?? []) }
    guard let delete = c["delete"], let place = delete["name"], let name = place.namespacedName,
      let kind = delete["kind"]?.string.flatMap({ ObjectKind(rawValue: $0) })
    else { return nil }
    checkObject(place, kind, name)
    return .delete(kind, name)
  }

  private func checkObject(_ cursor: Cursor, _ kind: ObjectKind, _ name: NamespacedName) {
    if kind == .pod { return checkPod(cursor) }
    // Slices of Services with a selector have names that only the controller knows.
    guard kind != .endpointSlice, names.objectsAreComplete,
      !names.objects.contains("\(kind.rawValue) \(name)")
    else { return }
    let prefix = kind.rawValue + " "
    let known = names.objects.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    let nearest = nearestName(to: name.description, in: known)
    mistake(cursor, "expected the name of a \(kind.rawValue) as \"namespace/name\"", suggestion: nearest)
  }

  // MARK: kube-proxy, network paths, DNS

  private func proxyAction(_ c: Cursor) -> ClusterAction? {
    if let action = proxyProcessAction(c, target) { return action }
    let rollout = target(c["rolloutProxy"])
    guard let t = rollout ?? target(c["configureProxy"]) else { return nil }
    var base = defaultProxy
    if case .named(let name) = t, let own = scenario.cluster.nodes.first(where: { $0.name == name })?.proxy {
      base = own
    }
    if rollout != nil { return .proxyRollout(t, proxy(c["proxy"], base: base), pace(c)) }
    return .proxyConfigure(t, proxy(c["proxy"], base: base), restart: c["restart"]?.bool ?? true)
  }

  private func pace(_ c: Cursor) -> ProxyRollout {
    var pace = ProxyRollout(every: c["interval"]?.duration ?? .zero)
    assign(c["maxUnavailable"]?.integer, to: &pace.maxUnavailable)
    pace.drain = c["drainFirst"]?.duration
    assign(c["uncordonAfter"]?.duration, to: &pace.uncordonAfter)
    if let place = c["uncordonAfter"], pace.drain == nil {
      mistake(place, "expected \"drainFirst\" beside \"uncordonAfter\"")
    }
    return pace
  }

  private func pathAction(_ c: Cursor) -> ClusterAction? {
    if let link = link(c["degrade"]) {
      if c["delay"] == nil, c["loss"] == nil, let place = c["degrade"] {
        mistake(place, "expected \"delay\" or \"loss\" beside \"degrade\"")
      }
      return .linkDegrade(
        link, delay: durations(c["delay"]), loss: c["loss"]?.number, duration: durations(c["for"]))
    }
    if let link = link(c["partition"]) { return .partition(link, duration: durations(c["for"])) }
    guard let change = c["changeDNS"], let place = change["name"], let name = place.string else { return nil }
    let known = scenario.cluster.dns.records.map(\.name)
    if names.recordsAreComplete, !known.contains(name) {
      mistake(
        place, "expected a name in \"cluster.dns.records\"", suggestion: nearestName(to: name, in: known))
    }
    return .dnsChange(name: name, addresses: change["addresses"]?.addresses ?? [])
  }

  private func link(_ cursor: Cursor?) -> LinkTarget? {
    guard let from = end(cursor?["from"]), let to = end(cursor?["to"]) else { return nil }
    if let place = cursor?["to"], from == to, from != .anyNode {
      mistake(place, "expected another end than \"from\"")
    }
    return LinkTarget(from: from, to: to)
  }

  private func end(_ cursor: Cursor?) -> LinkTarget.End? {
    guard let c = cursor, let text = c.string else { return nil }
    switch text {
    case "any": return .anyNode
    case "outside": return .outside
    case "controlPlane": return .controlPlane
    case let zone where zone.hasPrefix("zone/"): return zoneEnd(c, String(zone.dropFirst(5)))
    default:
      if names.nodesAreComplete, !names.nodes.contains(text) {
        let known = Array(names.nodes) + ["any", "outside", "controlPlane"]
        let nearest = nearestName(to: text, in: known)
        mistake(
          c, "expected the name of a node, \"any\", \"outside\" or \"controlPlane\"", suggestion: nearest)
      }
      return .node(text)
    }
  }
}
