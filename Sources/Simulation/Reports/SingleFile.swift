// SPDX-License-Identifier: GPL-3.0-or-later
//
// One file that appears whole or not at all, beside the results folder: where it goes is tried before a run
// spends its time, and what was there stays until the new one is written.

import Foundation

/// A file to be written in one step.
public struct SingleFile: Sendable {
  public let path: String
  private let temporary: String

  /// - Throws: `ResultFolderError` if the place is a folder, a device or one that cannot be written.
  public init(path: String, process: Int32 = getpid()) throws(ResultFolderError) {
    let (parent, name) = FilePaths.split(path)
    self.path = path
    temporary = FilePaths.join(parent, ".\(name).tmp-\(process)")
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      // A rename would put a file in the place of a device, a pipe or a folder.
      throw ResultFolderError("cannot write \(path): it is no regular file")
    }
    guard !name.isEmpty else { throw ResultFolderError("cannot write \(path): it names no file") }
    // The folder must take a new name.
    let probe = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard probe >= 0 else { throw .system("write", path) }
    close(probe)
    unlink(temporary)
  }

  /// Waits until the disk has the text, then puts it in its place.
  public func write(_ text: String) throws(ResultFolderError) {
    do {
      let file = try ResultFile(path: temporary)
      try file.append(text)
      try file.close()
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let code = errno
      unlink(temporary)
      throw .system("write", path, code)
    }
  }
}
