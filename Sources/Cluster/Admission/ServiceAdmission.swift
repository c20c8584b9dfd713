// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API server's path for a Service: default, validate, allocate, in this order (FACTS A). Refusals carry
// the server's own words. What exists already, and what a refusal means for a run, is the store's business.

import NetworkTypes
import SimKernel

/// Defaults, validates and gives addresses and ports to Services. Holds the pools; nothing else has state.
public struct ServiceAdmission: Sendable {
  private var addresses: ClusterIPAllocator
  private var ports: NodePortAllocator
  private let seed: UInt64
  private let minorVersion: Int
  /// Draws made per purpose and Service, so that a Service made again gets another address.
  private var draws: [String: UInt64] = [:]

  /// The first address of the range belongs to the `kubernetes` Service from the start (FACTS A1).
  ///
  /// - Parameters:
  ///   - nodePortRange: `--service-node-port-range`.
  ///   - seed: decides the picks; same seed and same Service name give the same address if it is free.
  ///   - minorVersion: of Kubernetes 1.x.
  public init(
    serviceCIDR: IPv4CIDR, nodePortRange: ClosedRange<Int>, seed: UInt64, minorVersion: Int = 36
  ) {
    addresses = ClusterIPAllocator(
      cidr: serviceCIDR, keepsBand: Behaviours.clusterIPBand.value(in: minorVersion))
    ports = NodePortAllocator(
      range: nodePortRange, keepsBand: Behaviours.nodePortBand.value(in: minorVersion))
    self.seed = seed
    self.minorVersion = minorVersion
    if serviceCIDR.size > 2 { try? addresses.take(serviceCIDR.address(at: 1)) }
  }

  /// The Service as it is stored, with defaults, cluster IP and node ports. After a refusal the pools are as
  /// before. A Service `default/kubernetes` is the API server's own and is only defaulted: its address is
  /// taken already.
  public mutating func create(_ service: Service) throws(APIRefusal) -> Service {
    var new = withoutUnknownFields(service.withDefaults())
    if isAPIServerService(new) {
      if let given = new.clusterAddress, addresses.cidr.contains(given) {
        // A dump's: of several blocks the model has one around them, and this is not its first address.
        try? addresses.take(given)
        new.setFamilies()
        return new
      }
      new.spec.clusterIP = addresses.cidr.address(at: 1).description
      new.spec.clusterIPs = [new.spec.clusterIP!]
      new.setFamilies()
      return new
    }
    try validate(new)
    new.setFamilies()
    var trial = self
    try trial.allocateAddress(&new)
    try trial.allocateNodePorts(&new)
    try trial.allocateHealthCheckPort(&new)
    self = trial
    return new
  }

  /// The Service as it is stored after an update: what the API server had allocated is kept where the writer
  /// does not mention it, the rest follows the type (allocated or given back).
  public mutating func update(old: Service, new written: Service) throws(APIRefusal) -> Service {
    var new = withoutUnknownFields(written.withDefaults())
    if new.spec.clusterIP != nil, new.spec.clusterIPs == old.spec.clusterIPs,
      new.spec.clusterIP != old.spec.clusterIP
    {
      new.spec.clusterIPs = [new.spec.clusterIP!]
    }
    new.keepAllocations(of: old)
    new.dropFieldsOfOldType(old)
    new = withoutUnknownFields(new.withDefaults())
    if isAPIServerService(new) { return new }
    try validate(new)
    try checkImmutable(old: old, new: new)
    new.setFamilies()
    var trial = self
    try trial.exchange(old: old, for: &new)
    self = trial
    return new
  }

  /// Gives the Service's addresses and ports back.
  public mutating func release(_ service: Service) {
    if isAPIServerService(service) { return }
    if service.needsClusterIP, let address = service.clusterAddress { addresses.release(address) }
    for port in service.spec.ports where port.nodePort != 0 { ports.release(port.nodePort) }
    if let port = service.spec.healthCheckNodePort, port != 0 { ports.release(port) }
  }

