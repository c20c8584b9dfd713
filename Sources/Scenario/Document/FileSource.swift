// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the texts of a scenario come from: the disk, or a plan that carries them, so that a job can run on a
// machine that has nothing but the program and the plan.

import Foundation
import Synchronization

/// Hands out the texts of files by the path under which a scenario leads to them.
public protocol FileSource: Sendable {
  /// - Throws: as `SourceFile.load`.
  func file(_ path: String) throws(ScenarioError) -> SourceFile
  /// Names of what is directly inside a folder, sorted by their bytes; nil if the path is no folder.
  func entries(of folder: String) throws(ScenarioError) -> [String]?
}

/// The file system.
public struct DiskFiles: FileSource {
  public init() {}

  public func file(_ path: String) throws(ScenarioError) -> SourceFile { try SourceFile.load(path: path) }

  public func entries(of folder: String) throws(ScenarioError) -> [String]? {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory), isDirectory.boolValue
    else { return nil }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw ScenarioError(.unreadable(folder, "cannot be read"))
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

/// Texts that are at hand already.
public struct EmbeddedFiles: FileSource {
  public var texts: [String: String]
  public var folders: [String: [String]]

  public init(texts: [String: String], folders: [String: [String]]) {
    (self.texts, self.folders) = (texts, folders)
  }

  public func file(_ path: String) throws(ScenarioError) -> SourceFile {
    guard let text = texts[path] else { throw ScenarioError(.unreadable(path, "is not in the plan")) }
    return SourceFile(path: path, text: text)
  }

  public func entries(of folder: String) -> [String]? { folders[folder] }
}

/// Another source, of which it is kept what was asked for.
public final class RecordingFiles: FileSource {
  private let source: any FileSource
  private let recorded = Mutex(EmbeddedFiles(texts: [:], folders: [:]))

  public init(_ source: any FileSource = DiskFiles()) { self.source = source }

  public func file(_ path: String) throws(ScenarioError) -> SourceFile {
    let file = try source.file(path)
    recorded.withLock { $0.texts[path] = file.text }
    return file
  }

  public func entries(of folder: String) throws(ScenarioError) -> [String]? {
    let entries = try source.entries(of: folder)
    if let entries { recorded.withLock { $0.folders[folder] = entries } }
    return entries
  }

  /// Everything that was asked for so far.
  public var embedded: EmbeddedFiles { recorded.withLock { $0 } }
}
