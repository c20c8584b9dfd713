// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import Testing

@testable import Cluster

@Suite struct ServiceAdmissionTests {
  private func admission(
    cidr: String = "10.96.0.0/12", ports: ClosedRange<Int> = 30000...32767, seed: UInt64 = 1, minor: Int = 36
  ) -> ServiceAdmission {
    ServiceAdmission(serviceCIDR: IPv4CIDR(cidr)!, nodePortRange: ports, seed: seed, minorVersion: minor)
  }

  private func service(_ name: String, _ edit: (inout ServiceSpec) -> Void = { _ in }) -> Service {
    var spec = ServiceSpec()
    spec.selector = ["app": "web"]
    spec.ports = [ServicePort(80)]
    edit(&spec)
    return Service(metadata: ObjectMeta(name: name), spec: spec)
  }

  @Test("a plain Service gets the defaults of FACTS A5 and an address above the static band")
  func defaults() throws {
    var admission = admission()
    let spec = try admission.create(service("web")).spec
    #expect(spec.type == "ClusterIP")
    #expect(spec.sessionAffinity == "None")
    #expect(spec.internalTrafficPolicy == "Cluster")
    #expect(spec.externalTrafficPolicy == nil)
    #expect(spec.ipFamilies == ["IPv4"])
    #expect(spec.ipFamilyPolicy == "SingleStack")
    #expect(spec.ports[0].targetPort == .int(80))
    #expect(spec.ports[0].protocol == "TCP")
    #expect(spec.clusterIPs == [spec.clusterIP])
    let address = try #require(IPv4Address(spec.clusterIP ?? ""))
    #expect(address > IPv4Address("10.96.1.0")!)
    #expect(IPv4CIDR("10.96.0.0/12")!.contains(address))
  }

  @Test("affinity ClientIP lasts three hours unless told otherwise")
  func affinityTimeout() throws {
    var admission = admission()
    let created = try admission.create(service("aff") { $0.sessionAffinity = "ClientIP" })
    #expect(created.spec.affinityTimeoutSeconds == 10800)
  }

  @Test("a headless Service without selector is declared for both families")
  func headlessFamilies() throws {
    var admission = admission()
    let created = try admission.create(
      service("h") {
        $0.clusterIP = "None"
        $0.selector = nil
      })
    #expect(created.spec.ipFamilyPolicy == "RequireDualStack")
    #expect(created.spec.ipFamilies == ["IPv4", "IPv6"])
    #expect(created.spec.clusterIPs == ["None"])
  }

