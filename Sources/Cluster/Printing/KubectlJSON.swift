// SPDX-License-Identifier: GPL-3.0-or-later
//
// `-o json`: four blanks per level, keys sorted, as kubectl writes it.

/// Objects as kubectl's JSON.
public enum KubectlJSON {
  /// One object if a name is given and found, else a List; kubectl's words if a name is not found. Ends with
  /// an end of line.
  public static func render(_ query: KubectlQuery, view: APIView) -> String {
    guard let tree = ObjectTree.answer(query, view: view) else { return query.notFoundMessage + "\n" }
    var text = ""
    write(tree, indent: 0, into: &text)
    return text + "\n"
  }

  private static func write(_ tree: ObjectTree, indent: Int, into text: inout String) {
    switch tree {
    case .null: text += "null"
    case .bool(let flag): text += flag ? "true" : "false"
    case .int(let number): text += String(number)
    case .string(let string): text += quoted(string)
    case .list(let items):
      writeParts(items.count, "[", "]", indent: indent, into: &text) { index, text in
        write(items[index], indent: indent + 4, into: &text)
      }
    case .object(let object):
      let pairs = ObjectTree.sorted(object)
      writeParts(pairs.count, "{", "}", indent: indent, into: &text) { index, text in
        text += quoted(pairs[index].key) + ": "
        write(pairs[index].value, indent: indent + 4, into: &text)
      }
    }
  }

  private static func writeParts(
    _ count: Int, _ open: String, _ close: String, indent: Int, into text: inout String,
    _ write: (Int, inout String) -> Void
  ) {
    text += open
    for index in 0..<count {
      text += (index == 0 ? "" : ",") + "\n" + String(repeating: " ", count: indent + 4)
      write(index, &text)
    }
    if count > 0 { text += "\n" + String(repeating: " ", count: indent) }
    text += close
  }

  /// A JSON string; `<`, `>` and `&` escaped as Go's encoder does.
  static func quoted(_ string: String) -> String {
    var text = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "<", ">", "&", "\u{0}"..."\u{1F}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text + "\""
  }
}
