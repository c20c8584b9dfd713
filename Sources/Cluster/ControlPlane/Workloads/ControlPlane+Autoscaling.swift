// SPDX-License-Identifier: GPL-3.0-or-later
//
// The HorizontalPodAutoscaler controller and the metrics server before it: the world tells what each pod used
// since the last scrape, and every sync period each autoscaler sizes its target by that. What it decides
// depends on the load that the run has had, so it differs between variants.
// (k/k pkg/controller/podautoscaler/horizontal.go; kubernetes-sigs/metrics-server README, metric-resolution.)

import SimKernel
import SimRandom

/// An autoscaler under its controller.
struct AutoscalerRecord: Sendable {
  var object: HorizontalPodAutoscaler
  var pace = ScalingPace()
  var isDeleted = false
  /// Per cent at its last look.
  var utilization: Int?
  var lastTrouble = ""
}

/// The metrics server's view of a pod.
struct PodUsage: Sendable, Equatable {
  /// Seconds of cpu that its processes had used at the last scrape.
  var total: Double
  var restarts: Int
  var epoch: UInt16
  /// Mean over the last window, thousandths of a core; nil: seen once only.
  var millis: Int64?
  var scraped: SimTime
}

extension ControlPlane {
  /// metrics-server's default `--metric-resolution`.
  static var metricResolution: SimDuration { .seconds(15) }
  /// `--horizontal-pod-autoscaler-sync-period`.
  static var autoscalerPeriod: SimDuration { .seconds(15) }
  /// `--horizontal-pod-autoscaler-cpu-initialization-period`.
  static var cpuInitialization: SimDuration { .seconds(300) }
  /// `--horizontal-pod-autoscaler-initial-readiness-delay`.
  static var initialReadinessDelay: SimDuration { .seconds(30) }

  /// Somebody wants to know what pods use.
  public var needsMetrics: Bool { autoscalers.contains { !$0.isDeleted } }

  // MARK: Objects

  mutating func apply(_ scaler: HorizontalPodAutoscaler, _ out: inout ControlPlaneOutput) {
    let name = scaler.metadata.namespacedName
    if let index = autoscalerIndex(name) {
      let old = autoscalers[index].object.metadata
      autoscalers[index].object = scaler
      autoscalers[index].object.metadata.uid = old.uid
      autoscalers[index].object.metadata.creationTimestamp = old.creationTimestamp
      return log("horizontalpodautoscaler/\(name)", "updated", "", &out)
    }
    var object = scaler
    object.metadata.creationTimestamp = now > .zero ? now : scaler.metadata.creationTimestamp
    if object.metadata.uid.isEmpty {
      object.metadata.uid = Self.uid(of: name, number: 4_000_000 + autoscalers.count)
    }
    store.addNamespace(name.namespace)
    autoscalers.append(AutoscalerRecord(object: object))
    log("horizontalpodautoscaler/\(name)", "created", "", &out)
    // At t = 0 `startAutoscaling` does it.
    if now > .zero { startAutoscaling(from: autoscalers.count - 1, &out) }
  }

  mutating func deleteAutoscaler(_ name: NamespacedName, _ out: inout ControlPlaneOutput) -> Bool {
    guard let index = autoscalerIndex(name) else { return false }
    autoscalers[index].isDeleted = true
    log("horizontalpodautoscaler/\(name)", "deleted", "", &out)
    return true
  }

  private func autoscalerIndex(_ name: NamespacedName) -> Int? {
    autoscalers.firstIndex { !$0.isDeleted && $0.object.metadata.namespacedName == name }
  }

  // MARK: Timers

  /// Schedules the looks of autoscalers from this index on, and the scrapes if there were none so far.
  mutating func startAutoscaling(from first: Int, _ out: inout ControlPlaneOutput) {
    for index in autoscalers.indices.dropFirst(first) {
      let entity = StableHash.of("autoscaler/\(autoscalers[index].object.metadata.namespacedName)")
      var stream = draws.stream(.phase, entity: entity, number: 0)
      let phase = SimDuration(seconds: stream.uniform() * Self.autoscalerPeriod.seconds)
      out.schedule.append((now + phase, .autoscale(UInt32(index))))
    }
    if isScraping || autoscalers.isEmpty { return }
    isScraping = true
    var stream = draws.stream(.phase, entity: StableHash.of("metrics-server"), number: 0)
    let phase = SimDuration(seconds: stream.uniform() * Self.metricResolution.seconds)
    out.schedule.append((now + phase, .scrapeMetrics))
  }

  /// The time of a scrape has come; `recordUsage` follows for each pod that runs.
  mutating func scrapeMetrics(_ out: inout ControlPlaneOutput) {
    guard needsMetrics else {
      isScraping = false
      return
    }
    if now < agenda.end { out.schedule.append((now + Self.metricResolution, .scrapeMetrics)) }
  }

