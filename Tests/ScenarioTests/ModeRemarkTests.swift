// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a mode lacks is said by name, and only where the scenario uses it; settings of Cilium are read and
// wrong ones refused.

import Cluster
import NetworkTypes
import SimKernel
import Testing
import Traffic

@testable import Scenario

struct ModeRemarkTests {
  private static func file(_ change: (inout ServiceSpec) -> Void = { _ in }) -> ScenarioFile {
    var file = ScenarioFile(name: "small", duration: .seconds(10))
    file.cluster.nodes = [NodeSettings(name: "a")]
    var spec = ServiceSpec()
    spec.ports = [ServicePort()]
    spec.ports[0].port = 80
    change(&spec)
    file.objects = [.service(Service(metadata: ObjectMeta(name: "web"), spec: spec))]
    return file
  }

  @Test(arguments: ProxyMode.allCases) func aPlainServiceExistsInEveryMode(_ mode: ProxyMode) {
    #expect(Self.file().modeRemarks(for: [mode]).isEmpty)
  }

  @Test func anAutoscalerWithoutItsDeploymentIsNamed() {
    var file = Self.file()
    file.objects.append(
      .horizontalPodAutoscaler(
        HorizontalPodAutoscaler(
          metadata: ObjectMeta(name: "web"), targetKind: "Deployment", targetName: "wbe", maxReplicas: 3)))
    #expect(
      file.modeRemarks() == [
        "HorizontalPodAutoscaler default/web has nothing to scale: there is no Deployment default/wbe"
      ])
  }

  @Test func anEventAfterTheDurationIsNamed() {
    var file = Self.file()
    for at in [10, 11] {
      file.events.append(TimedAction(at: .zero + .seconds(Int64(at)), action: .apply([])))
    }
    #expect(
      file.modeRemarks() == [
        "events[1] comes after the duration of the run: it happens only if attempts are open then"
      ])
  }

  @Test func sctpIsNamedForCiliumOnly() {
    let file = Self.file { $0.ports[0].protocol = "SCTP" }
    #expect(file.modeRemarks(for: [.iptables, .nftables, .ipvs]).isEmpty)
    #expect(
      file.modeRemarks(for: [.ebpf]) == [
        "mode ebpf: SCTP Services are not programmed, so nothing answers for default/web"
      ])
    // By the modes that the scenario itself has.
    #expect(file.modeRemarks().isEmpty)
    var set = file
    set.setMode(of: .ebpf)
    #expect(set.modeRemarks().count == 1)
  }

  @Test func aServiceThatAnEventBringsCountsToo() {
    var file = Self.file()
    let late = Self.file { $0.ports[0].protocol = "SCTP" }.objects
    file.objects = []
    file.events = [TimedAction(at: .zero + .seconds(1), action: .apply(late))]
    #expect(file.modeRemarks(for: [.ebpf]).count == 1)
  }

  @Test func whatCiliumServesOtherwiseIsNamed() {
    func remarks(_ change: (inout ServiceSpec) -> Void, _ agent: (inout ProxySettings) -> Void = { _ in })
      -> String
    {
      var file = Self.file(change)
      file.setMode(of: .ebpf)
      if var proxy = file.cluster.proxy {
        agent(&proxy)
        file.cluster.proxy = proxy
      }
      return file.modeRemarks().joined(separator: "\n")
    }
    #expect(remarks { $0.externalIPs = ["192.0.2.7"] }.contains("external IPs"))
    #expect(remarks({ $0.externalIPs = ["192.0.2.7"] }) { $0.ebpf.externalIPMitigation = false }.isEmpty)
    #expect(remarks { $0.type = "LoadBalancer" }.contains("taken as set for default/web"))
    #expect(remarks({ $0.type = "LoadBalancer" }) { $0.ebpf.healthz = false }.contains("fail"))
    #expect(remarks { $0.trafficDistribution = "PreferClose" }.contains("serviceTopology"))
    #expect(remarks({ _ in }) { $0.masqueradeAll = true }.contains("masqueradeAll"))
  }

  @Test func loopbackNodePortsAreNamedWhereNobodyServesThem() {
    var file = Self.file { $0.type = "NodePort" }
    file.clients = [
      ClientSettings(
        name: "local", place: .nodes(["a"]), target: .address(IPv4Address("127.0.0.1")!, port: 30001),
        arrivals: .renewal(.constant(1)))
    ]
    for (mode, count) in [(ProxyMode.iptables, 0), (.ebpf, 0), (.nftables, 1), (.ipvs, 1)] {
      #expect(file.modeRemarks(for: [mode]).count == count, "\(mode)")
    }
    file.clients = []
    file.cluster.nodes[0].addresses = [IPv4Address("172.18.0.2")!, IPv4Address("172.18.1.2")!]
    #expect(file.modeRemarks(for: [.nftables]).count == 1)
    #expect(file.modeRemarks(for: [.ipvs]).isEmpty)
  }
}

