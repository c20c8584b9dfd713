// SPDX-License-Identifier: GPL-3.0-or-later

import Cluster
import SimKernel
import SimRandom
import Testing

@testable import Scenario

@Suite struct VersionTests {
  @Test(arguments: ["1.23", "1.38", "2.0", "1.9"]) func aVersionThatIsNotModelledIsAMistake(text: String) {
    guard case .failure(let error) = TestScenario.edited(["kubernetes=\"\(text)\""]) else {
      Issue.record("\(text) was accepted")
      return
    }
    #expect(error.diagnostics.map(\.path) == ["kubernetes"])
    #expect(error.diagnostics.first?.message.contains("\"1.24\" to \"1.37\"") == true)
  }

  @Test(arguments: 24...37) func everyModelledVersionIsAccepted(minor: Int) throws {
    for text in ["1.\(minor)", "v1.\(minor).3"] {
      #expect(try TestScenario.edited(["kubernetes=\"\(text)\""]).get().cluster.minorVersion == minor)
    }
    #expect(ModelledVersions.minors.contains(minor))
  }

  @Test func theEndpointControllersAndWatchesAreRead() throws {
    let file = try TestScenario.edited([
      "cluster.endpointController={\"workers\": 3, \"endpointsPerSlice\": 7, \"batchPeriod\": \"2s\", \"apiQPS\": 5, "
        + "\"apiBurst\": 9, \"writeTime\": \"1ms\", \"ownWatch\": \"3ms\", "
        + "\"mirroring\": {\"workers\": 1, \"endpointsPerSubset\": 8, \"batchPeriod\": \"4s\"}}",
      "cluster.watch={\"timeout\": \"1m\", \"reconnect\": \"5ms\", \"controllersReturn\": \"6s\"}",
      "cluster.nodes[0].proxyWatch=\"2s\"",
    ]).get()
    var expected = EndpointControllerSettings()
    (expected.workers, expected.endpointsPerSlice, expected.batchPeriod) = (3, 7, .seconds(2))
    (expected.apiQPS, expected.apiBurst, expected.writeTime) = (5, 9, .milliseconds(1))
    expected.ownWatch = .constant(0.003)
    expected.mirroring.workers = 1
    expected.mirroring.endpointsPerSubset = 8
    expected.mirroring.batchPeriod = .seconds(4)
    #expect(file.cluster.endpointController == expected)
    #expect(file.cluster.watch.timeout == .minutes(1))
    #expect(file.cluster.watch.reconnect == .constant(0.005))
    #expect(file.cluster.watch.controllersReturn == .constant(6))
    #expect(file.cluster.nodes[0].proxyWatch == .constant(2))
  }

  @Test(arguments: [
    ("{\"at\": \"1s\", \"restartAPIServer\": true}", ClusterAction.apiServerRestart(downFor: .constant(5))),
    (
      "{\"at\": \"1s\", \"failEndpointSync\": \"all\", \"probability\": 0.5}",
      .endpointSyncFailure(nil, probability: 0.5, duration: nil)
    ),
    (
      "{\"at\": \"1s\", \"failEndpointSync\": \"default/web\", \"for\": \"3s\"}",
      .endpointSyncFailure(NamespacedName(name: "web"), probability: 1, duration: .constant(3))
    ),
  ]) func eventsOfTheControlPlaneAreRead(text: String, action: ClusterAction) throws {
    #expect(try TestScenario.edited(["events=[\(text)]"]).get().events.map(\.action) == [action])
  }

  @Test func anUnknownServiceIsAMistake() {
    guard
      case .failure(let error) = TestScenario.edited([
        "events=[{\"at\": \"1s\", \"failEndpointSync\": \"default/wep\"}]"
      ])
    else {
      Issue.record("it was accepted")
      return
    }
    #expect(error.diagnostics.first?.suggestion == "default/web")
  }
}
