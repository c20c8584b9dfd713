// SPDX-License-Identifier: GPL-3.0-or-later
//
// The few socket calls that the lab makes: IPv4, TCP and UDP, never blocking.

#if os(Linux)
  import Foundation
  import NetworkTypes

  enum Socket {
    /// A socket of the calling thread's namespace.
    static func open(_ transport: TransportProtocol) throws -> Int32 {
      let kind = transport == .udp ? SOCK_DGRAM : SOCK_STREAM
      let fd = socket(
        AF_INET, Int32(kind.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
      guard fd >= 0 else { throw LabError.system(call: "socket", code: errno) }
      return fd
    }

    static func native(_ end: LabEnd) -> sockaddr_in {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = end.address.bits.bigEndian
      address.sin_port = end.port.bigEndian
      return address
    }

    static func end(_ address: sockaddr_in) -> LabEnd {
      LabEnd(
        IPv4Address(bits: UInt32(bigEndian: address.sin_addr.s_addr)), UInt16(bigEndian: address.sin_port))
    }

    private static func pointing<Result>(
      to address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
    ) -> Result {
      withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
      }
    }

    private static var length: socklen_t { socklen_t(MemoryLayout<sockaddr_in>.size) }

    /// 0, or the errno.
    static func connect(_ fd: Int32, _ end: LabEnd) -> Int32 {
      var address = native(end)
      return pointing(to: &address) { Foundation.connect(fd, $0, length) } == 0 ? 0 : errno
    }

    /// 0, or the errno.
    static func bind(_ fd: Int32, _ end: LabEnd) -> Int32 {
      var address = native(end)
      return pointing(to: &address) { Foundation.bind(fd, $0, length) } == 0 ? 0 : errno
    }

    static func accept(_ fd: Int32) -> (Int32, LabEnd)? {
      var address = sockaddr_in()
      var size = length
      let new = pointing(to: &address) { Foundation.accept(fd, $0, &size) }
      guard new >= 0 else { return nil }
      _ = fcntl(new, F_SETFL, O_NONBLOCK)
      _ = fcntl(new, F_SETFD, FD_CLOEXEC)
      return (new, end(address))
    }

    /// The sender of the next datagram, which is taken off the queue.
    static func receiveFrom(_ fd: Int32, _ buffer: inout [UInt8]) -> LabEnd? {
      var address = sockaddr_in()
      var size = length
      let count = pointing(to: &address) { recvfrom(fd, &buffer, buffer.count, 0, $0, &size) }
      return count >= 0 ? end(address) : nil
    }

    static func send(_ fd: Int32, _ text: String, to end: LabEnd) {
      var address = native(end)
      let bytes = Array(text.utf8)
      _ = pointing(to: &address) { sendto(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length) }
    }

    /// Bytes sent, or minus the errno.
    static func send(_ fd: Int32, _ text: String) -> Int {
      let bytes = Array(text.utf8)
      let count = Foundation.send(fd, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      return count >= 0 ? count : -Int(errno)
    }

    /// Bytes received, or minus the errno.
    static func receive(_ fd: Int32, _ buffer: inout [UInt8]) -> Int {
      let count = recv(fd, &buffer, buffer.count, 0)
      return count >= 0 ? count : -Int(errno)
    }

    static func pendingError(_ fd: Int32) -> Int32 {
      var code: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size)
      return code
    }

    /// close() sends a RST, so that neither end waits in TIME_WAIT.
    static func closeByReset(_ fd: Int32) {
      var option = linger(l_onoff: 1, l_linger: 0)
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// What an errno of a client says about the network.
    static func meeting(_ code: Int32, isOpen: Bool) -> LabMeeting {
      switch code {
      case ECONNREFUSED: .refused
      case EHOSTUNREACH, ENETUNREACH: .unreachable
      case ECONNRESET where isOpen: .reset
      case EPIPE where isOpen: .reset
      case ETIMEDOUT: .silence
      default: .failed(code)
      }
    }
  }
#endif
