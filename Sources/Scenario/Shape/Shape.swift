// SPDX-License-Identifier: GPL-3.0-or-later
//
// The vocabulary in which the scenario format is declared once (ScenarioFormat*.swift). From a declaration
// come the validation of documents, the JSON Schema and the list of keys in the documentation.

/// What a value may look like.
public indirect enum Shape: Sendable {
  case object(ObjectShape)
  /// An object with free keys, such as labels.
  case map(Shape)
  case list(Shape, minimum: Int = 0)
  case text(TextForm)
  /// One of these strings.
  case word([String])
  case integer(ClosedRange<Int>)
  case number(NumberRange)
  case boolean
  /// Only `true`, where the key's presence says everything.
  case yes
  /// `"250ms"`; with `isPositive` not zero.
  case duration(isPositive: Bool = false)
  /// `"50/s"`; with `isPositive` not zero.
  case rate(isPositive: Bool = false)
  /// One of several shapes that differ in their JSON type.
  case either([Shape])
  /// A definition of `ScenarioFormat`.
  case named(String)
  /// Any object: Kubernetes' own format, checked by its own reader.
  case anyObject
}

/// Keys of an object. If there are variants, exactly one variant's `key` is present (at most one if not
/// `needsVariant`) and decides which further keys may be there.
public struct ObjectShape: Sendable {
  public var fields: [Field]
  public var variants: [Variant] = []
  public var needsVariant = true

  public init(_ fields: [Field], variants: [Variant] = [], needsVariant: Bool = true) {
    self.fields = fields
    self.variants = variants
    self.needsVariant = needsVariant
  }

  public struct Variant: Sendable {
    public var key: Field
    public var extras: [Field]
    public init(_ key: Field, with extras: [Field] = []) {
      self.key = key
      self.extras = extras
    }
    public var fields: [Field] { [key] + extras }
  }

  /// Every key that any variant knows, in the order of declaration, without repetition.
  public var allFields: [Field] {
    var seen: Set<String> = []
    return (fields + variants.flatMap(\.fields)).filter { seen.insert($0.name).inserted }
  }
}

/// One key of an object.
public struct Field: Sendable {
  public var name: String
  public var shape: Shape
  public var isRequired: Bool
  /// The value in force if the key is missing, in words or as it would be written.
  public var standard: String?
  /// For people.
  public var description: String
  /// Says nothing that decides a run's results: left out of the content hash.
  public var isCommentary = false

  public init(
    _ name: String, _ shape: Shape, required: Bool = false, standard: String? = nil, _ description: String,
    isCommentary: Bool = false
  ) {
    self.name = name
    self.shape = shape
    self.isRequired = required
    self.standard = standard
    self.description = description
    self.isCommentary = isCommentary
  }
}

/// A closed interval of numbers, or one that is open below.
public struct NumberRange: Sendable {
  public var minimum: Double
  public var maximum: Double
  public var excludesMinimum = false

  public static func from(_ minimum: Double, to maximum: Double) -> NumberRange {
    NumberRange(minimum: minimum, maximum: maximum)
  }
  public static func above(_ minimum: Double, to maximum: Double) -> NumberRange {
    NumberRange(minimum: minimum, maximum: maximum, excludesMinimum: true)
  }
  public func contains(_ value: Double) -> Bool {
    (excludesMinimum ? value > minimum : value >= minimum) && value <= maximum
  }
  public var text: String {
    "\(excludesMinimum ? "greater than" : "from") \(numberText(minimum)) "
      + "\(excludesMinimum ? "and at most" : "to") \(numberText(maximum))"
  }
}

/// Whole numbers without a decimal point.
func numberText(_ value: Double) -> String {
  value.rounded() == value && value.magnitude < 1e15 ? String(Int(value)) : String(value)
}

/// Form of a string that is neither a duration nor a rate.
public struct TextForm: Sendable {
  /// As messages name it.
  public var expected: String
  /// Regular expression for the whole string, in the common part of ECMA-262 and Swift.
  public var pattern: String
  /// Names a file: hashed by the file's content, not by its name.
  public var isPath = false

  public init(_ expected: String, _ pattern: String, isPath: Bool = false) {
    self.expected = expected
    self.pattern = pattern
    self.isPath = isPath
  }
}

extension TextForm {
  private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
  private static let quad = "\(octet)(\\.\(octet)){3}"
  private static let label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

  public static let any = TextForm("a string", "^")
  public static let nonEmpty = TextForm("a string that is not empty", "^.")
  public static let path = TextForm("the path of a file", "^.", isPath: true)
  public static let address = TextForm("an IPv4 address such as \"172.18.0.3\"", "^\(quad)$")
  public static let block = TextForm(
    "an IPv4 block such as \"10.244.0.0/16\"", "^\(quad)/(3[0-2]|[12]?[0-9])$")
  public static let blockOrNone = TextForm(
    "an IPv4 block such as \"10.244.0.0/16\", or \"none\"", "^(none|\(quad)/(3[0-2]|[12]?[0-9]))$")
  /// Folder name of the results.
  public static let scenarioName = TextForm(
    "a name of letters, digits, '.', '_' and '-'", "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
  public static let dnsName = TextForm(
    "a DNS name of lower-case letters, digits, '-' and '.'", "^\(label)(\\.\(label))*$")
  /// A name as a client looks it up.
  public static let queryName = TextForm(
    "a DNS name of lower-case letters, digits, '-' and '.', with or without a dot at the end",
    "^\(label)(\\.\(label))*\\.?$")
  /// A node's name, in which {n} stands for a number from 1 to `count`.
  public static let nodeName = TextForm(
    "a node name of lower-case letters, digits, '-' and '.'", "^([a-z0-9.-]|\\{n\\})+$")
  /// `namespace/name`; `name` alone is in namespace default.
  public static let namespacedName = TextForm(
    "\"namespace/name\"", "^(\(label)/)?\(label)(\\.\(label))*$")
  public static let portRange = TextForm(
    "a range of ports such as \"30000-32767\"", "^[0-9]{1,5}-[0-9]{1,5}$")
  public static let kernelVersion = TextForm(
    "a Linux version from \"4.1\" on, such as \"5.15\"",
    "^(4\\.([1-9]|1[0-9]|20)|[5-9]\\.[0-9]{1,2})(\\..*|-.*)?$")
  public static let url = TextForm("an address that begins with https:// or http://", "^https?://")
  public static let version = TextForm(
    "a Kubernetes version from \"1.24\" to \"1.37\"", "^v?1\\.(2[4-9]|3[0-7])(\\.[0-9]+)?$")
}
