// SPDX-License-Identifier: GPL-3.0-or-later
//
// docs/seed.md promises that commands print certain tables: each `$ sim get …` in it is worked out here from its
// scenario, by the control plane at t = 0 and the deletions that the scenario has until then.

import Cluster
import Foundation
import NetworkTypes
import SimKernel
import Testing

@testable import Scenario

/// One `$ sim get …` with what it prints.
struct SeedCommand: Sendable, CustomTestStringConvertible {
  var query: KubectlQuery
  var scenario: String
  var at: SimTime
  var isWide: Bool
  var isYAML: Bool
  var line: String
  var expected: String
  var testDescription: String { line }

  static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  static func all() throws -> [SeedCommand] {
    let document = repository.appendingPathComponent("docs/seed.md")
    var commands: [SeedCommand] = []
    var isInside = false
    for line in try String(contentsOf: document, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      if line.hasPrefix("```") {
        isInside = false
      } else if line.hasPrefix("$ sim get ") {
        commands.append(try SeedCommand(String(line)))
        isInside = true
      } else if line.hasPrefix("$ ") {
        isInside = false
      } else if isInside {
        commands[commands.count - 1].expected += line + "\n"
      }
    }
    return commands
  }

  init(_ line: String) throws {
    var words = line.split(separator: " ").dropFirst(3).map(String.init)
    var namespace: String?
    var isAll = false
    (at, isWide, isYAML) = (.zero, false, false)
    func value(after word: String) throws -> String? {
      guard let index = words.firstIndex(of: word) else { return nil }
      let value = try #require(index + 1 < words.count ? words[index + 1] : nil)
      words.removeSubrange(index...index + 1)
      return value
    }
    if let time = try value(after: "--at") { at = .zero + (try #require(GoDuration.parse(time))) }
    namespace = try value(after: "-n")
    switch try value(after: "-o") {
    case "wide": isWide = true
    case "yaml": isYAML = true
    default: break
    }
    if let index = words.firstIndex(of: "-A") {
      words.remove(at: index)
      isAll = true
    }
    #expect(words.count == 2, "\(line)")
    query = try #require(KubectlQuery(argument: words[0], namespace: namespace, allNamespaces: isAll))
    scenario = words[1]
    self.line = line
    expected = ""
  }
}

@Suite struct SeedDocumentTests {
  @Test("each command of docs/seed.md prints what stands below it", arguments: try SeedCommand.all())
  func commands(_ command: SeedCommand) throws {
    let path = SeedCommand.repository.appendingPathComponent(command.scenario).path
    let scenario = try ScenarioLoader.load(path: path, manifestReader: ManifestDecoder())
    var objects = scenario.objects
    for event in scenario.events where event.at <= command.at {
      guard case .delete(.service, let name) = event.action else { continue }
      objects.removeAll {
        if case .service(let service) = $0 { service.metadata.namespacedName == name } else { false }
      }
    }
    let plane = try ControlPlane(settings: scenario.cluster, objects: objects, seed: scenario.seed)
    var view = plane.apiView()
    view.now = command.at
    let text =
      command.isYAML
      ? KubectlYAML.render(command.query, view: view)
      : KubectlTable.render(command.query, view: view, wide: command.isWide)
    #expect(text == command.expected)
  }

  @Test("the document holds every table of the original text")
  func isComplete() throws {
    let printed = try SeedCommand.all().map(\.expected).joined()
    for row in [
      "test-app   ClusterIP   10.96.211.114   <none>        9000/TCP   47s\n",
      "test-app   <none>      2m3s\n",
      "test-app-no-selector   ClusterIP   10.96.183.199   <none>        30050/TCP   98s\n",
      "test-cip-service   ClusterIP   10.96.211.115   <none>        9000/TCP   35s\n",
      "test-external-ip   ClusterIP   10.96.146.84   80.11.12.10   80/TCP    31s\n",
    ] {
      #expect(printed.contains(row), "\(row)")
    }
  }

  @Test("every scenario and manifest of the original text is read without complaint")
  func scenariosAreValid() throws {
    let folder = SeedCommand.repository.appendingPathComponent("scenarios/seed")
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(files.count == 5)
    for file in files {
      let mistakes = ScenarioLoader.validate(
        path: folder.appendingPathComponent(file).path, manifestReader: ManifestDecoder())
      #expect(mistakes.map(\.description) == [], "\(file)")
    }
  }

  @Test("the addresses of the original text are refused where they cannot be had")
  func refusals() throws {
    let path = SeedCommand.repository.appendingPathComponent("scenarios/seed/load-balancer.json").path
    let mistakes = ScenarioLoader.validate(path: path, overrides: ["cluster.serviceCIDR=10.96.0.0/16"])
    #expect(
      mistakes.map(\.message) == [
        """
        The Service "my-service" is invalid: spec.clusterIPs: Invalid value: ["10.0.171.239"]: failed to \
        allocate IP 10.0.171.239: the provided network does not match the current range
        """
      ])
    #expect(mistakes.first?.position.file.hasSuffix("my_service_loadbalancer.yml") == true)
  }

  @Test("kube-proxy's ConfigMap of the original text limits node ports to 127.0.0.0/8")
  func nodePortAddresses() throws {
    let path = SeedCommand.repository
      .appendingPathComponent("scenarios/seed/nodeport-addresses-from-start.json").path
    let scenario = try ScenarioLoader.load(path: path, manifestReader: ManifestDecoder())
    #expect(scenario.cluster.proxy?.nodePortAddresses == [IPv4CIDR("127.0.0.0/8")!])
    #expect(scenario.cluster.proxy?.clusterCIDR == IPv4CIDR("192.168.20.0/24"))
    #expect(scenario.cluster.nodes.map(\.name).count == 3)
    #expect(scenario.cluster.minorVersion == 24)
  }
}
