// SPDX-License-Identifier: GPL-3.0-or-later
//
// The few things that a results folder asks of the file system: making, listing, removing, and putting one
// folder in the place of another in one step where the system can.

import Foundation

enum FilePaths {
  /// The folder that holds `path`, and its last part.
  static func split(_ path: String) -> (parent: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let parent = slash == path.startIndex ? "/" : String(path[..<slash])
    return (parent, String(path[path.index(after: slash)...]))
  }

  static func join(_ folder: String, _ name: String) -> String {
    folder == "." ? name : folder.hasSuffix("/") ? folder + name : folder + "/" + name
  }

  /// Makes a folder and those above it, unless they exist.
  static func makeFolders(_ path: String) throws(ResultFolderError) {
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw ResultFolderError("cannot write results to \(path): it is no folder")
      }
      return
    }
    guard errno == ENOENT else { throw .system("write results to", path) }
    let parent = split(path).parent
    if parent != path { try makeFolders(parent) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw .system("make the folder", path) }
  }

  /// Names in a folder, sorted; nil if it is not there.
  static func entries(_ path: String) throws(ResultFolderError) -> [String]? {
    guard let folder = opendir(path) else {
      if errno == ENOENT { return nil }
      throw .system("write results to", path)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Removes a folder and all below it; what cannot be removed stays. Links are not followed.
  static func removeTree(_ path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in ((try? entries(path)) ?? nil) ?? [] { removeTree(join(path, name)) }
      rmdir(path)
    } else {
      unlink(path)
    }
  }

  /// Waits until the disk has a folder's entries. Some file systems cannot, which is no error.
  static func synchronise(_ path: String) throws(ResultFolderError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("write", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else { throw .system("write", path) }
  }

  /// Puts `source` in the place of `target`. Where `target` exists, both change places if the system can do
  /// so in one step; otherwise `target` is first moved aside and removed afterwards.
  static func replace(_ target: String, with source: String) throws(ResultFolderError) {
    var status = stat()
    guard lstat(target, &status) == 0 else {
      guard rename(source, target) == 0 else { throw .system("rename results to", target) }
      return
    }
    if exchange(source, target) { return }
    let aside = source + ".old"
    guard rename(target, aside) == 0 else { throw .system("replace earlier results in", target) }
    guard rename(source, target) == 0 else {
      let code = errno
      _ = rename(aside, target)
      throw .system("rename results to", target, code)
    }
    removeTree(aside)
  }

  /// False where the system or the file system has no such call.
  private static func exchange(_ a: String, _ b: String) -> Bool {
    #if os(Linux)
      // Looked up by name, because glibc shows the declaration to C only under a feature macro.
      typealias Rename =
        @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
      guard let symbol = dlsym(nil, "renameat2") else { return false }
      let renameExchange: UInt32 = 1 << 1  // RENAME_EXCHANGE, linux/fs.h
      let call = unsafeBitCast(symbol, to: Rename.self)
      return call(AT_FDCWD, a, AT_FDCWD, b, renameExchange) == 0
    #else
      return false
    #endif
  }
}
