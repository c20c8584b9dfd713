// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a scenario to a world at t = 0: converged cluster, programmed tables, listening servers, clients with
// their first arrivals, and the ends of the report's bins.

import Cluster
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import SimRandom
import Traffic

extension World {
  /// - Throws: the API server's refusal of an object.
  static func make(_ scenario: ScenarioFile, replication: UInt32) throws -> World {
    let control = try ControlPlane(
      settings: scenario.cluster, objects: scenario.objects, podBehaviour: podBehaviour(scenario.servers),
      seed: scenario.seed, replication: replication)
    let nodes = control.nodes.map {
      ProxyNode(
        id: $0.id, name: $0.name, zone: $0.zone, addresses: $0.addresses, settings: $0.proxy,
        watchDelay: $0.proxyWatch)
    }
    let proxies = ProxyFleet(
      nodes: nodes, timing: scenario.cluster.timing, watch: scenario.cluster.watch,
      calibration: scenario.cluster.syncCalibration,
      minorVersion: scenario.cluster.minorVersion,
      serviceCIDRs: [scenario.cluster.serviceCIDR], seed: scenario.seed, replication: replication)
    var world = World(scenario, replication, control, proxies)
    world.setUp()
    return world
  }

  private init(
    _ scenario: ScenarioFile, _ replication: UInt32, _ control: consuming ControlPlane,
    _ proxies: consuming ProxyFleet
  ) {
    self.scenario = scenario
    self.replication = replication
    end = .zero + scenario.duration
    podNetwork = scenario.cluster.podCIDR
    modeCosts = ModeCosts.table(scenario.network)
    balancerKeepsFlows = scenario.cluster.loadBalancer.keepsFlowsForEver
    balancerSteering = scenario.cluster.loadBalancer.steering
    balancesByAddress = scenario.cluster.loadBalancer.targets == .ip
    masqueradesPodTraffic = scenario.network.masqueradesPodTraffic
    recorderWarmUp = .zero + scenario.report.warmUp
    paths = NetworkPaths(scenario.network)
    dnsLatency = Sampler(scenario.cluster.dns.latency)
    dns = DNSPlane(scenario.cluster.dns, seed: scenario.seed, replication: replication)
    serverSettings = scenario.servers + [ServerSettings(name: "default", place: .outside([]))]
    serviceTimes = Table(serverSettings.map { Sampler($0.serviceTime) })
    var groups = scenario.clients.map { ClientGroup($0, duration: scenario.duration) }
    var targets: [TargetName] = []
    for group in groups.indices {
      let name = World.targetName(groups[group].settings, control.store)
      groups[group].target = targets.firstIndex(of: name) ?? targets.count
      if groups[group].target == targets.count { targets.append(name) }
    }
    self.groups = Table(groups)
    self.targets = targets
    let report = scenario.report
    recorder = Recorder(
      targets: targets.count, clients: groups.count,
      report: (report.bin, report.warmUp, report.lostConnectionsMax), keepsSeries: report.isSteadyState)
    self.control = control
    self.proxies = proxies
  }

  private mutating func setUp() {
    for node in control.nodes { addNodePlane(node.id) }
    for node in nodePlanes.indices where !nodePlanes[node].isUp { proxies.nodeWentDown(NodeID(node)) }
    for index in 0..<control.store.serviceCount {
      let id = ServiceID(index)
      if let service = control.store.service(id) {
        proxies.record(
          service: id, service, revision: control.store.revision, at: .zero, into: &proxyOutput)
        holdVirtualAddresses(of: id)
      }
      let slices = control.store.slices(of: id)
      if !slices.isEmpty {
        proxies.record(
          slices: slices, of: id, revision: control.store.revision, at: .zero, into: &proxyOutput)
      }
    }
    proxies.converge(into: &proxyOutput)
    for node in nodePlanes.indices { refreshPacketCost(of: node) }
    for node in nodePlanes.indices { refreshRoutes(to: node) }
    setUpServers()
    setUpDNS()
    setUpClients()
    control.scheduleActions(
      scenario.events, processes: scenario.processes, duration: scenario.duration, into: &clusterOutput)
    control.start(into: &clusterOutput)
    flushCluster()
    let bins = Int(
      (scenario.duration.nanoseconds + scenario.report.bin.nanoseconds - 1) / scenario.report.bin.nanoseconds)
    if bins > 0 { scheduleBin(0) }
  }

  /// How the processes of a pod begin and end, by the first server that describes it.
  private static func podBehaviour(
    _ servers: [ServerSettings]
  ) -> @Sendable (_ namespace: String, _ labels: Labels) -> PodBehaviour {
    { namespace, labels in
      for server in servers {
        guard case .pods(let ns, let wanted) = server.place, ns == namespace,
          LabelSelector(wanted).matches(labels)
        else { continue }
        let exitDelay: SimDuration? =
          switch server.onTermination {
          case .exit: .zero
          case .drain: server.drain
          case .ignore: nil
          }
        var behaviour = PodBehaviour(
          preStop: server.preStop, exitDelay: exitDelay, startup: server.startup, flap: server.flap)
        behaviour.furtherPreStop = server.furtherPreStop
        return behaviour
      }
      return PodBehaviour()
    }
  }

