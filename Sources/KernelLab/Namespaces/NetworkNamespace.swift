// SPDX-License-Identifier: GPL-3.0-or-later
//
// Network namespaces without names: each lives as long as this process holds its file descriptor, or a socket
// in it. So the kernel removes them with all that is in them when the process ends, however it ends, and the
// machine's own namespace never sees a rule, an interface or an address of the lab.

#if os(Linux)
  import CLinux
  import Foundation

  /// One network namespace. A thread enters it for the time of a call; sockets and child processes that are
  /// made there stay there.
  public final class NetworkNamespace {
    /// For messages only.
    public let name: String
    private let descriptor: Int32
    /// The namespace from which this one was made, and to which every call returns.
    private let home: Int32

    /// - Throws: `LabError.system` where namespaces cannot be made, such as without CAP_SYS_ADMIN, or cannot
    /// be
    ///   left again, as by root of a user namespace: the thread then stays in one that is empty and new.
    public init(_ name: String) throws {
      self.name = name
      home = try Self.current()
      guard sim_unshare_network() == 0 else {
        let code = errno
        close(home)
        throw LabError.system(call: "unshare(CLONE_NEWNET)", code: code)
      }
      descriptor = try Self.current()
      guard sim_enter_network(home) == 0 else {
        throw LabError.system(call: "setns back into the machine's own network namespace", code: errno)
      }
    }

    deinit {
      close(descriptor)
      close(home)
    }

    private static func current() throws -> Int32 {
      let fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
      guard fd >= 0 else { throw LabError.system(call: "open /proc/thread-self/ns/net", code: errno) }
      return fd
    }

    /// A path under which tools of this machine find the namespace while this process runs.
    public var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

    /// Runs `body` in this namespace, on the calling thread.
    public func inside<Result>(_ body: () throws -> Result) throws -> Result {
      guard sim_enter_network(descriptor) == 0 else {
        throw LabError.system(call: "setns \(name)", code: errno)
      }
      defer {
        // Going on in the wrong namespace could change the machine's own tables.
        precondition(sim_enter_network(home) == 0, "the way back into the machine's own namespace is closed")
      }
      return try body()
    }

    /// Runs a tool in this namespace; throws unless it ends with 0.
    @discardableResult
    public func run(_ command: [String], input: String = "", seconds: Double = 30) throws -> String {
      try inside { try ToolRun.run(command, input: input, seconds: seconds) }
    }

    /// Runs a tool in this namespace, whatever it ends with.
    /// - Returns: its exit status and its standard error.
    public func runAny(_ command: [String], seconds: Double = 30) throws -> (status: Int32, errors: String) {
      let ended = try inside { try ToolRun.start(command, input: "", seconds: seconds) }
      return (ended.status, ended.errors)
    }

    /// Sets `net.…` by its path below /proc/sys/net, such as `ipv4/ip_forward`.
    /// - Returns: false if this kernel has no such setting.
    @discardableResult
    public func set(_ setting: String, _ value: String) throws -> Bool {
      try inside {
        let fd = open("/proc/sys/net/" + setting, O_WRONLY | O_CLOEXEC)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        return write(fd, value, value.utf8.count) == value.utf8.count
      }
    }

    /// Reads `net.…` by its path below /proc/sys/net; nil if this kernel has no such setting.
    public func value(of setting: String) throws -> String? {
      try inside {
        let text = try? String(contentsOfFile: "/proc/sys/net/" + setting, encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines)
      }
    }
  }
#endif
