// SPDX-License-Identifier: GPL-3.0-or-later
//
// Size and hash of a file, by which a reader tells a cut or edited one.

import Crypto
import Foundation

/// Size and SHA-256 of a file.
public struct FileDigest: Sendable, Equatable {
  public let bytes: Int
  /// 64 hex digits.
  public let sha256: String

  /// Nil if the file cannot be read.
  public init?(path: String) {
    guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? handle.close() }
    var hash = SHA256()
    var count = 0
    while let part = try? handle.read(upToCount: 1 << 20), !part.isEmpty {
      hash.update(data: part)
      count += part.count
    }
    bytes = count
    sha256 = Self.hexadecimal(hash.finalize())
  }

  /// Of a text.
  public init(text: String) {
    bytes = text.utf8.count
    sha256 = Self.hexadecimal(SHA256.hash(data: Data(text.utf8)))
  }

  private static func hexadecimal(_ digest: SHA256.Digest) -> String {
    var text = ""
    for byte in digest {
      let digits = String(byte, radix: 16)
      text += digits.count == 1 ? "0" + digits : digits
    }
    return text
  }
}