  mutating func addNodePlane(_ id: NodeID) {
    let node = control.nodes[id.index]
    guard id.index == nodePlanes.count else { return }
    if proxies.nodeCount <= id.index {
      proxies.addNode(
        ProxyNode(
          id: id, name: node.name, zone: node.zone, addresses: node.addresses, settings: node.proxy,
          watchDelay: node.proxyWatch))
      proxies.nodeWentDown(id)
    }
    let gateway = IPv4Address(bits: node.podCIDR.base.bits + 1)
    if !zones.contains(node.zone) { zones.append(node.zone) }
    nodePlanes.append(
      NodePlane(
        name: node.name, address: node.primaryAddress, gateway: gateway, podCIDR: node.podCIDR,
        zoneNumber: Int32(zones.firstIndex(of: node.zone) ?? 0), isUp: node.isUp))
    paths.zoneOfNode.append(node.zone)
    let owner = HostReference(.node, id.rawValue)
    for address in node.addresses + node.externalAddresses { addresses.assign(address, to: owner) }
    addresses.assign(gateway, to: owner)
    apiAddresses[id] = control.store.node(id)?.internalIPs.first
    apiZones[id] = control.store.node(id)?.zone
    conntrack.append(
      World.conntrackTable(
        of: node.proxy, node.kernel ?? scenario.cluster.kernel, capacity: node.conntrackMax,
        isCilium: node.proxy.mode == .ebpf))
    nodePlanes[nodePlanes.count - 1].kernel = node.kernel ?? scenario.cluster.kernel
  }

  static func conntrackTable(
    of proxy: ProxySettings, _ kernel: KernelSettings, capacity: Int, isCilium: Bool
  ) -> ConntrackTable {
    guard isCilium else {
      return ConntrackTable(capacity: capacity, timeouts: timeouts(proxy, kernel))
    }
    return ConntrackTable(sizes: proxy.ebpf.maps, timeouts: proxy.ebpf.conntrack)
  }

  /// The kernel's timeouts as this node's kube-proxy sets them (FACTS C1, E1).
  private static func timeouts(_ proxy: ProxySettings, _ kernel: KernelSettings) -> ConntrackTimeouts {
    var t = ConntrackTimeouts(kernel)
    if proxy.tcpEstablishedTimeout > .zero { t.established = proxy.tcpEstablishedTimeout }
    if proxy.tcpCloseWaitTimeout > .zero { t.closeWait = proxy.tcpCloseWaitTimeout }
    if proxy.udpTimeout > .zero { t.udp = proxy.udpTimeout }
    if proxy.udpStreamTimeout > .zero { t.udpStream = proxy.udpStreamTimeout }
    return t
  }

  // MARK: Servers

  private mutating func setUpServers() {
    for pod in control.pods {
      reservePods(upTo: pod.id.index)
      if let address = pod.address, !pod.isHostNetwork {
        addresses.assign(address, to: HostReference(.pod, pod.id.rawValue))
      }
      if pod.hasProcess { openSockets(of: pod.id) }
    }
    for (index, settings) in scenario.servers.enumerated() {
      guard case .outside(let list) = settings.place, let port = settings.port else { continue }
      for address in list {
        let host = outsideHost(address)
        servers.append(ServerProcess(settings, settings: index, host: host, port: port))
        outsideSockets[Int(host.id)].append(Int32(servers.count - 1))
      }
    }
  }

  mutating func outsideHost(_ address: IPv4Address) -> HostReference {
    let known = addresses.owner(of: address)
    if known.kind == .outside { return known }
    outsideHosts.append(address)
    outsideSockets.append([])
    let host = HostReference(.outside, UInt32(outsideHosts.count - 1))
    addresses.assign(address, to: host)
    return host
  }

  /// The pod's processes listen: on the ports of the scenario's servers for its labels, and on every other
  /// port that its containers declare with default behaviour.
  mutating func openSockets(of pod: PodID) {
    reservePods(upTo: pod.index)
    let record = control.pods[pod.index]
    let host =
      record.isHostNetwork ? HostReference(.node, record.node.rawValue) : HostReference(.pod, pod.rawValue)
    let declared = (control.store.pod(pod)?.spec.containers ?? []).flatMap(\.ports)
    podSockets[pod.index] = []
    for (index, settings) in scenario.servers.enumerated() {
      guard case .pods(let namespace, let labels) = settings.place, namespace == record.name.namespace,
        LabelSelector(labels).matches(record.labels)
      else { continue }
      let own = declared.filter { $0.protocol == settings.transport.apiName }.map { UInt16($0.containerPort) }
      for port in settings.port.map({ [$0] }) ?? own { listen(pod, host, index, settings, port) }
    }
    for port in declared {
      var settings = serverSettings[serverSettings.count - 1]
      settings.transport = TransportProtocol(apiName: port.protocol) ?? .tcp
      listen(pod, host, serverSettings.count - 1, settings, UInt16(port.containerPort))
    }
  }

