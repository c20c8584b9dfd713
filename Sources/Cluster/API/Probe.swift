// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a container of a manifest says about its life: probes, preStop hook, image. Values as the API stores
// them: defaults filled in, mistakes left for ObjectValidation.

import SimKernel

/// A startup, readiness or liveness probe (v1 Probe).
public struct Probe: Sendable, Equatable {
  public enum Handler: String, Sendable, CaseIterable {
    case httpGet, tcpSocket, exec, grpc
  }
  /// Exactly one in a valid probe.
  public var handlers: [Handler]
  public var initialDelay: SimDuration = .zero
  /// Defaults: k/k pkg/apis/core/v1/defaults.go SetDefaults_Probe (FACTS F2).
  public var period: SimDuration = .seconds(10)
  public var timeout: SimDuration = .seconds(1)
  public var successThreshold = 1
  public var failureThreshold = 3
  /// `terminationGracePeriodSeconds`: instead of the pod's when this probe ends the container.
  public var terminationGracePeriod: SimDuration?

  public init(_ handler: Handler) { handlers = [handler] }
  /// As written, with none or several handlers.
  public init(handlers: [Handler]) { self.handlers = handlers }
}

/// What a container does before it gets SIGTERM (v1 LifecycleHandler).
public enum PreStopHook: Sendable, Equatable {
  /// `sleep.seconds`
  case sleep(SimDuration)
  /// `exec.command` that does nothing but `sleep N`.
  case command(SimDuration)
  /// Anything else: how long it takes is not known and taken as nothing.
  case unknown

  public var duration: SimDuration {
    switch self {
    case .sleep(let time), .command(let time): time
    case .unknown: .zero
    }
  }
}

public enum ImagePullPolicy: String, Sendable, CaseIterable {
  case always = "Always"
  case ifNotPresent = "IfNotPresent"
  case never = "Never"
}

public enum RestartPolicy: String, Sendable, CaseIterable {
  case always = "Always"
  case onFailure = "OnFailure"
  case never = "Never"
}

extension Container {
  /// The policy in force: without one, Always for tag `latest` or none, else IfNotPresent
  /// (k/k pkg/apis/core/v1/defaults.go SetDefaults_Container).
  public var effectivePullPolicy: ImagePullPolicy {
    if let imagePullPolicy { return imagePullPolicy }
    if image.contains("@") { return .ifNotPresent }
    let name = image.split(separator: "/").last ?? ""
    let tag = name.split(separator: ":").dropFirst().last
    return tag == nil || tag == "latest" ? .always : .ifNotPresent
  }
}

extension PodSpec {
  /// The preStop hook that decides when the pod's processes get SIGTERM: hooks of several containers run side
  /// by side, and one process stands for all containers, so the longest. From 1.30 on the API server keeps
  /// `sleep` hooks (feature gate PodLifecycleSleepAction, alpha in 1.29, on from 1.30, GA in 1.34), before it
  /// drops the field.
  public func preStop(minorVersion: Int) -> SimDuration? {
    var longest: SimDuration?
    for container in containers {
      guard let hook = container.preStop else { continue }
      if case .sleep = hook, !Behaviours.preStopSleep.value(in: minorVersion) { continue }
      longest = max(longest ?? .zero, hook.duration)
    }
    return longest
  }
}
