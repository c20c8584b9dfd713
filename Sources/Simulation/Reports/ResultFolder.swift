// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where a run's files are written so that nobody ever sees half of them: a hidden folder beside the target,
// `.<name>.tmp-<pid>`, which takes the target's place in one step when the run has ended well. A killed run
// leaves the earlier results as they were; the next run of the same name removes what it left behind.

import Foundation

/// Why results cannot be written; the command line ends with exit code 73.
public struct ResultFolderError: Error, Equatable, CustomStringConvertible {
  /// What could not be done, with the path, and the system's reason.
  public var description: String
  public init(_ description: String) { self.description = description }

  static func system(_ action: String, _ path: String, _ code: Int32 = errno) -> ResultFolderError {
    ResultFolderError("cannot \(action) \(path): \(String(cString: strerror(code)))")
  }
}

/// A results folder in the making. Exactly one of `commit` and `discard` ends it.
public final class ResultFolder {
  /// The folder that people read, e.g. `results/node-churn`.
  public let target: String
  /// Where files are written until `commit`.
  public let temporary: String
  private let parent: String
  private var isOpen = true

  /// Makes sure that the place can be written, before a run spends its time, and removes temporary folders of
  /// dead processes.
  /// - Throws: `ResultFolderError` if it cannot, or if `target` holds something that no run has written.
  public init(target: String, process: Int32 = getpid()) throws(ResultFolderError) {
    let trimmed = target.count > 1 && target.hasSuffix("/") ? String(target.dropLast()) : target
    let (parent, name) = FilePaths.split(trimmed)
    guard !name.isEmpty, name != ".", name != ".." else {
      throw ResultFolderError("cannot write results to \(target): it names no folder of its own")
    }
    self.target = trimmed
    self.parent = parent
    temporary = FilePaths.join(parent, ".\(name).tmp-\(process)")
    try FilePaths.makeFolders(parent)
    try Self.refuseForeign(trimmed)
    Self.removeAbandoned(parent: parent, name: name, process: process)
    guard mkdir(temporary, 0o777) == 0 else { throw .system("make the folder", temporary) }
  }

  deinit { discard() }

  /// Opens a file of the folder for writing.
  public func file(_ name: String) throws(ResultFolderError) -> ResultFile {
    try ResultFile(path: FilePaths.join(temporary, name))
  }

  public func write(_ name: String, _ text: String) throws(ResultFolderError) {
    let file = try file(name)
    try file.append(text)
    try file.close()
  }

  /// Puts the new results in the place of the old ones and removes these.
  public func commit() throws(ResultFolderError) {
    precondition(isOpen, "results committed or discarded twice")
    try FilePaths.synchronise(temporary)
    try Self.refuseForeign(target)
    try FilePaths.replace(target, with: temporary)
    isOpen = false
    try FilePaths.synchronise(parent)
    // After an exchange this is the old folder; without earlier results it is gone already.
    FilePaths.removeTree(temporary)
  }

  /// Removes what was written; earlier results stay as they were.
  public func discard() {
    guard isOpen else { return }
    isOpen = false
    FilePaths.removeTree(temporary)
  }

  /// Replacing deletes what was there: only an empty folder or earlier results may be lost that way.
  private static func refuseForeign(_ path: String) throws(ResultFolderError) {
    guard let entries = try FilePaths.entries(path) else { return }
    guard entries.isEmpty || entries.contains(RunRecord.fileName) else {
      throw ResultFolderError("cannot write results to \(path): it is not empty and holds no earlier results")
    }
  }

  private static func removeAbandoned(parent: String, name: String, process: Int32) {
    let prefix = ".\(name).tmp-"
    guard let entries = try? FilePaths.entries(parent) else { return }
    for entry in entries where entry.hasPrefix(prefix) {
      guard let owner = Int32(entry.dropFirst(prefix.count)), owner > 0 else { continue }
      // A folder with our own number was left by an earlier process that had it.
      let isDead = owner == process || (kill(owner, 0) != 0 && errno == ESRCH)
      if isDead { FilePaths.removeTree(FilePaths.join(parent, entry)) }
    }
  }
}

/// A file in the making.
public final class ResultFile {
  private let path: String
  private var descriptor: Int32

  /// - Parameters:
  ///   - shown: the name in messages, if it is another one.
  ///   - adds: what is in the file stays.
  init(path: String, shownAs shown: String? = nil, adds: Bool = false) throws(ResultFolderError) {
    self.path = shown ?? path
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (adds ? O_APPEND : O_TRUNC), 0o666)
    guard descriptor >= 0 else { throw .system("write", self.path) }
  }

  deinit { if descriptor >= 0 { _ = Foundation.close(descriptor) } }

  public func append(_ text: String) throws(ResultFolderError) {
    var text = text
    guard text.withUTF8({ writeAll(UnsafeRawBufferPointer($0)) }) else { throw .system("write", path) }
  }

  public func append(_ bytes: UnsafeRawBufferPointer) throws(ResultFolderError) {
    guard writeAll(bytes) else { throw .system("write", path) }
  }

  /// False with `errno` set if not all of the bytes could be written, such as on a full disk.
  private func writeAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = Foundation.write(
        descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { return false }
      rest = rest.dropFirst(written)
    }
    return true
  }

  /// Waits until the disk has what was written.
  public func close() throws(ResultFolderError) {
    guard fsync(descriptor) == 0 || errno == EINVAL else { throw .system("write", path) }
    let result = Foundation.close(descriptor)
    descriptor = -1
    guard result == 0 else { throw .system("write", path) }
  }
}
