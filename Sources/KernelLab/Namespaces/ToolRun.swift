// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs a tool of the machine (ip, iptables-restore, nft, conntrack) with its input, a time limit and its
// output in unlinked files, so that no amount of text can block it.

#if os(Linux)
  import Foundation

  enum ToolRun {
    /// Where Debian and others keep administration tools, which a user's PATH may lack.
    static let folders = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]

    static func find(_ tool: String) -> String? {
      folders.map { $0 + "/" + tool }.first { access($0, X_OK) == 0 }
    }

    /// What a tool left behind.
    struct Ended {
      var status: Int32
      var output: String
      var errors: String
    }

    /// - Returns: standard output.
    /// - Throws: `LabError.tool` unless the tool ends with 0 in time.
    static func run(_ command: [String], input: String, seconds: Double) throws -> String {
      let ended = try start(command, input: input, seconds: seconds)
      guard ended.status == 0 else {
        let words = ended.errors.isEmpty ? ended.output : ended.errors
        throw LabError.tool(
          command: command.joined(separator: " "),
          message: "ended with \(ended.status): \(words.prefix(1500).trimmingCharacters(in: .newlines))")
      }
      return ended.output
    }

    /// Runs a tool in the calling thread's namespace, whatever it ends with.
    static func start(_ command: [String], input: String, seconds: Double) throws -> Ended {
      guard let tool = command.first, let path = find(tool) else {
        throw LabError.missing([
          "\(command.first ?? "a tool") (not found in \(folders.joined(separator: ":")))"
        ])
      }
      let files = [try scratch(input), try scratch(""), try scratch("")]
      defer { for file in files { close(file) } }
      let pid = try spawn(path, command, files)
      let status = try wait(for: pid, command, seconds: seconds)
      return Ended(status: status, output: text(files[1]), errors: text(files[2]))
    }

    private static func spawn(_ path: String, _ command: [String], _ files: [Int32]) throws -> pid_t {
      var actions = posix_spawn_file_actions_t()
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      for (index, file) in files.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, file, Int32(index))
      }
      let arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
      let settings = ["PATH=" + folders.joined(separator: ":"), "LC_ALL=C"]
      let environment: [UnsafeMutablePointer<CChar>?] = settings.map { strdup($0) } + [nil]
      defer { for pointer in arguments + environment { free(pointer) } }
      var pid: pid_t = 0
      let code = posix_spawn(&pid, path, &actions, nil, arguments, environment)
      guard code == 0 else { throw LabError.system(call: path, code: code) }
      return pid
    }

    private static func wait(for pid: pid_t, _ command: [String], seconds: Double) throws -> Int32 {
      let deadline = LabClock.now + seconds
      var status: Int32 = 0
      while true {
        let ended = waitpid(pid, &status, WNOHANG)
        if ended == pid { break }
        if ended < 0, errno != EINTR { throw LabError.system(call: "waitpid", code: errno) }
        if LabClock.now > deadline {
          kill(pid, SIGKILL)
          waitpid(pid, &status, 0)
          throw LabError.tool(
            command: command.joined(separator: " "), message: "not done after \(Int(seconds)) s")
        }
        usleep(500)
      }
      return status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    }

    /// An unlinked file with `text`, read from its beginning.
    private static func scratch(_ text: String) throws -> Int32 {
      let name = FileManager.default.temporaryDirectory.appendingPathComponent("simlab-XXXXXX").path
      var template = Array(name.utf8CString)
      let fd = mkstemp(&template)
      guard fd >= 0 else { throw LabError.system(call: "mkstemp \(name)", code: errno) }
      _ = fcntl(fd, F_SETFD, FD_CLOEXEC)
      unlink(template)
      let bytes = Array(text.utf8)
      var done = 0
      while done < bytes.count {
        let count = bytes[done...].withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
        guard count > 0 else { throw LabError.system(call: "write \(name)", code: errno) }
        done += count
      }
      lseek(fd, 0, SEEK_SET)
      return fd
    }

    private static func text(_ fd: Int32) -> String {
      lseek(fd, 0, SEEK_SET)
      let handle = FileHandle(fileDescriptor: fd, closeOnDealloc: false)
      return String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
    }
  }
#endif
