// SPDX-License-Identifier: GPL-3.0-or-later
//
// How kube-proxy names the chains of a Service port and its endpoints (FACTS D1).

import Crypto
import NetworkTypes

/// The part of a chain's name that is made from what the chain is for: the first 16 characters of the base32
/// form (RFC 4648) of the SHA-256 digest of Service port name, protocol in small letters and, for an
/// endpoint, its address and port, one after the other without anything between them.
///
/// The Service port name is `namespace/name`, or `namespace/name:port` where the port has a name. As a real
/// kube-proxy named them (golden/cluster/iptables):
///
///     default/web   tcp                    -> LOLE4ISW44XBNF3G  as in KUBE-SVC-LOLE4ISW44XBNF3G
///     default/multi:http tcp               -> ZI7V5MEXJLWC5J7J
///     default/web   tcp 10.244.2.21:8080   -> 5NB4SG2JFRCILZJU  as in KUBE-SEP-5NB4SG2JFRCILZJU
///
/// KUBE-SVC, KUBE-SVL, KUBE-EXT and KUBE-FW chains of one Service port share it.
public func iptablesChainHash(
  servicePort: String, transport: TransportProtocol, endpoint: String = ""
) -> String {
  let digest = SHA256.hash(data: Array((servicePort + transport.name + endpoint).utf8))
  // 16 characters of 5 bits are the first 10 bytes.
  var text = ""
  var bits: UInt32 = 0
  var count: UInt32 = 0
  for byte in digest.prefix(10) {
    bits = bits << 8 | UInt32(byte)
    count += 8
    while count >= 5 {
      count -= 5
      text.unicodeScalars.append(base32Digit(UInt8(bits >> count & 31)))
    }
  }
  return text
}

/// A…Z, then 2…7 (RFC 4648, section 6).
private func base32Digit(_ value: UInt8) -> Unicode.Scalar {
  Unicode.Scalar(value < 26 ? UInt8(ascii: "A") + value : UInt8(ascii: "2") + value - 26)
}
