// SPDX-License-Identifier: GPL-3.0-or-later
//
// Kubelets, and what pods do by themselves.

import Cluster
import SimKernel
import Traffic

extension ScenarioDecoder {
  func decodeKubelet(_ c: Cursor) {
    var k = KubeletSettings()
    assign(c["relistPeriod"]?.duration, to: &k.relistPeriod)
    assign(c["eventedPLEG"]?.bool, to: &k.isEvented)
    assign(durations(c["statusWrite"]), to: &k.statusWrite)
    assign(c["kubeAPIQPS"]?.integer, to: &k.apiQPS)
    assign(c["kubeAPIBurst"]?.integer, to: &k.apiBurst)
    assign(durations(c["imagePull"]), to: &k.imagePull)
    assign(durations(c["imageCheck"]), to: &k.imageCheck)
    assign(c["serializeImagePulls"]?.bool, to: &k.serializesPulls)
    assign(durations(c["initContainer"]), to: &k.initContainer)
    assign(durations(c["containerStart"]), to: &k.containerStart)
    assign(c["crashLoopBackOff"]?["first"]?.duration, to: &k.crashLoopFirst)
    assign(c["crashLoopBackOff"]?["maxContainerRestartPeriod"]?.duration, to: &k.crashLoopLongest)
    assign(c["shutdownGracePeriod"]?.duration, to: &k.shutdownGracePeriod)
    assign(c["shutdownGracePeriodCriticalPods"]?.duration, to: &k.shutdownGracePeriodCriticalPods)
    if c["withoutReadinessProbe"]?.string == "probed" { k.unprobed = .whenAnswering }
    if let critical = c["shutdownGracePeriodCriticalPods"],
      k.shutdownGracePeriodCriticalPods > k.shutdownGracePeriod
    {
      mistake(critical, "expected at most \"shutdownGracePeriod\", \(k.shutdownGracePeriod)")
    }
    if let longest = c["crashLoopBackOff"]?["maxContainerRestartPeriod"],
      !(SimDuration.seconds(1)...SimDuration.seconds(300)).contains(k.crashLoopLongest)
    {
      mistake(longest, "expected a time from 1s to 300s")
    }
    scenario.cluster.kubelet = k
  }

  /// What a server's pods do beside serving.
  func decodePodLife(_ c: Cursor, _ server: inout ServerSettings) {
    assign(durations(c["startup"]), to: &server.startup)
    guard let flap = c["readiness"]?["flap"], let every = durations(flap["every"]),
      let length = durations(flap["for"])
    else { return }
    refuseZeroInterval(flap["every"], every)
    server.flap = PodBehaviour.Flap(every: every, duration: length)
  }
}
