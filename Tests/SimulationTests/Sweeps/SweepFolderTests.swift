// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whose half-written files a process may remove: those of this machine's dead processes and no others.

import Foundation
import Testing

@testable import Simulation

@Suite struct SweepFolderTests {
  @Test("a process on another machine keeps its temporary file, whatever its number")
  func abandoned() throws {
    try TemporaryFolder.with { path in
      // No process has the largest number that a process can have.
      let names = [
        (SweepFolder.temporaryName("a", host: "pod-1", process: 1), true),
        (SweepFolder.temporaryName("a", host: "pod-2", process: 1), false),
        (SweepFolder.temporaryName("b", host: "pod-1", process: .max), true),
        (SweepFolder.temporaryName("b", host: "pod-2", process: .max), false),
        (SweepFolder.temporaryName("c", host: "pod-1", process: getppid()), false),
        ("a.csv", false), (".hidden", false), (".a.tmp-pod-1-x", false), (".a.tmp-pod-1--1", false),
      ]
      for (name, _) in names { try "".write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8) }
      try SweepFolder(path).removeAbandoned(host: "pod-1", process: 1)
      let left = try TestFiles.names(path)
      #expect(left == names.filter { !$0.1 }.map(\.0).sorted())
    }
  }

  @Test("two writers never share a temporary name")
  func names() {
    let names = [("pod-1", 1), ("pod-2", 1), ("pod-1", 2)].map {
      SweepFolder.temporaryName("job", host: $0.0, process: Int32($0.1))
    }
    #expect(Set(names).count == 3)
    #expect(!SweepFolder.host.isEmpty)
  }
}
