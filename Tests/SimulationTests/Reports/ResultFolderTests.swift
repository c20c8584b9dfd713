// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: whoever looks into a results folder sees the old results or the new ones, never a mixture.

import Foundation
import Simulation
import Testing

@Suite struct ResultFolderTests {
  /// A folder with earlier results, as a run leaves them.
  private func withEarlierResults(_ body: (_ parent: String, _ target: String) throws -> Void) throws {
    try TemporaryFolder.with { parent in
      let folder = try ResultFolder(target: parent + "/x")
      try folder.write("run.json", "old\n")
      try folder.write("summary.csv", "old\n")
      try folder.commit()
      try body(parent, parent + "/x")
    }
  }

  @Test("nothing is to be seen before commit, and after it only the new files")
  func replacement() throws {
    try withEarlierResults { parent, target in
      let folder = try ResultFolder(target: target)
      try folder.write("run.json", "new\n")
      #expect(try TestFiles.text(target + "/run.json") == "old\n")
      try folder.commit()
      #expect(try TestFiles.text(target + "/run.json") == "new\n")
      #expect(try TestFiles.names(target) == ["run.json"])
      #expect(try TestFiles.names(parent) == ["x"])
    }
  }

  @Test("earlier results survive a failure in mid-write")
  func failure() throws {
    try withEarlierResults { parent, target in
      let folder = try ResultFolder(target: target)
      try folder.write("run.json", "new\n")
      // A folder stands where the next file should go, so that opening it fails.
      try FileManager.default.createDirectory(
        atPath: folder.temporary + "/summary.csv", withIntermediateDirectories: false)
      #expect(throws: ResultFolderError.self) { try folder.write("summary.csv", "new\n") }
      folder.discard()
      #expect(try TestFiles.text(target + "/summary.csv") == "old\n")
      #expect(try TestFiles.names(parent) == ["x"])
    }
  }

  @Test("a folder that is let go without commit leaves earlier results and no trace of itself")
  func abandoned() throws {
    try withEarlierResults { parent, target in
      do {
        let folder = try ResultFolder(target: target)
        try folder.write("run.json", "new\n")
      }
      #expect(try TestFiles.text(target + "/run.json") == "old\n")
      #expect(try TestFiles.names(parent) == ["x"])
    }
  }

  @Test("temporary folders of dead processes are removed, those of living ones are not")
  func stale() throws {
    try withEarlierResults { parent, target in
      // Above every process number that Linux gives out (PID_MAX_LIMIT is 4,194,304).
      let dead = parent + "/.x.tmp-2000000000"
      let living = parent + "/.x.tmp-1"
      let foreign = parent + "/.x.tmp-notes"
      for path in [dead, living, foreign] {
        try FileManager.default.createDirectory(atPath: path + "/deep/er", withIntermediateDirectories: true)
      }
      try ResultFolder(target: target).discard()
      #expect(!TestFiles.exists(dead))
      #expect(TestFiles.exists(living))
      #expect(TestFiles.exists(foreign))
    }
  }

  @Test("a folder that no run has written is not replaced")
  func foreign() throws {
    try TemporaryFolder.with { parent in
      try FileManager.default.createDirectory(atPath: parent + "/mine", withIntermediateDirectories: false)
      try ResultFolder(target: parent + "/mine").discard()
      try "precious".write(toFile: parent + "/mine/notes.txt", atomically: true, encoding: .utf8)
      let error = #expect(throws: ResultFolderError.self) { try ResultFolder(target: parent + "/mine") }
      #expect(error?.description.contains("holds no earlier results") == true)
      #expect(try TestFiles.text(parent + "/mine/notes.txt") == "precious")
    }
  }

  @Test("a place that cannot be written is told with its path and the reason")
  func unwritable() throws {
    try TemporaryFolder.with { parent in
      try "a file".write(toFile: parent + "/file", atomically: true, encoding: .utf8)
      let error = #expect(throws: ResultFolderError.self) {
        try ResultFolder(target: parent + "/file/results/x")
      }
      #expect(error?.description.contains(parent + "/file") == true)
    }
    // No process, however mighty, makes folders in /proc.
    let error = #expect(throws: ResultFolderError.self) { try ResultFolder(target: "/proc/sim-results/x") }
    #expect(error?.description.contains("/proc") == true)
  }

  @Test("a target that names no folder of its own is refused", arguments: [".", "..", "/", "results/..", ""])
  func nameless(target: String) {
    #expect(throws: ResultFolderError.self) { try ResultFolder(target: target) }
  }
}
