// SPDX-License-Identifier: GPL-3.0-or-later

import Foundation
import NetworkTypes
import Testing

@testable import Cluster

/// One file of Golden/errors, as the object that its manifest describes.
struct RefusalCase: Sendable, CustomTestStringConvertible {
  var file: String
  var object: APIObject
  var testDescription: String { file }

  init(_ file: String, _ name: String, hasSelector: Bool = true, _ edit: (inout ServiceSpec) -> Void) {
    var spec = ServiceSpec()
    if hasSelector { spec.selector = ["app": "web"] }
    spec.ports = [ServicePort(80, target: .int(8080))]
    edit(&spec)
    self.file = file
    object = .service(Service(metadata: ObjectMeta(name: name), spec: spec))
  }

  init(_ file: String, slice name: String, address: String) {
    self.file = file
    object = .endpointSlice(
      EndpointSlice(
        metadata: ObjectMeta(name: name, labels: [EndpointSlice.serviceNameLabel: "manual"]),
        endpoints: [Endpoint(addresses: [address])], ports: [EndpointPort(port: 8080)]))
  }

  static let all: [RefusalCase] = [
    RefusalCase("affinity-none-config", "afn") { $0.affinityTimeoutSeconds = 10 },
    RefusalCase("affinity-timeout", "af") {
      $0.sessionAffinity = "ClientIP"
      $0.affinityTimeoutSeconds = 86401
    },
    RefusalCase("bad-name", "1abc_X") { _ in },
    RefusalCase("bad-protocol", "bp") {
      $0.ports = [ServicePort(80)]
      $0.ports[0].protocol = "ICMP"
    },
    RefusalCase("bad-targetport", "btp") {
      $0.ports = [ServicePort(80, target: .string("Bad_Name_that_is_long"))]
    },
    RefusalCase("bad-type", "bt") { $0.type = "Foo" },
    RefusalCase("clusterip-allocated", "cip-dup") { $0.clusterIP = "10.96.211.115" },
    RefusalCase("clusterip-not-ip", "cip-bad") { $0.clusterIP = "10.96.300.1" },
    RefusalCase("clusterip-out-of-range", "cip-oor") { $0.clusterIP = "10.0.171.239" },
    RefusalCase("dup-port-name", "dupn") {
      $0.ports = [ServicePort(80, name: "a"), ServicePort(81, name: "a")]
    },
    RefusalCase("dup-port", "dupp") {
      $0.ports = [ServicePort(80, name: "a"), ServicePort(80, name: "b")]
    },
    RefusalCase("etp-on-clusterip", "etpc") { $0.externalTrafficPolicy = "Local" },
    RefusalCase("externalip-loopback", "xl") { $0.externalIPs = ["127.0.0.1"] },
    RefusalCase("extname-clusterip", "xc", hasSelector: false) {
      $0 = ServiceSpec(externalName: "a.example")
      $0.clusterIP = "10.96.5.5"
    },
    RefusalCase("extname-ip", "xip", hasSelector: false) { $0 = ServiceSpec(externalName: "192.0.2.1") },
    RefusalCase("extname-missing", "xn", hasSelector: false) { $0 = ServiceSpec(externalName: nil) },
    RefusalCase("hcnp-without-local", "hc") {
      $0.type = "LoadBalancer"
      $0.healthCheckNodePort = 30999
    },
    RefusalCase("headless-nodeport", "hnp") {
      $0.type = "NodePort"
      $0.clusterIP = "None"
    },
    RefusalCase("itp-bad", "itpb") { $0.internalTrafficPolicy = "Foo" },
    RefusalCase("lbsr-bad", "lsb") {
      $0.type = "LoadBalancer"
      $0.loadBalancerSourceRanges = ["10.0.0.0/33"]
    },
    RefusalCase("name-digit", "1abc") { _ in },
    RefusalCase("name-long", String(repeating: "a", count: 64)) { _ in },
    RefusalCase("no-ports", "noports") { $0.ports = [] },
    RefusalCase("nodeport-collision", "np-dup") {
      $0.type = "NodePort"
      $0.ports[0].nodePort = 30007
    },
    RefusalCase("nodeport-on-clusterip", "npc") {
      $0.ports = [ServicePort(80)]
      $0.ports[0].nodePort = 30100
    },
    RefusalCase("nodeport-out-of-range", "np-oor") {
      $0.type = "NodePort"
      $0.ports[0].nodePort = 80
    },
    RefusalCase("port-70000", "p7") { $0.ports = [ServicePort(70000)] },
    RefusalCase("port-zero", "p0") { $0.ports = [ServicePort(0)] },
    RefusalCase("slice-loopback", slice: "bad-slice", address: "127.0.0.1"),
    RefusalCase("slice-notip", slice: "bad-slice2", address: "not-an-ip"),
    RefusalCase("td-bad", "tdb") { $0.trafficDistribution = "Nearest" },
    RefusalCase("two-ports-no-name", "twop") { $0.ports = [ServicePort(80), ServicePort(81)] },
  ]
}

extension ServicePort {
  init(_ port: Int, name: String = "", target: IntOrString? = nil, protocol: String? = nil, nodePort: Int = 0)
  {
    self.init()
    self.port = port
    self.name = name
    self.targetPort = target
    self.protocol = `protocol`
    self.nodePort = nodePort
  }
}

extension ServiceSpec {
  init(externalName: String?) {
    self.init()
    type = "ExternalName"
    self.externalName = externalName
  }
}

@Suite struct AdmissionGoldenTests {
  @Test(
    "the answer to each refused or accepted request is the real API server's, byte for byte",
    arguments: RefusalCase.all)
  func answers(_ test: RefusalCase) throws {
    let expected = try GoldenFile.answer(test.file)
    var admission = ServiceAdmission(
      serviceCIDR: IPv4CIDR("10.96.0.0/12")!, nodePortRange: 30000...32767, seed: 1)
    // What the real cluster had at that time: cases 04-chosen-ip and 06-nodeport-30007.
    var chosen = ServiceSpec()
    chosen.clusterIP = "10.96.211.115"
    chosen.ports = [ServicePort(80)]
    _ = try admission.create(Service(metadata: ObjectMeta(name: "chosen"), spec: chosen))
    var fixed = ServiceSpec()
    fixed.type = "NodePort"
    fixed.ports = [ServicePort(80, nodePort: 30007)]
    _ = try admission.create(Service(metadata: ObjectMeta(name: "np-fixed"), spec: fixed))

    var answer: String
    do throws(APIRefusal) {
      switch test.object {
      case .service(let service):
        answer = "service/\(try admission.create(service).metadata.name) created"
      case .endpointSlice(let slice):
        let name = try ObjectValidation.admit(slice).metadata.name
        answer = "endpointslice.discovery.k8s.io/\(name) created"
      default: answer = "not a case of this test"
      }
    } catch {
      answer = error.message
    }
    #expect(answer == expected.text)
  }

  @Test("every file of the golden errors has a case")
  func coversEveryFile() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Golden/errors")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .filter { $0.hasSuffix(".yaml") && !$0.hasSuffix(".result.yaml") }.map { String($0.dropLast(5)) }
    #expect(files.sorted() == RefusalCase.all.map(\.file).sorted())
  }
}