struct EBPFSettingsTests {
  @Test func everySettingIsRead() throws {
    let file = try TestScenario.edited([
      #"cluster.proxy.mode=ebpf"#,
      #"cluster.proxy.ebpf={"algorithm": "maglev", "maglevTableSize": 65521, "loadBalancerMode": "hybrid"}"#,
      #"cluster.proxy.ebpf.maglevHashSeed=AAAAAAAAAAAAAAAA"#,
      #"cluster.proxy.ebpf.externalClusterIP=true"#, #"cluster.proxy.ebpf.serviceTopology=true"#,
      #"cluster.proxy.ebpf.externalIPMitigation=false"#, #"cluster.proxy.ebpf.noBackendResponse=drop"#,
      #"cluster.proxy.ebpf.terminatesSockets=false"#, #"cluster.proxy.ebpf.healthz=false"#,
      #"cluster.proxy.ebpf.reflectorWaitTime=1s"#, #"cluster.proxy.ebpf.reconcileTime=2s"#,
      #"cluster.proxy.ebpf.mapSizes={"services": 1, "backends": 2, "affinity": 3, "conntrackTCP": 4}"#,
      #"cluster.proxy.ebpf.mapSizes.conntrackOther=5"#, #"cluster.proxy.ebpf.mapSizes.nat=6"#,
      #"cluster.proxy.ebpf.ctTimeouts={"tcp": "7s", "tcpSyn": "8s", "tcpFin": "9s", "other": "10s"}"#,
    ]).get()
    var expected = EBPFSettings()
    expected.algorithm = .maglev
    expected.maglevTableSize = 65521
    expected.forwarding = .hybrid
    expected.maglevHashSeed = "AAAAAAAAAAAAAAAA"
    expected.externalClusterIP = true
    expected.serviceTopology = true
    expected.externalIPMitigation = false
    expected.noBackendResponse = .drop
    expected.terminatesSockets = false
    expected.healthz = false
    expected.reflectorWaitTime = .seconds(1)
    expected.reconcileTime = .seconds(2)
    expected.maps.services = 1
    expected.maps.backends = 2
    expected.maps.affinity = 3
    expected.maps.conntrackTCP = 4
    expected.maps.conntrackOther = 5
    expected.maps.nat = 6
    expected.conntrack.tcp = .seconds(7)
    expected.conntrack.tcpSyn = .seconds(8)
    expected.conntrack.tcpFin = .seconds(9)
    expected.conntrack.other = .seconds(10)
    #expect(file.cluster.proxy?.ebpf == expected)
  }

  @Test(arguments: [
    ("maglevTableSize=16384", "expected one of 251, 509, 1021"), ("maglevTableSize=7", "251"),
    ("maglevHashSeed=short", "12 bytes in base64"), ("algorithm=maglv", "maglev"),
    ("loadBalancerMode=nat", "snat"), ("mapSizes.services=0", "1"), ("ctTimeouts.tcp=0s", "ctTimeouts.tcp"),
  ]) func wrongSettingsAreRefused(_ edit: String, _ expected: String) {
    let lines = TestScenario.mistakes(TestScenario.text, overrides: ["cluster.proxy.ebpf." + edit])
    #expect(lines.count == 1 && lines[0].contains(expected), "\(lines)")
  }
}
