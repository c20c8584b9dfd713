// SPDX-License-Identifier: GPL-3.0-or-later
//
// FACTS I3: the cases of upstream's TestCategorizeEndpoints in their newer interpretation (the hints
// annotation is ignored, terminating endpoints are always used), and PreferSameNode/PreferSameZone cases.

import SimKernel
import Testing

@testable import Proxy

/// One endpoint: "name conditions place hints", e.g. `a R n1 z:a` or `b T - n:n1,n2 z:b`.
private struct SelectionCase: CustomTestStringConvertible {
  var number: String
  var idea: String
  var node = "n0"
  var zone: String? = "zone-a"
  var external = "Cluster"
  var isInternalLocal = false
  var isExternallyAccessible = false
  var endpoints: [String]
  /// nil: the set is not used.
  var cluster: String?
  var local: String?
  var hasAny = true
  var testDescription: String { "\(number) \(idea)" }
}

private let hinted = ["a R - z:zone-a", "b R - z:zone-b", "c R - z:zone-c", "d R - z:zone-a"]

private func hintCase(
  _ number: String, _ idea: String, zone: String? = "zone-a", _ endpoints: [String], _ cluster: String
) -> SelectionCase {
  SelectionCase(number: number, idea: idea, zone: zone, endpoints: endpoints, cluster: cluster)
}

/// Hints: the annotation's values of cases 1-4, 10 and 13-15 make no difference any more.
private let hintCases: [SelectionCase] = [
  hintCase("1", "hints, annotation auto", hinted, "a d"),
  hintCase("2", "hints, annotation disabled", hinted, "a d"),
  hintCase("3", "hints, annotation aUto", hinted, "a d"),
  hintCase("4", "hints, annotation empty", hinted, "a d"),
  SelectionCase(
    number: "5", idea: "eTP Local with hints: the local set is not filtered", external: "Local",
    isExternallyAccessible: true,
    endpoints: ["a R n0 z:zone-b", "b R n1 z:zone-a", "c R n1 z:zone-b"], cluster: "b", local: "a"),
  SelectionCase(
    number: "6", idea: "iTP Local with hints", external: "Cluster", isInternalLocal: true,
    isExternallyAccessible: true,
    endpoints: ["a R n0 z:zone-b", "b R n1 z:zone-a", "c R n1 z:zone-b"], cluster: "b", local: "a"),
  hintCase("7", "node without zone label", zone: nil, hinted, "a b c d"),
  hintCase("8", "node with an empty zone label", zone: "", hinted, "a b c d"),
  hintCase("9", "no endpoint hinted to our zone", zone: "zone-x", hinted, "a b c d"),
  hintCase("10", "hints, annotation Auto", hinted, "a d"),
  hintCase(
    "11", "one endpoint of our zone is unready",
    ["a R - z:zone-a", "b R - z:zone-b", "c R - z:zone-c", "d U - z:zone-a"], "a"),
  hintCase(
    "12", "only unready endpoints in our zone",
    ["a U - z:zone-a", "b R - z:zone-b", "c R - z:zone-c", "d U - z:zone-a"], "b c"),
  hintCase("13", "hints, annotation auto on the deprecated key", hinted, "a d"),
  hintCase("14", "deprecated key, disabled", hinted, "a d"),
  hintCase("15", "deprecated key, aUto", hinted, "a d"),
  hintCase("16", "one endpoint without hint", ["a R - z:zone-a", "b R -", "c R - z:zone-c"], "a b c"),
  hintCase(
    "17", "several zones per hint", zone: "zone-c",
    ["a R - z:zone-a", "b R - z:zone-b,zone-c", "c R - z:zone-c", "d R - z:zone-a,zone-b"], "b c"),
  SelectionCase(
    number: "18", idea: "both policies Local with hints", external: "Local", isInternalLocal: true,
    isExternallyAccessible: true,
    endpoints: ["a R n0 z:zone-b", "b R n1 z:zone-a", "c R n1 z:zone-b"], cluster: "b", local: "a"),
]

private func policyCase(
  _ number: String, _ idea: String, internalLocal: Bool = false, external: String = "Cluster",
  isExternal: Bool = false, _ endpoints: [String], cluster: String? = nil, local: String? = nil,
  hasAny: Bool = true
) -> SelectionCase {
  SelectionCase(
    number: number, idea: idea, external: external, isInternalLocal: internalLocal,
    isExternallyAccessible: isExternal, endpoints: endpoints, cluster: cluster, local: local, hasAny: hasAny)
}

