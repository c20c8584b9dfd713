// SPDX-License-Identifier: GPL-3.0-or-later
//
// Damage is done to the lines that are meant and to no other.

import Testing

@testable import KernelLab

@Suite struct LabDamageTests {
  static func damage(_ service: String) throws -> LabDamage {
    try #require(LabDamage.all.first { $0.service == service })
  }

  @Test func oneServicesProbabilityChanges() throws {
    let own =
      "-A KUBE-SVC-A -m comment --comment \"default/node-port -> 10.244.0.2:8080\" -m statistic --mode random "
      + "--probability 0.33333333349 -j KUBE-SEP-A"
    let other = own.replacing("node-port", with: "node-port-local")
    let result = try Self.damage("node-port").apply(to: own + "\n" + other + "\n", isNftables: false)
    #expect(result.text == own.replacing("0.33333333349", with: "0.6") + "\n" + other + "\n")
    #expect(result.lines == 1)
  }

  @Test func aLineOfOneChainGoes() throws {
    let text = """
      chain external-AAAAAAAA-default/external-ip/tcp/ {
        meta mark set meta mark | 0x00004000 comment "masquerade"
        goto service-AAAAAAAA-default/external-ip/tcp/
      }
      chain external-BBBBBBBB-default/balanced/tcp/ {
        meta mark set meta mark | 0x00004000 comment "masquerade"
        goto service-BBBBBBBB-default/balanced/tcp/
      }
      """
    let result = try Self.damage("external-ip").apply(to: text, isNftables: true)
    #expect(result.lines == 1)
    #expect(result.text.split(separator: "\n").count == 7)
    #expect(result.text.contains("external-BBBBBBBB-default/balanced/tcp/ {\n  meta mark set"))
  }

  @Test(arguments: [true, false])
  func rulesWithoutTheServiceStayAsTheyAre(_ isNftables: Bool) {
    let text = "*nat\n-A KUBE-SERVICES -j KUBE-NODEPORTS\nCOMMIT\n"
    for damage in LabDamage.all {
      let result = damage.apply(to: text, isNftables: isNftables)
      #expect(result.text == text && result.lines == 0)
    }
  }
}