  private mutating func listen(
    _ pod: PodID, _ host: HostReference, _ index: Int, _ settings: ServerSettings, _ port: UInt16
  ) {
    let isTaken = podSockets[pod.index].contains {
      servers[Int($0)].port == port && servers[Int($0)].transport == settings.transport
    }
    if isTaken { return }
    var process = ServerProcess(settings, settings: index, host: host, port: port)
    process.isListening = control.pods[pod.index].isApplicationReady
    process.isHanging = control.pods[pod.index].isHanging
    servers.append(process)
    podSockets[pod.index].append(Int32(servers.count - 1))
  }

  // MARK: Clients

  private mutating func setUpClients() {
    answers = Table()
    for group in groups.indices {
      groups[group].service = serviceID(groups[group].settings.target)
      answers.append(currentAnswer(group))
      groups[group].answer = answers.count - 1
    }
    for group in groups.indices {
      switch groups[group].settings.place {
      case .pods:
        for pod in control.pods where pod.hasProcess { startPodClient(group, pod.id) }
      case .nodes:
        for node in nodePlanes.indices where nodePlanes[node].isUp { startNodeClient(group, node) }
      case .outside(let first, let count):
        for k in 0..<count {
          addInstance(group, outsideHost(IPv4Address(bits: first.bits + UInt32(k))), node: -1)
        }
      }
    }
  }

  mutating func startPodClients(_ pod: PodID) {
    for group in groups.indices { startPodClient(group, pod) }
  }

  private mutating func startPodClient(_ group: Int, _ pod: PodID) {
    let record = control.pods[pod.index]
    guard case .pods(let namespace, let labels) = groups[group].settings.place,
      namespace == record.name.namespace,
      LabelSelector(labels).matches(record.labels), record.address != nil
    else { return }
    let host =
      record.isHostNetwork ? HostReference(.node, record.node.rawValue) : HostReference(.pod, pod.rawValue)
    addInstance(group, host, node: record.node.index, pod: pod)
  }

  mutating func startNodeClients(_ node: Int) {
    for group in groups.indices { startNodeClient(group, node) }
  }

  private mutating func startNodeClient(_ group: Int, _ node: Int) {
    guard case .nodes(let names) = groups[group].settings.place,
      names.isEmpty || names.contains(nodePlanes[node].name)
    else { return }
    addInstance(group, HostReference(.node, UInt32(node)), node: node)
  }

  mutating func addInstance(_ group: Int, _ host: HostReference, node: Int, pod: PodID = .none) {
    let settings = groups[group].settings
    let index = UInt32(instances.count)
    // Named after the group and the instance's number within it: the same draws in every variant.
    let number = groups[group].instancesMade
    groups[group].instancesMade += 1
    let entity = StableHash.string(settings.name, seed: UInt64(number) &+ 1)
    func key(_ purpose: RandomPurpose) -> RandomKey {
      RandomKey(seed: scenario.seed, replication: replication, purpose: purpose, entity: entity)
    }
    instances.append(
      ClientInstance(
        group: group, number: number, host: host, address: addressOf(host), node: node, pod: pod,
        bornAt: now, arrivals: ArrivalProcess(settings.arrivals, key: key(World.purposeArrivals)),
        pathKey: key(World.purposePath), serviceKey: key(World.purposeService),
        behaviourKey: key(World.purposeBehaviour)))
    let start = max(now, settings.start)
    if case .closed(let users, _) = settings.arrivals { return startUsers(index, users, at: start) }
    if let first = instances[Int(index)].arrivals.next(after: start), first < groups[group].stop {
      queue.push(at: first, rank: EventRank.make(.client, entity: UInt64(index), counter: 0), .arrival(index))
    }
  }

  /// Users begin with a thinking time each, so that they do not all come at once.
  private mutating func startUsers(_ index: UInt32, _ users: Int, at start: SimTime) {
    guard let think = groups[instances[Int(index)].group].think else { return }
    for user in 0..<users {
      var stream = behaviourStream(index, UInt32.max - UInt32(user), attempt: 0, draw: 0)
      let rank = EventRank.make(.client, entity: UInt64(index), counter: UInt32(user))
      queue.push(at: start + think.duration(&stream), rank: rank, .user(index))
    }
  }

  private func addressOf(_ host: HostReference) -> IPv4Address {
    switch host.kind {
    case .pod: control.pods[Int(host.id)].address ?? .unspecified
    case .node: nodePlanes[Int(host.id)].address
    case .outside: outsideHosts[Int(host.id)]
    case .none, .loadBalancer, .routedToNodes: .unspecified
    }
  }
}