  /// Fields whose feature gate is off in this version are dropped without a word.
  private func withoutUnknownFields(_ service: Service) -> Service {
    var service = service
    if Behaviours.trafficDistributions.value(in: minorVersion).isEmpty {
      service.spec.trafficDistribution = nil
    }
    if !Behaviours.loadBalancerIPMode.value(in: minorVersion) {
      for index in service.status.loadBalancerIngress.indices {
        service.status.loadBalancerIngress[index].ipMode = nil
      }
    }
    return service
  }

  private func isAPIServerService(_ service: Service) -> Bool {
    service.metadata.namespacedName == NamespacedName(namespace: "default", name: "kubernetes")
  }

  private func refusal(_ service: Service, _ causes: [String]) -> APIRefusal {
    APIRefusal(kind: "Service", name: service.metadata.name, causes: causes)
  }

  private func validate(_ service: Service) throws(APIRefusal) {
    let causes = ServiceValidation.causes(service, minorVersion: minorVersion)
    if !causes.isEmpty { throw refusal(service, causes) }
  }

  /// VAL, ValidateServiceUpdate: a cluster IP stays while the type needs one; so does the load balancer
  /// class.
  private func checkImmutable(old: Service, new: Service) throws(APIRefusal) {
    var errors = FieldErrors()
    let keepsAddress =
      old.spec.type != ServiceType.externalName.rawValue && new.spec.type != ServiceType.externalName.rawValue
    if keepsAddress, let before = old.spec.clusterIP, new.spec.clusterIP != before {
      let isUnset = new.spec.clusterIPs.isEmpty
      let list = isUnset ? "null" : ServiceValidation.json(new.spec.clusterIPs)
      let detail = isUnset ? "primary clusterIP can not be unset" : "may not change once set"
      errors.invalid("spec.clusterIPs[0]", json: list, detail)
    }
    if old.needsHealthCheckNodePort, new.needsHealthCheckNodePort,
      old.spec.healthCheckNodePort != new.spec.healthCheckNodePort
    {
      errors.invalid("spec.healthCheckNodePort", new.spec.healthCheckNodePort ?? 0, "field is immutable")
    }
    if old.spec.type == new.spec.type, let before = old.spec.loadBalancerClass,
      new.spec.loadBalancerClass != before
    {
      let value = new.spec.loadBalancerClass.map { "\"\($0)\"" } ?? "null"
      errors.invalid("spec.loadBalancerClass", json: value, "may not change once set")
    }
    if !errors.isEmpty { throw refusal(new, errors.causes) }
  }
}

// MARK: Allocation

extension ServiceAdmission {
  /// A function of (seed, purpose, Service, count), so that one Service more or less changes nobody else's
  /// address. It needs no more quality than "any free one will do".
  private mutating func draw(_ purpose: String, for service: Service) -> UInt64 {
    let key = "\(purpose)/\(service.metadata.namespacedName)"
    let count = draws[key, default: 0]
    draws[key] = count + 1
    return StableHash.of("\(seed)/\(key)/\(count)")
  }

  private mutating func allocateAddress(_ service: inout Service) throws(APIRefusal) {
    guard service.needsClusterIP else { return }
    guard let text = service.spec.clusterIP, let address = IPv4Address(text) else {
      do throws(AllocationFailure) {
        let address = try addresses.takeAny(draw: draw("clusterIP", for: service)).description
        service.spec.clusterIP = address
        service.spec.clusterIPs = [address]
      } catch {
        throw exhausted(service, "failed to allocate a serviceIP: \(error.text)")
      }
      return
    }
    do throws(AllocationFailure) {
      try addresses.take(address)
    } catch {
      let cause =
        "spec.clusterIPs: Invalid value: \(ServiceValidation.json(service.spec.clusterIPs)): "
        + "failed to allocate IP \(text): \(error.text)"
      throw refusal(service, [cause])
    }
  }

