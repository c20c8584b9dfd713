// SPDX-License-Identifier: GPL-3.0-or-later
//
// Network paths.

import NetworkTypes
import SimKernel
import Traffic

extension ScenarioDecoder {
  func decodeNetwork() {
    guard let c = root["network"] else { return }
    var n = NetworkSettings()
    assign(durations(c["sameNode"]), to: &n.sameNode)
    assign(durations(c["sameZone"]), to: &n.sameZone)
    assign(durations(c["betweenZones"]), to: &n.betweenZones)
    assign(durations(c["outside"]), to: &n.outside)
    assign(c["loss"]?.number, to: &n.loss)
    assign(c["masqueradePodTraffic"]?.bool, to: &n.masqueradesPodTraffic)
    assign(c["masqueradeRandomFully"]?.bool, to: &n.masqueradesRandomFully)
    assign(c["insertRace"]?.duration, to: &n.insertRace)
    assign(c["outOfWindow"]?.number, to: &n.outOfWindow)
    assign(c["deadPodIP"]?.string.flatMap { DeadAddressAnswer(rawValue: $0) }, to: &n.deadPodIP)
    decodeCosts(c, &n)
    scenario.network = n
  }
}