  @Test("the kubernetes Service owns the first address")
  func firstAddress() throws {
    var admission = admission()
    let kubernetes = try admission.create(KubernetesService.service(serviceCIDR: IPv4CIDR("10.96.0.0/12")!))
    #expect(kubernetes.spec.clusterIP == "10.96.0.1")
    #expect(throws: APIRefusal.self) {
      try admission.create(service("thief") { $0.clusterIP = "10.96.0.1" })
    }
    admission.release(kubernetes)
    #expect(throws: APIRefusal.self) {
      try admission.create(service("thief") { $0.clusterIP = "10.96.0.1" })
    }
  }

  @Test(
    "static bands have the published widths",
    arguments: [
      (126, 16), (254, 16), (4094, 255), (65534, 256), (1_048_574, 256), (16, 0), (14, 0),
    ])
  func addressBands(_ size: Int, _ band: Int) { #expect(BandedPool.addressBand(size: size) == band) }

  @Test(
    "node port bands have the published widths", arguments: [(2768, 86), (12768, 128), (200, 16), (16, 0)])
  func portBands(_ size: Int, _ band: Int) { #expect(BandedPool.portBand(size: size) == band) }

  @Test("picks stay above the band until only the band is left, then use it, then the pool is exhausted")
  func bandOrder() throws {
    // /26: 62 usable, band 16, of which the first is the kubernetes Service's.
    var admission = admission(cidr: "10.0.0.0/26")
    var offsets: [Int] = []
    for index in 0..<61 {
      let address = try #require(try admission.create(service("s\(index)")).clusterAddress)
      offsets.append(Int(address.bits & 63))
    }
    #expect(offsets.prefix(46).allSatisfy { (17...62).contains($0) })
    #expect(offsets.dropFirst(46).sorted() == Array(2...16))
    #expect(Set(offsets).count == 61)
    let refusal = #expect(throws: APIRefusal.self) { try admission.create(service("late")) }
    #expect(
      refusal?.message
        == "Error from server (InternalError): Internal error occurred: "
        + "failed to allocate a serviceIP: range is full"
    )
  }

  @Test("node ports are picked above 30085 and shared by the protocols of one port")
  func nodePorts() throws {
    var admission = admission()
    let created = try admission.create(
      service("dns") {
        $0.type = "NodePort"
        $0.ports = [
          ServicePort(53, name: "udp", protocol: "UDP"), ServicePort(53, name: "tcp"),
          ServicePort(80, name: "web"),
        ]
      })
    let ports = created.spec.ports.map(\.nodePort)
    #expect(ports[0] == ports[1])
    #expect(ports[2] != ports[0])
    #expect(ports.allSatisfy { (30086...32767).contains($0) })
    #expect(created.spec.externalTrafficPolicy == "Cluster")
  }

  @Test("LoadBalancer with policy Local gets a health check node port of its own")
  func healthCheckPort() throws {
    var admission = admission()
    let created = try admission.create(
      service("lb") {
        $0.type = "LoadBalancer"
        $0.externalTrafficPolicy = "Local"
      })
    let check = try #require(created.spec.healthCheckNodePort)
    #expect((30086...32767).contains(check))
    #expect(check != created.spec.ports[0].nodePort)
    #expect(created.spec.allocateLoadBalancerNodePorts == true)
  }

  @Test("allocateLoadBalancerNodePorts false leaves the node port out")
  func noNodePorts() throws {
    var admission = admission()
    let created = try admission.create(
      service("lb") {
        $0.type = "LoadBalancer"
        $0.allocateLoadBalancerNodePorts = false
      })
    #expect(created.spec.ports[0].nodePort == 0)
  }

  @Test("a pick depends on seed and name only, not on who was there before")
  func picksAreKeyed() throws {
    var alone = admission()
    var crowded = admission()
    _ = try crowded.create(service("other"))
    let first = try alone.create(service("web")).spec.clusterIP
    #expect(try crowded.create(service("web")).spec.clusterIP == first)
    var reseeded = admission(seed: 2)
    #expect(try reseeded.create(service("web")).spec.clusterIP != first)
  }

  @Test("a released address can be chosen again, and a Service made again draws another one")
  func release() throws {
    var admission = admission()
    let first = try admission.create(service("web"))
    admission.release(first)
    let second = try admission.create(service("web"))
    #expect(second.spec.clusterIP != first.spec.clusterIP)
    let third = try admission.create(service("other") { $0.clusterIP = first.spec.clusterIP })
    #expect(third.spec.clusterIP == first.spec.clusterIP)
  }

  @Test("a refused create leaves the pools as they were")
  func refusalReturnsAddresses() throws {
    var admission = admission()
    _ = try admission.create(
      service("a") {
        $0.type = "NodePort"
        $0.ports[0].nodePort = 30007
      })
    #expect(throws: APIRefusal.self) {
      try admission.create(
        service("b") {
          $0.type = "NodePort"
          $0.clusterIP = "10.96.0.50"
          $0.ports[0].nodePort = 30007
        })
    }
    let again = try admission.create(service("c") { $0.clusterIP = "10.96.0.50" })
    #expect(again.spec.clusterIP == "10.96.0.50")
  }

  @Test("an update keeps what was allocated when the writer leaves it out")
  func updateKeeps() throws {
    var admission = admission()
    let old = try admission.create(
      service("web") {
        $0.type = "LoadBalancer"
        $0.externalTrafficPolicy = "Local"
      })
    let written = service("web") {
      $0.type = "LoadBalancer"
      $0.externalTrafficPolicy = "Local"
      $0.ports = [ServicePort(80, name: "a"), ServicePort(81, name: "b")]
    }
    let new = try admission.update(old: old, new: written)
    #expect(new.spec.clusterIP == old.spec.clusterIP)
    #expect(new.spec.ports[0].nodePort == old.spec.ports[0].nodePort)
    #expect(new.spec.ports[1].nodePort != 0)
    #expect(new.spec.healthCheckNodePort == old.spec.healthCheckNodePort)
  }

  @Test("a changed cluster IP is refused")
  func clusterIPIsImmutable() throws {
    var admission = admission()
    let old = try admission.create(service("web") { $0.clusterIP = "10.96.0.50" })
    let refusal = #expect(throws: APIRefusal.self) {
      try admission.update(old: old, new: service("web") { $0.clusterIP = "10.96.0.51" })
    }
    #expect(
      refusal?.message
        == "The Service \"web\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.0.51\"]: "
        + "may not change once set"
    )
  }

  @Test("NodePort to ClusterIP gives the node port back, to ExternalName also the address")
  func typeChangesRelease() throws {
    var admission = admission()
    let nodePort = try admission.create(
      service("web") {
        $0.type = "NodePort"
        $0.clusterIP = "10.96.0.50"
        $0.ports[0].nodePort = 30007
      })
    var written = nodePort
    written.spec.type = "ClusterIP"
    let clusterIP = try admission.update(old: nodePort, new: written)
    #expect(clusterIP.spec.ports[0].nodePort == 0)
    #expect(clusterIP.spec.clusterIP == "10.96.0.50")
    #expect(clusterIP.spec.externalTrafficPolicy == nil)
    written = clusterIP
    written.spec.type = "ExternalName"
    written.spec.externalName = "db.example.com"
    let external = try admission.update(old: clusterIP, new: written)
    #expect(external.spec.clusterIP == nil)
    let other = try admission.create(
      service("other") {
        $0.type = "NodePort"
        $0.clusterIP = "10.96.0.50"
        $0.ports[0].nodePort = 30007
      })
    #expect(other.spec.ports[0].nodePort == 30007)
    written = external
    written.spec.type = "ClusterIP"
    written.spec.externalName = nil
    #expect(try admission.update(old: external, new: written).clusterAddress != nil)
  }

  @Test("before 1.36 a Service name must start with a letter")
  func olderNames() throws {
    var admission = admission(minor: 35)
    let refusal = #expect(throws: APIRefusal.self) { try admission.create(service("1abc")) }
    #expect(refusal?.message.contains("a DNS-1035 label must consist of") == true)
  }

  @Test(
    "values that VAL refuses are refused at their field",
    arguments: [
      ("externalIPs 0.0.0.0", "spec.externalIPs[0]", "may not be unspecified (0.0.0.0)"),
      (
        "externalIPs 169.254.1.1", "spec.externalIPs[0]",
        "may not be in the link-local range (169.254.0.0/16, fe80::/10)"
      ),
      (
        "externalIPs 224.0.0.5", "spec.externalIPs[0]",
        "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
      ),
      ("kubelet port", "spec.ports[0]", "may not expose port 10250 externally since it is used by kubelet"),
      (
        "source range on ClusterIP", "spec.LoadBalancerSourceRanges",
        "may only be used when `type` is 'LoadBalancer'"
      ),
    ])
  func refusedFields(_ name: String, _ path: String, _ detail: String) throws {
    var admission = admission()
    let refusal = #expect(throws: APIRefusal.self) {
      try admission.create(
        service("x") {
          if name.hasPrefix("externalIPs") { $0.externalIPs = [String(name.dropFirst(12))] }
          if name == "kubelet port" {
            $0.type = "LoadBalancer"
            $0.ports = [ServicePort(10250)]
          }
          if name == "source range on ClusterIP" { $0.loadBalancerSourceRanges = ["10.0.0.0/8"] }
        })
    }
    let cause = try #require(refusal?.causes.first)
    #expect(refusal?.causes.count == 1)
    #expect(cause.hasPrefix(path + ": "))
    #expect(cause.hasSuffix(detail))
  }
}