private let policyCases: [SelectionCase] = [
  policyCase("19", "iTP Local, no endpoints", internalLocal: true, [], local: "", hasAny: false),
  policyCase("20", "iTP Local, all remote", internalLocal: true, ["a R n1", "b R n2"], local: ""),
  policyCase("21", "iTP Local, all local", internalLocal: true, ["a R n0", "b R n0"], local: "a b"),
  policyCase("22", "iTP Local, some local", internalLocal: true, ["a R n0", "b R n1"], local: "a"),
  policyCase("23", "Cluster, none ready", ["a U n0", "b U n1"], cluster: "", hasAny: false),
  policyCase("24", "Cluster, one ready", ["a U n0", "b R n1"], cluster: "b"),
  policyCase("25", "all serving and terminating", ["a T n0", "b T n1"], cluster: "a b"),
  policyCase("26", "all terminating, none serving", ["a X n0", "b X n1"], cluster: "", hasAny: false),
  policyCase(
    "27", "iTP Local, eTP Cluster", internalLocal: true, isExternal: true, ["a R n0", "b R n1"],
    cluster: "a b", local: "a"),
  policyCase(
    "28", "iTP Cluster, eTP Local", external: "Local", isExternal: true, ["a R n0", "b R n1"],
    cluster: "a b", local: "a"),
  policyCase(
    "29", "both Local", internalLocal: true, external: "Local", isExternal: true, ["a R n0", "b R n1"],
    cluster: "a b", local: "a"),
  policyCase(
    "30", "both Local, all remote", internalLocal: true, external: "Local", isExternal: true,
    ["a R n1", "b R n2"], cluster: "a b", local: ""),
  policyCase(
    "31", "both Local, all remote, not serving", internalLocal: true, external: "Local", isExternal: true,
    ["a X n1", "b X n2"], cluster: "", local: "", hasAny: false),
  policyCase(
    "32", "both Local, all remote and terminating", internalLocal: true, external: "Local", isExternal: true,
    ["a T n1", "b T n2"], cluster: "a b", local: ""),
  policyCase(
    "33", "remote ready, local not serving, remote terminating", external: "Local", isExternal: true,
    ["a R n1", "b X n0", "c T n1"], cluster: "a", local: ""),
  policyCase(
    "34", "remote ready, local not serving, local and remote terminating", external: "Local",
    isExternal: true,
    ["a R n1", "b X n0", "c T n0", "d T n1"], cluster: "a", local: "c"),
  policyCase(
    "35", "eTP Local, not externally accessible", external: "Local", ["a R n0", "b R n1"], cluster: "a b"),
  policyCase("36", "iTP Local, internal only", internalLocal: true, ["a R n0", "b R n1"], local: "a"),
]

private let preferenceCases: [SelectionCase] = [
  hintCase(
    "N1", "PreferSameNode: an endpoint on this node",
    ["a R n0 n:n0 z:zone-a", "b R n1 n:n1 z:zone-a", "c R n2 n:n2 z:zone-b"], "a"),
  hintCase(
    "N2", "PreferSameNode: none here, the zone is next",
    ["b R n1 n:n1 z:zone-a", "c R n2 n:n2 z:zone-b"], "b"),
  hintCase(
    "N3", "PreferSameNode: none here, none in the zone",
    ["c R n2 n:n2 z:zone-b", "d R n3 n:n3 z:zone-c"], "c d"),
  hintCase(
    "N4", "one endpoint without node hint: the zone decides",
    ["a R n0 n:n0 z:zone-a", "b R n1 z:zone-a", "c R n2 n:n2 z:zone-b"], "a b"),
  hintCase(
    "N5", "the endpoint on this node is unready",
    ["a U n0 n:n0 z:zone-a", "b R n1 n:n1 z:zone-a", "c R n2 n:n2 z:zone-b"], "b"),
  hintCase(
    "N6", "an unready endpoint without hints does not switch hints off",
    ["a R n0 n:n0 z:zone-a", "b U n1", "c R n2 n:n2 z:zone-b"], "a"),
  hintCase(
    "N7", "only terminating endpoints: hints are ignored",
    ["a T n0 n:n0 z:zone-a", "b T n1 n:n1 z:zone-b"], "a b"),
  hintCase("Z1", "PreferSameZone", ["a R n1 z:zone-a", "b R n2 z:zone-b"], "a"),
  hintCase(
    "Z2", "terminating endpoints are no candidates while one is ready elsewhere",
    ["a T n0 z:zone-a", "b R n2 z:zone-b"], "b"),
]

