// SPDX-License-Identifier: GPL-3.0-or-later
//
// Timeouts of the kernel's table as a node's sysctls have them, before kube-proxy writes its own.

import Cluster
import SimKernel

extension ConntrackTimeouts {
  /// The kernel's defaults with what sysctls say otherwise. Where neither they nor kube-proxy say anything,
  /// ESTABLISHED lives 5 days and CLOSE_WAIT 60 s (nf_conntrack-sysctl.rst).
  public init(_ kernel: KernelSettings) {
    self.init()
    established = .hours(120)
    closeWait = .seconds(60)
    for (timeout, value) in kernel.timeouts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      switch timeout {
      case .synSent: synSent = value
      case .synReceived: synReceived = value
      case .established: established = value
      case .finWait: finWait = value
      case .closeWait: closeWait = value
      case .lastAck: lastAck = value
      case .timeWait: timeWait = value
      case .close: close = value
      case .udp: udp = value
      case .udpStream: udpStream = value
      }
    }
  }
}
