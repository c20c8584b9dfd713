// SPDX-License-Identifier: GPL-3.0-or-later
//
// The delays between one part of the cluster and the next, drawn by name: which delay, of whom, the
// how-manieth. So a draw does not depend on what else happens, and every variant of a run sees the same
// ones.

import SimKernel
import SimRandom

/// The delays of `TimingSettings` that are drawn.
enum Delay: Int, CaseIterable {
  case kubeletStatus, kubeletWatch, podStart, podReady, scheduler, workloadController, endpointController
  case leaseRenewal, nodeAddressUpdate, routePropagation, nodeBoot, provisioning
  case statusWrite, imagePull, imageCheck, initContainer, containerStart
  case cloudAddressRefresh, routeReconciliation
  case targetRegistration, targetDeregistration, targetUnhealthy

  func distribution(in settings: ClusterSettings) -> Distribution {
    let timing = settings.timing
    return switch self {
    // Of nodes: a kubelet that starts registers or reports its node. Assumed.
    case .kubeletStatus: timing.kubeletStatus ?? .uniform(low: 0.05, high: 1)
    case .kubeletWatch: timing.kubeletWatch
    case .podStart: timing.podStart
    case .podReady: timing.podReady
    case .scheduler: timing.scheduler
    case .workloadController: timing.workloadController
    case .endpointController: timing.endpointController
    case .leaseRenewal: timing.leaseRenewal
    case .nodeAddressUpdate: timing.nodeAddressUpdate
    case .routePropagation: timing.routePropagation
    case .nodeBoot: timing.nodeBoot
    case .provisioning: settings.loadBalancer.provisioning
    case .statusWrite: settings.kubelet.statusWrite
    case .imagePull: settings.kubelet.imagePull
    case .imageCheck: settings.kubelet.imageCheck
    case .initContainer: settings.kubelet.initContainer
    case .cloudAddressRefresh: settings.nodeAddresses.cloudRefresh
    case .routeReconciliation: settings.nodeAddresses.routeReconciliation
    case .targetRegistration: settings.loadBalancer.registration
    case .targetDeregistration: settings.loadBalancer.deregistration
    case .targetUnhealthy: settings.loadBalancer.unhealthyDelay
    case .containerStart: settings.kubelet.containerStart
    }
  }

  var purpose: RandomPurpose {
    switch self {
    case .kubeletStatus: RandomPurpose("kubelet status")
    case .kubeletWatch: RandomPurpose("kubelet watch")
    case .podStart: RandomPurpose("pod start")
    case .podReady: RandomPurpose("pod ready")
    case .scheduler: RandomPurpose("scheduler")
    case .workloadController: RandomPurpose("workload controller")
    case .endpointController: RandomPurpose("endpoint controller")
    case .leaseRenewal: RandomPurpose("lease renewal")
    case .nodeAddressUpdate: RandomPurpose("node address update")
    case .routePropagation: RandomPurpose("route propagation")
    case .nodeBoot: RandomPurpose("node boot")
    case .provisioning: RandomPurpose("load balancer provisioning")
    case .statusWrite: RandomPurpose("kubelet status write")
    case .imagePull: RandomPurpose("image pull")
    case .imageCheck: RandomPurpose("image check")
    case .initContainer: RandomPurpose("init container")
    case .cloudAddressRefresh: RandomPurpose("cloud address refresh")
    case .routeReconciliation: RandomPurpose("route reconciliation")
    case .targetRegistration: RandomPurpose("load balancer registration")
    case .targetDeregistration: RandomPurpose("load balancer deregistration")
    case .targetUnhealthy: RandomPurpose("load balancer unhealthy")
    case .containerStart: RandomPurpose("container start")
    }
  }
}

extension RandomPurpose {
  /// Where in their periods a kubelet's relists and a pod's probes stand.
  static let relistPhase = RandomPurpose("kubelet relist phase")
  static let probePhase = RandomPurpose("probe phase")
  /// How much later than asked a pod worker looks again.
  static let requeue = RandomPurpose("pod worker requeue")
  /// When a flapping pod turns unready, and for how long.
  static let flap = RandomPurpose("readiness flap")
  /// Where in its period a periodic timer stands at the start.
  static let phase = RandomPurpose("control plane phase")
  /// Time between two occurrences of a random process.
  static let occurrence = RandomPurpose("random process")
  /// Which node or pod an action hits.
  static let target = RandomPurpose("action target")
  /// How long an action's effect lasts.
  static let effect = RandomPurpose("action effect")
}

/// Draws for the control plane. Immutable: who draws keeps the count.
struct DelayDraws: Sendable {
  let seed: UInt64
  let replication: UInt32
  private let samplers: [Sampler]
  private let purposes: [RandomPurpose]

  init(settings: ClusterSettings, seed: UInt64, replication: UInt32) {
    self.seed = seed
    self.replication = replication
    samplers = Delay.allCases.map { Sampler($0.distribution(in: settings)) }
    purposes = Delay.allCases.map(\.purpose)
  }

  /// The stream of draw `number` of `entity` for a purpose.
  func stream(_ purpose: RandomPurpose, entity: UInt64, number: UInt64) -> RandomStream {
    let key = RandomKey(seed: seed, replication: replication, purpose: purpose, entity: entity)
    return RandomStream(key: key.deriving(number))
  }

  func duration(_ delay: Delay, entity: UInt64, number: UInt64) -> SimDuration {
    let sampler = samplers[delay.rawValue]
    var stream = stream(purposes[delay.rawValue], entity: entity, number: number)
    return sampler.duration(&stream)
  }

  func duration(
    _ distribution: Distribution, _ purpose: RandomPurpose, entity: UInt64, number: UInt64
  ) -> SimDuration {
    var stream = stream(purpose, entity: entity, number: number)
    return Sampler(distribution).duration(&stream)
  }
}
