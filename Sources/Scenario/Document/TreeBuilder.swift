// SPDX-License-Identifier: GPL-3.0-or-later
//
// Document trees from YAML events: nesting, keys, anchors and aliases, merge keys, and the limits. An alias
// shares the tree of its anchor, so it costs no memory, but counts as all the values it stands for.

internal import CYaml

/// A mistake that makes the rest of a document unreadable.
struct DocumentFailure: Error {
  var diagnostic: Diagnostic
  /// A limit was passed: later documents are not looked at either.
  var endsFile = false
}

struct TreeBuilder {
  let file: String
  var linesBefore = 0
  private(set) var documents: [DocumentNode] = []
  var mistakes: [Diagnostic] = []
  private var frames: [Frame] = []
  private var anchors: [String: Built] = [:]
  private var nodeCount = 0

  /// A finished value with its size after alias expansion.
  private struct Built {
    var node: DocumentNode
    var count = 1
    /// Collections inside each other, this one included.
    var height = 0
  }

  /// A collection whose end has not come yet.
  private struct Frame {
    var isMapping: Bool
    var position: SourcePosition
    var anchor: String?
    var items: [DocumentNode] = []
    var entries: [DocumentNode.Entry] = []
    var keys: Set<String> = []
    var key: (text: String, position: SourcePosition, isMerge: Bool)?
    var merges: [DocumentNode] = []
    var count = 1
    var height = 0
    var expectsKey: Bool { isMapping && key == nil }
  }

  init(file: String) { self.file = file }

  /// Anchors do not reach beyond their document.
  mutating func startDocument() {
    frames.removeAll()
    anchors.removeAll()
  }

  func position(_ mark: yaml_mark_t) -> SourcePosition {
    SourcePosition(file: file, line: Int(mark.line) + 1 + linesBefore, column: Int(mark.column) + 1)
  }

  mutating func take(_ event: yaml_event_t) throws(DocumentFailure) {
    let place = position(event.start_mark)
    switch event.type {
    case YAML_DOCUMENT_START_EVENT:
      startDocument()
    case YAML_ALIAS_EVENT:
      try takeAlias(text(event.data.alias.anchor) ?? "", at: place)
    case YAML_SCALAR_EVENT:
      try takeScalar(event, at: place)
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      try open(isMapping: false, anchor: text(start.anchor), tag: text(start.tag), at: place)
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      try open(isMapping: true, anchor: text(start.anchor), tag: text(start.tag), at: place)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      try close()
    default:
      break
    }
  }

  private func text(_ pointer: UnsafePointer<UInt8>?) -> String? {
    pointer.map { String(cString: $0) }
  }

  private mutating func takeAlias(_ name: String, at place: SourcePosition) throws(DocumentFailure) {
    if frames.last?.expectsKey == true { throw failure(place, "an alias cannot be a key") }
    guard var built = anchors[name] else {
      throw failure(place, "alias *\(shortened(name)) refers to no anchor above it")
    }
    built.node.position = place
    try add(built)
  }

  private mutating func takeScalar(_ event: yaml_event_t, at place: SourcePosition) throws(DocumentFailure) {
    let scalar = event.data.scalar
    let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
    let value = String(decoding: bytes, as: UTF8.self)
    var isPlain = scalar.style == YAML_PLAIN_SCALAR_STYLE
    if let tag = text(scalar.tag) { isPlain = try isPlainByTag(tag, at: place) }
    if frames.last?.expectsKey == true {
      try takeKey(value, isMerge: isPlain && value == "<<", at: place)
      return
    }
    let built = Built(node: DocumentNode(.scalar(.init(text: value, isPlain: isPlain)), at: place))
    if let anchor = text(scalar.anchor) { anchors[anchor] = built }
    try add(built)
  }

  /// Explicit tags of the core schema say whether the text decides the type.
  private func isPlainByTag(_ tag: String, at place: SourcePosition) throws(DocumentFailure) -> Bool {
    switch tag {
    case "!", "tag:yaml.org,2002:str": return false
    case "tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:bool",
      "tag:yaml.org,2002:null":
      return true
    default: throw failure(place, "the YAML tag \(shortened(tag)) is not supported")
    }
  }

