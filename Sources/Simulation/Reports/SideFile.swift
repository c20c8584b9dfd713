// SPDX-License-Identifier: GPL-3.0-or-later
//
// A file that somebody names beside the results folder, such as a JUnit report: tried before the run spends
// its time, written under a temporary name, and put in its place in one step. A file that other steps of a
// pipeline write to as well is added to instead.

import Foundation

/// One file outside of the results folder. Exactly one of its methods ends it; without, it leaves nothing.
public final class SideFile {
  public let path: String
  private let temporary: String
  private var file: ResultFile?

  /// - Throws: `ResultFolderError` if the file could not be written.
  public init(_ path: String, process: Int32 = getpid()) throws(ResultFolderError) {
    let (parent, name) = FilePaths.split(path)
    var status = stat()
    let isFolder = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    guard !name.isEmpty, !isFolder else { throw ResultFolderError("cannot write \(path): it names no file") }
    self.path = path
    temporary = FilePaths.join(parent, ".\(name).tmp-\(process)")
    file = try ResultFile(path: temporary, shownAs: path)
  }

  deinit { if file != nil { unlink(temporary) } }

  /// Puts a text in the place of what was there.
  public func replace(_ text: String) throws(ResultFolderError) {
    guard let file else { preconditionFailure("\(path) written twice") }
    try file.append(text)
    try file.close()
    guard rename(temporary, path) == 0 else { throw .system("write", path) }
    self.file = nil
  }

  /// Adds a text to what is there, in one write.
  public func append(_ text: String) throws(ResultFolderError) {
    precondition(file != nil, "\(path) written twice")
    unlink(temporary)
    file = nil
    try ResultFile(path: path, adds: true).append(text)
  }
}
