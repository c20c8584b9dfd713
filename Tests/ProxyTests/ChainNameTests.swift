// SPDX-License-Identifier: GPL-3.0-or-later
//
// Names and numbers in rule text that are computed: chain names as a real kube-proxy made them, probabilities
// as a real kernel gave them back.

import NetworkTypes
import Testing

@testable import Proxy

@Suite struct ChainNameTests {
  /// Read off golden/cluster/iptables/w1.txt.
  @Test(
    "the hash of a chain's name is that of a real kube-proxy",
    arguments: [
      ("default/web", TransportProtocol.tcp, "", "LOLE4ISW44XBNF3G"),
      ("default/web", .tcp, "10.244.2.21:8080", "5NB4SG2JFRCILZJU"),
      ("default/multi:http", .tcp, "", "ZI7V5MEXJLWC5J7J"),
      ("default/multi:http", .tcp, "10.244.2.22:8080", "3WYSJY74DDQ24JJ2"),
      ("default/multi:dns", .udp, "", "NUYQOHMSGPXXTXNF"),
      ("default/multi:dns", .udp, "10.244.1.21:9053", "TTQU5NWDWOVSMIB5"),
      ("default/kubernetes:https", .tcp, "", "NPX46M4PTMTKRN6Y"),
    ])
  func hash(servicePort: String, transport: TransportProtocol, endpoint: String, hash: String) {
    #expect(iptablesChainHash(servicePort: servicePort, transport: transport, endpoint: endpoint) == hash)
  }

  /// What iptables-save 1.8.9 printed for `--probability` with kube-proxy's ten decimals of 1/n (Linux 6.18).
  /// All n up to 1099 were tried once; these are those in which each rounding step shows.
  @Test(
    "a probability is printed as the kernel gives it back",
    arguments: [
      (2, "0.50000000000"), (3, "0.33333333349"), (4, "0.25000000000"), (5, "0.20000000019"),
      (6, "0.16666666651"), (7, "0.14285714272"), (11, "0.09090909082"), (100, "0.00999999978"),
      (1000, "0.00100000016"), (2048, "0.00048828125"), (4096, "0.00024414062"), (10000, "0.00009999983"),
    ])
  func probability(n: Int, text: String) {
    #expect(IptablesTextWriter.printedProbability(oneIn: n) == text)
  }
}
