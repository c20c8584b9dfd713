// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which number of a run is meant: a metric's name and, in braces, labels that narrow it down, as in
// `loss_ratio{service=default/web,client=browsers}`.

/// A metric with labels. What metrics and labels there are is for the reader of results to say.
public struct MetricSelector: Sendable, Hashable, CustomStringConvertible {
  /// One label and the value that it must have; `*` at the end stands for anything.
  public struct Label: Sendable, Hashable {
    public var name: String
    public var value: String

    /// The text begins with what stands before `*`, or is the value. A Service without its namespace is that
    /// name in any namespace.
    public func matches(_ text: String) -> Bool {
      if value.last == "*" { return text.hasPrefix(value.dropLast()) }
      if name == "service", !value.contains("/"), text.hasSuffix("/" + value) { return true }
      return text == value
    }
  }

  public let name: String
  public let labels: [Label]

  /// Nil if the text has another form, or a label twice.
  public init?(_ text: String) {
    guard let open = text.firstIndex(of: "{") else {
      guard Self.isName(text[...]) else { return nil }
      (name, labels) = (text, [])
      return
    }
    guard Self.isName(text[..<open]), text.last == "}" else { return nil }
    name = String(text[..<open])
    var labels: [Label] = []
    let inner = text[text.index(after: open)..<text.index(before: text.endIndex)]
    for part in inner.split(separator: ",", omittingEmptySubsequences: false) {
      let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard sides.count == 2, Self.isName(sides[0]), !sides[1].isEmpty,
        !labels.contains(where: { $0.name == sides[0] })
      else { return nil }
      labels.append(Label(name: String(sides[0]), value: String(sides[1])))
    }
    self.labels = labels
  }

  private static func isName(_ text: Substring) -> Bool {
    !text.isEmpty
      && text.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber || $0 == "_" || $0 == ".") }
  }

  public var description: String {
    labels.isEmpty ? name : name + "{" + labels.map { "\($0.name)=\($0.value)" }.joined(separator: ",") + "}"
  }
}