  /// Ports of one number (TCP and UDP 53, say) share a node port, as `initNodePorts` in k/k
  /// `pkg/registry/core/service/storage/alloc.go` has it.
  private mutating func allocateNodePorts(_ service: inout Service) throws(APIRefusal) {
    guard service.mayHaveNodePorts else { return }
    var chosen: [Int: Int] = [:]
    for index in service.spec.ports.indices {
      let port = service.spec.ports[index]
      if port.nodePort == 0, !service.needsNodePorts { continue }
      if let shared = chosen[port.port] {
        if port.nodePort == 0 {
          service.spec.ports[index].nodePort = shared
        } else if port.nodePort != shared {
          try takeNodePort(port.nodePort, of: index, service)
        }
        continue
      }
      let wished = service.spec.ports.first { $0.port == port.port && $0.nodePort != 0 }?.nodePort
      if let wished {
        try takeNodePort(wished, of: index, service)
        service.spec.ports[index].nodePort = port.nodePort == 0 ? wished : port.nodePort
      } else {
        service.spec.ports[index].nodePort = try anyNodePort("nodePort", for: service)
      }
      chosen[port.port] = service.spec.ports[index].nodePort
    }
  }

  private mutating func takeNodePort(
    _ number: Int, of index: Int, _ service: Service
  ) throws(APIRefusal) {
    do throws(AllocationFailure) {
      try ports.take(number)
    } catch {
      let path = "spec.ports[\(index)].nodePort"
      throw refusal(service, ["\(path): Invalid value: \(number): \(error.text)"])
    }
  }

  private mutating func anyNodePort(_ purpose: String, for service: Service) throws(APIRefusal) -> Int {
    do throws(AllocationFailure) {
      return try ports.takeAny(draw: draw(purpose, for: service))
    } catch {
      throw exhausted(service, "failed to allocate a nodePort: \(error.text)")
    }
  }

  private mutating func allocateHealthCheckPort(_ service: inout Service) throws(APIRefusal) {
    guard service.needsHealthCheckNodePort else { return }
    guard let number = service.spec.healthCheckNodePort, number != 0 else {
      service.spec.healthCheckNodePort = try anyNodePort("healthCheckNodePort", for: service)
      return
    }
    do throws(AllocationFailure) {
      try ports.take(number)
    } catch {
      throw exhausted(service, "failed to allocate requested HealthCheck NodePort \(number): \(error.text)")
    }
  }

  private func exhausted(_ service: Service, _ cause: String) -> APIRefusal {
    APIRefusal(kind: "Service", name: service.metadata.name, causes: [cause], reason: .internalError)
  }

  /// Update: first everything new is taken, then what the Service no longer has is given back, so that a
  /// Service never loses its own port to its own change.
  private mutating func exchange(old: Service, for new: inout Service) throws(APIRefusal) {
    let oldAddress = old.needsClusterIP ? old.clusterAddress : nil
    if oldAddress == nil || !new.needsClusterIP { try allocateAddress(&new) }
    let oldPorts = Set(old.spec.ports.map(\.nodePort).filter { $0 != 0 })
    try exchangeNodePorts(oldPorts: oldPorts, &new)
    if !old.needsHealthCheckNodePort { try allocateHealthCheckPort(&new) }

    if let oldAddress, !new.needsClusterIP { addresses.release(oldAddress) }
    let kept = Set(new.spec.ports.map(\.nodePort))
    for port in oldPorts.sorted() where !kept.contains(port) { ports.release(port) }
    if let port = old.spec.healthCheckNodePort, port != 0, new.spec.healthCheckNodePort != port {
      ports.release(port)
    }
  }

  private mutating func exchangeNodePorts(
    oldPorts: Set<Int>, _ service: inout Service
  ) throws(APIRefusal) {
    guard service.mayHaveNodePorts else { return }
    var taken = oldPorts
    for index in service.spec.ports.indices {
      let number = service.spec.ports[index].nodePort
      if number == 0 {
        if !service.needsNodePorts { continue }
        let picked = try anyNodePort("nodePort", for: service)
        service.spec.ports[index].nodePort = picked
        taken.insert(picked)
      } else if taken.insert(number).inserted {
        try takeNodePort(number, of: index, service)
      }
    }
  }
}
