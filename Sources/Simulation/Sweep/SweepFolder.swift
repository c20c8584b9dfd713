// SPDX-License-Identifier: GPL-3.0-or-later
//
// The folder in which the jobs of a sweep leave their files. Several processes may work in it at the same
// time: each writes to a name of its own and renames, and a file that is there and whole is never written
// again.

import Foundation

/// A folder of job files.
public struct SweepFolder: Sendable {
  public let path: String

  /// - Throws: `ResultFolderError` if it is not there and cannot be made.
  public init(_ path: String) throws {
    self.path = path
    try FilePaths.makeFolders(path)
  }

  /// One that must be there; nothing is made.
  public init(existing path: String) throws(SweepError) {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue
    else { throw SweepError(.unreadable, "\(path): no such folder") }
    self.path = path
  }

  func place(_ job: String) -> String { FilePaths.join(path, SweepJobFile.name(job)) }

  /// A job's file; nil if there is none.
  /// - Throws: `SweepError` if it is not whole or not this plan's.
  public func file(of job: SweepJob, _ header: SweepHeader) throws(SweepError) -> SweepJobFile? {
    guard let data = FileManager.default.contents(atPath: place(job.id)) else { return nil }
    return try SweepJobFile(
      text: String(decoding: data, as: UTF8.self), job: job, header: header, name: place(job.id))
  }

  /// Writes a job's file in one step.
  /// - Throws: `ResultFolderError`.
  public func write(_ file: SweepJobFile, process: Int32 = getpid()) throws {
    let temporary = FilePaths.join(path, Self.temporaryName(file.job, host: Self.host, process: process))
    let text = file.text()
    do {
      let out = try ResultFile(path: temporary)
      try out.append(text)
      try out.close()
      guard rename(temporary, place(file.job)) == 0 else {
        throw ResultFolderError.system("rename", temporary)
      }
    } catch {
      unlink(temporary)
      throw error
    }
    try FilePaths.synchronise(path)
  }

  /// Removes what processes of this machine that are gone have left half-written. Of another machine's nobody
  /// here can tell whether they still run: its files stay until it cleans up itself; they are never read.
  public func removeAbandoned(host: String = SweepFolder.host, process: Int32 = getpid()) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: path) else { return }
    for name in names {
      guard let owner = Self.owner(of: name, host: host) else { continue }
      if owner == process || (kill(owner, 0) != 0 && errno == ESRCH) { unlink(FilePaths.join(path, name)) }
    }
  }

  // MARK: Temporary names

  /// This machine's name. In pods every program is process 1, and on a shared file system two nodes have
  /// processes of the same number: a number alone would name files of two writers alike.
  public static var host: String {
    var name = [CChar](repeating: 0, count: 257)
    guard gethostname(&name, 256) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  static func temporaryName(_ job: String, host: String, process: Int32) -> String {
    ".\(job).tmp-\(host)-\(process)"
  }

  /// The process of this machine that writes or wrote a temporary file; nil for any other file.
  static func owner(of name: String, host: String) -> Int32? {
    guard name.hasPrefix("."), let mark = name.range(of: ".tmp-\(host)-") else { return nil }
    return Int32(name[mark.upperBound...]).flatMap { $0 > 0 ? $0 : nil }
  }
}
