// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which paths `--set` could continue with, for the shell: keys of the format, and names of the items that a
// scenario's lists have.

/// Paths of settings.
public enum SettingPaths {
  /// Paths that continue `prefix` by one key or item; a value follows where the path ends with `=`.
  /// - Parameter scenario: the file whose items are offered; without one only keys are.
  public static func completions(of prefix: String, scenario: String?) -> [String] {
    guard !prefix.contains("=") else { return [] }
    let dot = prefix.lastIndex(of: ".")
    let parent = dot.map { String(prefix[..<$0]) } ?? ""
    let lead = dot.map { String(prefix[...$0]) } ?? ""
    guard let steps = parent.isEmpty ? [] : Override.steps(parent[...]) else { return [] }
    let document = scenario.flatMap { try? ScenarioLoader.document(path: $0, overrides: []) }
    let all = names(after: steps, shape: ScenarioFormat.root, node: document).map { lead + $0 }
    return all.filter { $0.hasPrefix(prefix) }
  }

  private static func names(after steps: [Override.Step], shape: Shape, node: DocumentNode?) -> [String] {
    var (shape, node): (Shape?, DocumentNode?) = (shape, node)
    for step in steps {
      if case .list(let item, _)? = shape?.resolved(for: .list) {
        shape = item
        node = self.item(step, of: node)
      } else if case .key(let key) = step {
        shape = shape?.resolved(for: .object)?.field(key)?.shape
        node = node?[key]
      } else {
        return []
      }
    }
    if case .list? = shape?.resolved(for: .list) { return itemNames(of: node) }
    guard case .object(let object)? = shape?.resolved(for: .object) else { return [] }
    return object.allFields.map { field in
      // What can be written as one value is offered as one.
      let isValue = field.shape.accepts(.string) || field.shape.accepts(.number)
      let isObject = field.shape.resolved(for: .object) != nil
      let isDeeper = !isValue && (isObject || field.shape.resolved(for: .list) != nil)
      return field.name + (isDeeper ? "." : "=")
    }
  }

  private static func item(_ step: Override.Step, of node: DocumentNode?) -> DocumentNode? {
    guard let items = node?.sequence else { return nil }
    switch step {
    case .index(let index): return items.indices.contains(index) ? items[index] : nil
    case .key(let name): return items.first { $0["name"]?.string == name }
    }
  }

  /// With a dot behind them, since something must follow.
  private static func itemNames(of node: DocumentNode?) -> [String] {
    (node?.sequence ?? []).compactMap { $0["name"]?.string }.map { $0 + "." }
  }
}