  /// What a pod's processes have used since they started, in seconds of one core.
  public mutating func recordUsage(of pod: PodID, total: Double, at time: SimTime) {
    let record = pods[pod.index]
    guard record.hasProcess, nodes[record.node.index].isUp else { return }
    var usage = PodUsage(
      total: total, restarts: record.restarts, epoch: record.epoch, millis: nil, scraped: time)
    if let before = usages[pod], before.epoch == record.epoch, time > before.scraped {
      let mean = (total - before.total) / (time - before.scraped).seconds
      usage.millis = Int64((max(0, mean) * 1000).rounded())
    }
    usages[pod] = usage
  }

  // MARK: A look

  mutating func autoscale(_ index: Int, _ out: inout ControlPlaneOutput) {
    guard !autoscalers[index].isDeleted else { return }
    if now < agenda.end { out.schedule.append((now + Self.autoscalerPeriod, .autoscale(UInt32(index)))) }
    let scaler = autoscalers[index].object
    let name = NamespacedName(namespace: scaler.metadata.namespace, name: scaler.targetName)
    guard let kind = Workload.Kind(rawValue: scaler.targetKind), kind != .daemonSet,
      let target = workloadID(name, kind: kind)
    else { return tellTrouble(index, "FailedGetScale: no \(scaler.targetKind) \(name)", &out) }
    let current = workloads[target.index].object.replicas
    // Zero replicas are a way to switch an autoscaler off.
    if current == 0, scaler.minReplicas != 0 { return }
    var wanted = current
    if current > scaler.maxReplicas {
      wanted = scaler.maxReplicas
    } else if current < scaler.minReplicas {
      wanted = scaler.minReplicas
    } else {
      guard let members = members(of: target) else {
        return tellTrouble(index, "FailedGetResourceMetric: missing request for cpu", &out)
      }
      let calculator = ReplicaCalculator(
        members: members, target: scaler.targetUtilization, toleranceUp: scaler.scaleUp.tolerance,
        toleranceDown: scaler.scaleDown.tolerance)
      guard let answer = calculator.desired(current: current) else {
        return tellTrouble(index, "FailedGetResourceMetric: no metrics of any ready pod", &out)
      }
      autoscalers[index].utilization = answer.utilization
      wanted = autoscalers[index].pace.next(
        current: current, recommended: answer.replicas, of: scaler, at: now)
    }
    autoscalers[index].lastTrouble = ""
    if wanted != current { rescale(index, target, from: current, to: wanted, &out) }
  }

  private mutating func rescale(
    _ index: Int, _ target: WorkloadID, from current: Int, to wanted: Int, _ out: inout ControlPlaneOutput
  ) {
    autoscalers[index].pace.changed(from: current, to: wanted, at: now)
    workloads[target.index].object.replicas = wanted
    let name = autoscalers[index].object.metadata.namespacedName
    let reason = autoscalers[index].utilization.map { ", cpu \($0) % of the request" } ?? ""
    log("horizontalpodautoscaler/\(name)", "rescaled", "\(current) -> \(wanted)\(reason)", &out)
    queueSync(target, &out)
  }

  private mutating func tellTrouble(_ index: Int, _ text: String, _ out: inout ControlPlaneOutput) {
    guard autoscalers[index].lastTrouble != text else { return }
    autoscalers[index].lastTrouble = text
    let name = autoscalers[index].object.metadata.namespacedName
    log("horizontalpodautoscaler/\(name)", "no decision", text, &out)
  }

  /// The target's pods as the calculator wants them; nil: one has no cpu request.
  private func members(of target: WorkloadID) -> [ReplicaCalculator.Member]? {
    let selector = workloads[target.index].object.selector
    var members: [ReplicaCalculator.Member] = []
    for pod in store.pods(in: workloads[target.index].name.namespace)
    where selector.matches(pods[pod.index].labels) {
      let object = store.pod(pod)!
      guard let request = object.spec.scheduling.cpuMillis, request > 0 else { return nil }
      var member = ReplicaCalculator.Member(usage: currentUsage(pod)?.millis, request: request)
      member.isIgnored = object.metadata.deletionTimestamp != nil || object.status.phase == .failed
      member.isUnready = object.status.phase == .pending || isTooYoung(pod, object)
      members.append(member)
    }
    return members
  }

  private func currentUsage(_ pod: PodID) -> PodUsage? {
    // The metrics API serves nothing of a pod that the last scrapes did not find.
    guard let usage = usages[pod], now - usage.scraped <= Self.metricResolution * 2 else { return nil }
    return usage
  }

  /// Its metrics may be those of its start-up (groupPods).
  private func isTooYoung(_ pod: PodID, _ object: Pod) -> Bool {
    guard let usage = currentUsage(pod), usage.millis != nil else { return false }
    let started = object.metadata.creationTimestamp
    if now < started + Self.cpuInitialization {
      guard object.status.isReady, let ready = pods[pod.index].readySince else { return true }
      return usage.scraped < ready + Self.metricResolution
    }
    guard !object.status.isReady else { return false }
    return pods[pod.index].lastReady.map { started + Self.initialReadinessDelay > $0 } ?? true
  }
}
