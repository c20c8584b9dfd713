// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API server's elementary checks of a value, each with its own sentence: names, ports, addresses. Texts
// as printed by a 1.36 API server (golden/errors) or, where golden has none, as in k/k
// `staging/src/k8s.io/apimachinery/pkg/util/validation` and `pkg/apis/core/validation` (VAL).

import NetworkTypes

/// Collects what is wrong with an object, in the order in which the API server looks.
struct FieldErrors {
  private(set) var causes: [String] = []
  var isEmpty: Bool { causes.isEmpty }

  mutating func required(_ path: String, _ detail: String = "") {
    causes.append("\(path): Required value" + (detail.isEmpty ? "" : ": " + detail))
  }
  mutating func forbidden(_ path: String, _ detail: String) {
    causes.append("\(path): Forbidden: \(detail)")
  }
  /// - Parameter value: as JSON, so strings come with quotes.
  mutating func invalid(_ path: String, json value: String, _ detail: String) {
    causes.append("\(path): Invalid value: \(value): \(detail)")
  }
  mutating func invalid(_ path: String, _ value: String, _ detail: String) {
    invalid(path, json: quoted(value), detail)
  }
  mutating func invalid(_ path: String, _ value: Int, _ detail: String) {
    invalid(path, json: String(value), detail)
  }
  mutating func duplicate(_ path: String, json value: String) {
    causes.append("\(path): Duplicate value: \(value)")
  }
  mutating func unsupported(_ path: String, _ value: String, supported: [String]) {
    let list = supported.map(quoted).joined(separator: ", ")
    causes.append("\(path): Unsupported value: \(quoted(value)): supported values: \(list)")
  }
  /// Each message of a check about one value.
  mutating func invalid(_ path: String, _ value: String, each messages: [String]) {
    for message in messages { invalid(path, value, message) }
  }
  /// `1 … 65535`, or a message.
  mutating func checkPort(_ path: String, _ port: Int) {
    if !(1...65535).contains(port) { invalid(path, port, "must be between 1 and 65535, inclusive") }
  }
  mutating func checkOneOf(_ path: String, _ value: String, _ supported: [String]) {
    if !supported.contains(value) { unsupported(path, value, supported: supported) }
  }

  /// Go's %q for the characters that occur in names.
  private func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}

/// Predicates behind the messages; each returns what is wrong, nothing if all is well.
enum FieldRules {
  static let notAnAddress = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
  static let notACIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
  private static let subdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    + "start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
  private static let labelRule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
    + "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    + "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
  private static let label1035Rule =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
    + "character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for "
    + "validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
  private static let labelValueRule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    + "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    + "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
  private static let qualifiedNameRule =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    + "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    + "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"

  private static func isLower(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
  private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
  private static func isUpper(_ byte: UInt8) -> Bool { (65...90).contains(byte) }

  private static func isLabel(_ text: some StringProtocol) -> Bool {
    let bytes = Array(text.utf8)
    guard let first = bytes.first, let last = bytes.last else { return false }
    return first != 45 && last != 45 && bytes.allSatisfy { isLower($0) || isDigit($0) || $0 == 45 }
  }
  private static func isSubdomain(_ text: String) -> Bool {
    text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { isLabel($0) }
  }
  private static func tooLong(_ text: String, max: Int) -> [String] {
    text.utf8.count > max ? ["must be no more than \(max) characters"] : []
  }

  /// RFC 1123 label: Service names since KEP-5311 (on by default in 1.36), port names, namespaces.
  static func label(_ text: String) -> [String] {
    let length = tooLong(text, max: 63)
    if isLabel(text) { return length }
    return length + [isSubdomain(text) ? "must not contain dots" : labelRule]
  }
  /// RFC 1035 label: Service names before 1.36.
  static func label1035(_ text: String) -> [String] {
    let isValid = isLabel(text) && text.utf8.first.map(isLower) == true
    return tooLong(text, max: 63) + (isValid ? [] : [label1035Rule])
  }
  static func subdomain(_ text: String) -> [String] {
    tooLong(text, max: 253) + (isSubdomain(text) ? [] : [subdomainRule])
  }
  /// IANA service name: a container port's name, and a targetPort that refers to it.
  static func portName(_ text: String) -> [String] {
    let bytes = Array(text.utf8)
    var messages = tooLong(text, max: 15)
    if !bytes.allSatisfy({ isLower($0) || isDigit($0) || $0 == 45 }) {
      messages.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    }
    if !bytes.contains(where: isLower) { messages.append("must contain at least one letter (a-z)") }
    if text.contains("--") { messages.append("must not contain consecutive hyphens") }
    if bytes.first == 45 || bytes.last == 45 { messages.append("must not begin or end with a hyphen") }
    return messages
  }
  static func labelValue(_ text: String) -> [String] {
    tooLong(text, max: 63) + (text.isEmpty || isQualifiedPart(text) ? [] : [labelValueRule])
  }
  /// A label's key: an optional DNS prefix and a name.
  static func labelKey(_ text: String) -> [String] {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count <= 2, let name = parts.last else {
      return [
        "a qualified name " + qualifiedNameRule.dropFirst("name part ".count)
          + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
      ]
    }
    var messages: [String] = []
    if parts.count == 2 {
      messages =
        parts[0].isEmpty ? ["prefix part must be non-empty"] : subdomain(parts[0]).map { "prefix part " + $0 }
    }
    if name.isEmpty { return messages + ["name part must be non-empty", qualifiedNameRule] }
    return messages + tooLong(name, max: 63).map { "name part " + $0 }
      + (isQualifiedPart(name) ? [] : [qualifiedNameRule])
  }
  private static func isQualifiedPart(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    func isAlphanumeric(_ byte: UInt8) -> Bool { isLower(byte) || isUpper(byte) || isDigit(byte) }
    guard let first = bytes.first, let last = bytes.last else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == 45 || $0 == 95 || $0 == 46 }
  }

  /// Ranges that may not be the address of a Service or of an endpoint (VAL; FACTS A4).
  static func nonSpecialAddress(_ address: IPv4Address) -> [String] {
    var messages: [String] = []
    if address.isUnspecified { messages.append("may not be unspecified (\(address))") }
    if address.isLoopback { messages.append("may not be in the loopback range (127.0.0.0/8, ::1/128)") }
    if address.isLinkLocalUnicast {
      messages.append("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    }
    if address.isLinkLocalMulticast {
      messages.append("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    }
    return messages
  }
}

extension FieldErrors {
  /// An IPv4 address that a packet can be sent to.
  mutating func checkAddress(_ path: String, _ text: String) {
    guard let address = IPv4Address(text) else { return invalid(path, text, FieldRules.notAnAddress) }
    invalid(path, text, each: FieldRules.nonSpecialAddress(address))
  }
  /// Keys and values of labels or of a selector.
  mutating func checkLabels(_ path: String, _ labels: Labels) {
    for (key, value) in labels {
      invalid(path, key, each: FieldRules.labelKey(key))
      let messages = FieldRules.labelValue(value)
      invalid(path, value, each: messages)
    }
  }
}
