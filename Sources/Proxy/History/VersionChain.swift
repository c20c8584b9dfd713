// SPDX-License-Identifier: GPL-3.0-or-later
//
// Versions of one thing, newest first, found by revision. Tables are versions, not copies (ARCHITECTURE.md):
// a node that lags by k versions finds its own in O(log k) steps over skew-binary jump links.

/// One version's place in its chain; indices point into the pool that holds all chains of a kind.
struct VersionLink: BitwiseCopyable {
  var revision: UInt32
  var depth: UInt32
  var previous: Int32
  var jump: Int32
}

/// All chains of one kind, in one array.
struct VersionPool {
  private(set) var links: ContiguousArray<VersionLink> = []

  /// Appends a version after `latest` (−1: the chain's first) and gives its index.
  mutating func append(revision: UInt32, after latest: Int32) -> Int32 {
    let index = Int32(links.count)
    guard latest >= 0 else {
      links.append(VersionLink(revision: revision, depth: 0, previous: -1, jump: index))
      return index
    }
    let parent = links[Int(latest)]
    precondition(revision >= parent.revision, "revision \(revision) after \(parent.revision)")
    let far = links[Int(parent.jump)]
    let evenSpans = parent.depth - far.depth == far.depth - links[Int(far.jump)].depth
    links.append(
      VersionLink(
        revision: revision, depth: parent.depth + 1, previous: latest, jump: evenSpans ? far.jump : latest))
    return index
  }

  /// The newest version that is not newer than `revision`, or −1.
  @inline(__always) func version(at revision: UInt32, from latest: Int32) -> Int32 {
    var index = latest
    while index >= 0 {
      let link = links[Int(index)]
      if link.revision <= revision { return index }
      // The root jumps to itself.
      if link.previous < 0 { return -1 }
      index = links[Int(link.jump)].revision > revision ? link.jump : link.previous
    }
    return -1
  }
}