  private mutating func takeKey(_ key: String, isMerge: Bool, at place: SourcePosition)
    throws(DocumentFailure)
  {
    nodeCount += 1
    try checkNodes(at: place)
    let top = frames.count - 1
    if !isMerge, !frames[top].keys.insert(key).inserted {
      mistakes.append(Diagnostic(position: place, message: "the key \"\(shortened(key))\" appears twice"))
    }
    frames[top].key = (key, place, isMerge)
  }

  private mutating func open(
    isMapping: Bool, anchor: String?, tag: String?, at place: SourcePosition
  ) throws(DocumentFailure) {
    if frames.last?.expectsKey == true {
      throw failure(place, "\(isMapping ? "an object" : "a list") cannot be a key")
    }
    let expected = isMapping ? "tag:yaml.org,2002:map" : "tag:yaml.org,2002:seq"
    if let tag, tag != "!", tag != expected {
      throw failure(place, "the YAML tag \(shortened(tag)) is not supported")
    }
    try checkDepth(frames.count + 1, at: place)
    frames.append(Frame(isMapping: isMapping, position: place, anchor: anchor))
  }

  private mutating func close() throws(DocumentFailure) {
    guard var frame = frames.popLast() else { return }
    merge(into: &frame)
    let content: DocumentNode.Content = frame.isMapping ? .mapping(frame.entries) : .sequence(frame.items)
    let built = Built(
      node: DocumentNode(content, at: frame.position), count: frame.count, height: frame.height + 1)
    if let anchor = frame.anchor { anchors[anchor] = built }
    // Its parts were counted when they came.
    try add(built, counting: 1)
  }

  /// Gives a finished value to the collection around it, or ends the document.
  private mutating func add(_ built: Built, counting: Int? = nil) throws(DocumentFailure) {
    nodeCount += counting ?? built.count
    try checkNodes(at: built.node.position)
    try checkDepth(frames.count + built.height, at: built.node.position)
    guard !frames.isEmpty else {
      if !built.node.isNull || built.node.scalar?.text.isEmpty == false { documents.append(built.node) }
      return
    }
    let top = frames.count - 1
    frames[top].count += built.count
    frames[top].height = max(frames[top].height, built.height)
    if !frames[top].isMapping {
      frames[top].items.append(built.node)
    } else if let key = frames[top].key {
      frames[top].key = nil
      if key.isMerge {
        frames[top].merges.append(built.node)
      } else {
        frames[top].entries.append(.init(key: key.text, keyPosition: key.position, value: built.node))
      }
    }
  }

  /// YAML 1.1 merge keys: `<<: *anchor` adds the anchor's pairs whose keys are not there yet.
  private mutating func merge(into frame: inout Frame) {
    for source in frame.merges {
      let parts = source.sequence ?? [source]
      for part in parts {
        guard let entries = part.mapping else {
          mistakes.append(Diagnostic(position: part.position, message: "<< expects an object to merge"))
          continue
        }
        for entry in entries where frame.keys.insert(entry.key).inserted { frame.entries.append(entry) }
      }
    }
  }

  private func checkNodes(at place: SourcePosition) throws(DocumentFailure) {
    guard nodeCount > DocumentLimits.nodes else { return }
    let message = "more than \(DocumentLimits.nodes) values, aliases counted as what they stand for"
    throw DocumentFailure(diagnostic: Diagnostic(position: place, message: message), endsFile: true)
  }

  private func checkDepth(_ depth: Int, at place: SourcePosition) throws(DocumentFailure) {
    guard depth > DocumentLimits.depth else { return }
    let mistake = Diagnostic(position: place, message: DocumentLimits.depthMessage)
    throw DocumentFailure(diagnostic: mistake, endsFile: true)
  }

  private func failure(_ place: SourcePosition, _ message: String) -> DocumentFailure {
    DocumentFailure(diagnostic: Diagnostic(position: place, message: message))
  }
}
