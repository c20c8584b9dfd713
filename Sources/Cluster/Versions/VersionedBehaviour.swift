// SPDX-License-Identifier: GPL-3.0-or-later
//
// What changed between versions of Kubernetes: one entry per behaviour, with the version from which each
// form of it holds and where that is written. The code asks an entry instead of comparing version numbers,
// and `sim validate --explain` prints what the entries say for a scenario's version.

import SimKernel

/// The versions of Kubernetes whose behaviour is modelled.
public enum ModelledVersions {
  /// Minor versions of 1.x: from the one that scenarios/seed runs to the newest with published behaviour.
  public static var minors: ClosedRange<Int> { 24...37 }
  public static var text: String { "1.\(minors.lowerBound) to 1.\(minors.upperBound)" }
}

/// One behaviour that differs between versions.
public struct VersionedBehaviour<Value: Sendable>: Sendable {
  /// A form of the behaviour and the first minor version that has it.
  public struct Step: Sendable {
    public var since: Int
    public var value: Value
    /// The form in a few words.
    public var words: String

    public init(_ since: Int, _ value: Value, _ words: String) {
      self.since = since
      self.value = value
      self.words = words
    }
  }

  /// Name under which it is listed.
  public let key: String
  /// Where the versions are written.
  public let source: String
  /// In ascending order; the first holds from the oldest version on.
  public let steps: [Step]

  /// - Parameter first: the form before all `later` ones.
  public init(
    _ key: String, source: String, first: Value, _ words: String, _ later: Step...
  ) {
    self.key = key
    self.source = source
    steps = [Step(0, first, words)] + later
    precondition(
      zip(steps, steps.dropFirst()).allSatisfy { $0.since < $1.since }, "steps of \(key) are out of order")
  }

  /// The form that a version has.
  public func value(in minor: Int) -> Value { step(in: minor).value }

  func step(in minor: Int) -> Step { steps.last { $0.since <= minor } ?? steps[0] }
}

/// An entry of the registry without its type, for those who list it.
public struct BehaviourEntry: Sendable {
  public let key: String
  public let source: String
  /// The first minor version of each form, and the form in words; 0: before all modelled versions.
  public let forms: [(since: Int, words: String)]

  init<Value>(_ behaviour: VersionedBehaviour<Value>) {
    key = behaviour.key
    source = behaviour.source
    forms = behaviour.steps.map { ($0.since, $0.words) }
  }

  /// The form that a version has, in words.
  public func words(in minor: Int) -> String { form(in: minor).words }

  /// The version since which the form of `minor` holds; nil: it is older than all modelled versions.
  public func since(in minor: Int) -> Int? {
    let since = form(in: minor).since
    return since < ModelledVersions.minors.lowerBound ? nil : since
  }

  /// The later version at which the form of `minor` ends; nil: it does not end.
  public func until(in minor: Int) -> Int? { forms.first { $0.since > minor }?.since }

  private func form(in minor: Int) -> (since: Int, words: String) {
    forms.last { $0.since <= minor } ?? forms[0]
  }
}
