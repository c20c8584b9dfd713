// SPDX-License-Identifier: GPL-3.0-or-later

import Cluster
import NetworkTypes
import SimKernel
import Testing
import Traffic

@testable import Scenario

@Suite struct PodLifeRemarkTests {
  private static func file(_ hook: PreStopHook?, minor: Int = 36, preStop: SimDuration? = nil) -> ScenarioFile
  {
    var file = ScenarioFile(name: "t", duration: .seconds(1))
    file.cluster.minorVersion = minor
    var pod = Pod(metadata: ObjectMeta(name: "x", labels: ["app": "web"]), spec: PodSpec())
    pod.spec.containers = [Container(name: "c")]
    pod.spec.containers[0].preStop = hook
    file.objects = [.pod(pod)]
    var server = ServerSettings(name: "web", place: .pods(namespace: "default", labels: ["app": "web"]))
    server.preStop = preStop
    file.servers = [server]
    return file
  }

  @Test(
    arguments: [
      (nil, 36, nil, nil), (.sleep(.seconds(5)), 36, nil, nil), (.command(.seconds(5)), 24, nil, nil),
      (.unknown, 36, nil, "is not known and taken as nothing"),
      (.sleep(.seconds(5)), 29, nil, "1.29 does not know"),
      (.unknown, 36, SimDuration.seconds(3), "replaces the hooks in the manifests of default/x"),
    ] as [(PreStopHook?, Int, SimDuration?, String?)])
  func `a hook that the run treats otherwise is named`(
    hook: PreStopHook?, minor: Int, preStop: SimDuration?, words: String?
  ) {
    let remarks = Self.file(hook, minor: minor, preStop: preStop).podLifeRemarks
    #expect(remarks.count == (words == nil ? 0 : 1))
    if let words { #expect(remarks.first?.contains(words) == true, "\(remarks)") }
  }
}