@Suite struct EndpointSelectionTests {
  private struct Built {
    var records: [EndpointRecord] = []
    var names: [String] = []
    var hints = Interner<EndpointHints>()
    var nodes = Interner<String>()
    var zones = Interner<String>()
  }

  private static func build(_ lines: [String]) -> Built {
    var built = Built()
    _ = built.nodes("")
    _ = built.zones("")
    _ = built.hints(EndpointHints())
    for line in lines {
      let words = line.split(separator: " ").map(String.init)
      var hint = EndpointHints()
      for word in words.dropFirst(3) {
        let names = word.dropFirst(2).split(separator: ",").map(String.init)
        if word.hasPrefix("z:") {
          hint.zones = names.map { NameIndex(rawValue: built.zones($0)) }
        } else {
          hint.nodes = names.map { NameIndex(rawValue: built.nodes($0)) }
        }
      }
      let conditions: EndpointConditions =
        switch words[1] {
        case "R": [.ready, .serving]
        case "T": [.serving, .terminating]
        case "X": [.terminating]
        default: []
        }
      built.records.append(
        EndpointRecord(
          backend: BackendID(built.names.count),
          node: NameIndex(rawValue: words[2] == "-" ? 0 : built.nodes(words[2])),
          hints: built.hints(hint), conditions: conditions))
      built.names.append(words[0])
    }
    return built
  }

  @Test(arguments: hintCases + policyCases + preferenceCases)
  fileprivate func categoriesAreUpstreams(_ test: SelectionCase) {
    var built = Self.build(test.endpoints)
    let spec = PortSpec(
      servicePort: ServicePortID(0), transport: .tcp, port: 80,
      nodePort: test.isExternallyAccessible ? 30000 : 0,
      clusterIP: address("172.30.0.1"), externalIPs: [], loadBalancerVIPs: [], sourceRanges: [],
      healthCheckNodePort: 0,
      isExternalPolicyLocal: test.isExternallyAccessible && test.external == "Local",
      isInternalPolicyLocal: test.isInternalLocal, affinity: .zero)
    let place = Locality(
      node: NameIndex(rawValue: built.nodes(test.node)),
      zone: NameIndex(rawValue: built.zones(test.zone ?? "")))
    let selection = EndpointSelection(
      usesClusterEndpoints: spec.usesClusterEndpoints, usesLocalEndpoints: spec.usesLocalEndpoints,
      hints: built.hints.values)
    let choice = selection.choose(built.records, from: place)
    func names(_ ids: [BackendID]) -> String { ids.map { built.names[$0.index] }.joined(separator: " ") }
    #expect(spec.usesClusterEndpoints == (test.cluster != nil))
    #expect(spec.usesLocalEndpoints == (test.local != nil))
    #expect(names(choice.cluster) == test.cluster ?? "")
    #expect(names(choice.local) == test.local ?? "")
    #expect(choice.hasAnyEndpoints == test.hasAny)
  }

  @Test func thereAreAllOfUpstreamsCases() {
    let numbers = (hintCases + policyCases).map(\.number)
    #expect(numbers == (1...36).map(String.init))
  }

  @Test func selectionSaysWhenPlacesDiffer() {
    func depends(_ lines: [String], local: Bool = false) -> Bool {
      let built = Self.build(lines)
      return EndpointSelection(
        usesClusterEndpoints: true, usesLocalEndpoints: local, hints: built.hints.values
      ).dependsOnPlace(built.records)
    }
    #expect(!depends(["a R n0", "b R n1"]))
    #expect(depends(["a R n0", "b R n1"], local: true))
    #expect(depends(["a R n0 z:zone-a", "b R n1 z:zone-b"]))
    #expect(!depends(["a R n0 z:zone-a", "b R n1"]))
    #expect(!depends(["a T n0 z:zone-a"]))
  }
}
