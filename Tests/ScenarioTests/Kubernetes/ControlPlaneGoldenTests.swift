// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a manifest to what the API then holds: admission and the endpoint controllers against a real cluster.

import Cluster
import Foundation
import NetworkTypes
import SimKernel
import Testing

@testable import Scenario

@Suite struct ControlPlaneGoldenTests {
  static let errorFolder = KubernetesGolden.folder.deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("ClusterTests/Golden/errors")
  static let errorFiles: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: errorFolder.path)) ?? [])
    .filter { $0.hasSuffix(".yaml") && !$0.hasSuffix(".result.yaml") }.sorted()

  @Test("each golden manifest, read and admitted, gets the real API server's answer", arguments: errorFiles)
  func answers(_ file: String) throws {
    let manifest = try String(contentsOf: Self.errorFolder.appendingPathComponent(file), encoding: .utf8)
    let name = file.dropLast(".yaml".count)
    let answer = try String(
      contentsOf: Self.errorFolder.appendingPathComponent(name + ".txt"), encoding: .utf8)
    let (contents, diagnostics) = try KubernetesGolden.read(text: manifest, file: file)
    #expect(diagnostics.isEmpty)
    let object = try #require(contents.objects.first)
    var admission = try Self.filledAdmission()
    var message: String
    do throws(APIRefusal) {
      switch object {
      case .service(let service): message = "service/\(try admission.create(service).metadata.name) created"
      case .endpointSlice(let slice):
        message = "endpointslice.discovery.k8s.io/\(try ObjectValidation.admit(slice).metadata.name) created"
      default: message = "unexpected kind"
      }
    } catch {
      message = error.message
    }
    #expect(answer.contains("\n" + message + "\nrc="))
  }

  /// An API server that already has the golden cluster's fixed address and port.
  static func filledAdmission() throws -> ServiceAdmission {
    var admission = ServiceAdmission(
      serviceCIDR: IPv4CIDR("10.96.0.0/12")!, nodePortRange: 30000...32767, seed: 7)
    for file in ["cases/04-chosen-ip/manifest.yaml", "cases/06-nodeport-30007/manifest.yaml"] {
      for case .service(let service) in try KubernetesGolden.objects(file) {
        _ = try admission.create(service)
      }
    }
    return admission
  }

  @Test(
    "admitted Services are the real ones but for what was drawn",
    arguments: KubernetesGolden.caseFiles("svc-", ".yaml"))
  func services(_ file: String) throws {
    guard case .service(let real) = try #require(try KubernetesGolden.objects("cases/" + file).first) else {
      Issue.record("no Service in \(file)")
      return
    }
    let folder = file.split(separator: "/")[0]
    let written = try KubernetesGolden.objects("cases/\(folder)/manifest.yaml").compactMap { object in
      if case .service(let service) = object, service.metadata.name == real.metadata.name {
        service
      } else {
        nil
      }
    }
    var admission = ServiceAdmission(
      serviceCIDR: IPv4CIDR("10.96.0.0/12")!, nodePortRange: 30000...32767, seed: 7)
    var admitted = try admission.create(try #require(written.first))
    #expect((admitted.clusterAddress == nil) == (real.clusterAddress == nil))
    // Drawn at random in both, or written by the load balancer:
    if let wanted = written.first?.spec.clusterIP { #expect(admitted.spec.clusterIP == wanted) }
    admitted.spec.clusterIP = real.spec.clusterIP
    admitted.spec.clusterIPs = real.spec.clusterIPs
    #expect(admitted.spec.ports.map { $0.nodePort == 0 } == real.spec.ports.map { $0.nodePort == 0 })
    for index in admitted.spec.ports.indices {
      admitted.spec.ports[index].nodePort = real.spec.ports[index].nodePort
    }
    #expect((admitted.spec.healthCheckNodePort == nil) == (real.spec.healthCheckNodePort == nil))
    admitted.spec.healthCheckNodePort = real.spec.healthCheckNodePort
    #expect(admitted.spec == real.spec)
  }

  @Test(
    "slices made from pods are the real ones", arguments: try ControlPlaneGoldenTests.servicesWithSlices())
  func slices(_ name: String) throws {
    let view = try KubernetesGolden.cluster(now: .zero)
    let service = try #require(view.services.first { $0.metadata.name == name })
    let nodes = Dictionary(uniqueKeysWithValues: view.nodes.map { ($0.metadata.name, $0) })
    let pods = view.pods.enumerated().map { (pod: $0.element, id: PodID($0.offset)) }
    let real = view.slices.filter { $0.serviceName?.name == name }
    var made: [EndpointSlice]
    if EndpointSliceReconciler.manages(service) {
      made = EndpointSliceReconciler.reconcile(service: service, pods: pods, nodes: nodes, existing: [])
    } else {
      let endpoints = view.endpoints.first { $0.metadata.name == name }
      made = EndpointsMirroring.reconcile(endpoints: endpoints, service: service, existing: [])
    }
    #expect(made.map(Self.comparable) == real.map(Self.comparable))
    // Given the real slices, nothing is to be done.
    if EndpointSliceReconciler.manages(service) {
      made = EndpointSliceReconciler.reconcile(service: service, pods: pods, nodes: nodes, existing: real)
      #expect(made.map(Self.comparable) == real.map(Self.comparable))
      #expect(made.map(\.metadata) == real.map(\.metadata))
    }
  }

  /// Services whose slices a controller made.
  static func servicesWithSlices() throws -> [String] {
    try KubernetesGolden.cluster(now: .zero).slices
      .filter { $0.metadata.labels[EndpointSlice.managedByLabel] != nil }.compactMap { $0.serviceName?.name }
  }

  /// Without names and numbers that are drawn, and with endpoints in an order (theirs is arbitrary).
  static func comparable(_ slice: EndpointSlice) -> EndpointSlice {
    var slice = slice
    slice.endpoints.sort { $0.addresses[0] < $1.addresses[0] }
    for index in slice.endpoints.indices { slice.endpoints[index].pod = nil }
    slice.metadata.name = String(slice.metadata.name.dropLast(5))
    slice.metadata.uid = ""
    slice.metadata.resourceVersion = .zero
    slice.metadata.creationTimestamp = .zero
    slice.metadata.generation = 0
    slice.metadata.annotations["endpoints.kubernetes.io/last-change-trigger-time"] = nil
    return slice
  }

  @Test("Endpoints made from pods are the real ones")
  func endpoints() throws {
    let view = try KubernetesGolden.cluster(now: .zero)
    var compared = 0
    for service in view.services where EndpointSliceReconciler.manages(service) {
      let real = try #require(view.endpoints.first { $0.metadata.name == service.metadata.name })
      let made = EndpointsReconciler.reconcile(service: service, pods: view.pods, existing: nil)
      #expect(made?.subsets == real.subsets)
      #expect(made?.metadata.labels == real.metadata.labels)
      compared += 1
    }
    #expect(compared >= 20)
  }

  @Test("what the API server publishes about itself is the real thing")
  func kubernetesService() throws {
    let view = try KubernetesGolden.cluster(now: .zero)
    let cidr = IPv4CIDR("10.96.0.0/12")!
    let real = try #require(view.services.first { $0.metadata.name == "kubernetes" })
    #expect(KubernetesService.service(serviceCIDR: cidr).spec == real.spec)
    #expect(KubernetesService.service(serviceCIDR: cidr).metadata.labels == real.metadata.labels)
    let servers = [IPv4Address("172.18.0.2")!]
    let slice = try #require(view.slices.first { $0.metadata.name == "kubernetes" })
    #expect(KubernetesService.slice(apiServers: servers).endpoints == slice.endpoints)
    #expect(KubernetesService.slice(apiServers: servers).metadata.labels == slice.metadata.labels)
    let endpoints = try #require(view.endpoints.first { $0.metadata.name == "kubernetes" })
    #expect(KubernetesService.endpoints(apiServers: servers).subsets == endpoints.subsets)
  }
}
