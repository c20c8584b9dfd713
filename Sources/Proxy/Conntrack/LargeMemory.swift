// SPDX-License-Identifier: GPL-3.0-or-later
//
// Memory for tables of many megabytes that are read at random: in huge pages where the kernel gives them,
// because with small ones nearly every look-up misses the TLB too.

#if canImport(Glibc)
  import Glibc
#endif

enum LargeMemory {
  /// A huge page of x86-64 and of arm64 with 4 KiB pages.
  static var hugePage: Int { 1 << 21 }

  /// Uninitialised memory, to be given back with `deallocate()`.
  static func allocate(bytes: Int) -> UnsafeMutableRawPointer {
    guard bytes >= hugePage else { return .allocate(byteCount: bytes, alignment: 64) }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: hugePage)
    #if canImport(Glibc)
      // Advice only: an error leaves small pages.
      _ = madvise(memory, bytes, MADV_HUGEPAGE)
    #endif
    return memory
  }
}
