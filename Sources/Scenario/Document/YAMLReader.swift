// SPDX-License-Identifier: GPL-3.0-or-later
//
// YAML text to document trees, from libyaml's events. The events come from CYaml, the C half of Yams: Yams'
// own composer shows no events, hides where an alias stood, and compares whole trees when an alias is a key,
// which a small file can make take for ever. Decides how text is cut into documents and where reading goes on
// after a syntax error; the tree itself is put together by TreeBuilder.

internal import CYaml

enum YAMLReader {
  /// All documents but empty ones.
  static func read(_ file: SourceFile) throws(ScenarioError) -> [DocumentNode] {
    var text = file.text
    var documents: [DocumentNode] = []
    var mistakes: [Diagnostic] = []
    text.withUTF8 { bytes in
      var builder = TreeBuilder(file: file.path)
      var start = 0
      var linesBefore = 0
      while start < bytes.count {
        let part = UnsafeBufferPointer(rebasing: bytes[start...])
        let failedLine = readStream(part, linesBefore: linesBefore, into: &builder)
        guard let failedLine, mistakes.count + builder.mistakes.count < ScenarioError.printLimit,
          let next = nextDocument(in: bytes, after: failedLine, from: start, line: linesBefore + 1)
        else { break }
        (start, linesBefore) = (next.offset, next.line - 1)
      }
      documents = builder.documents
      mistakes = builder.mistakes
    }
    if !mistakes.isEmpty { throw ScenarioError(mistakes) }
    return documents
  }

  /// Reads documents until the end or a syntax error.
  ///
  /// - Returns: the line of a syntax error after which a later document may be read, nil if all is done.
  private static func readStream(
    _ bytes: UnsafeBufferPointer<UInt8>, linesBefore: Int, into builder: inout TreeBuilder
  ) -> Int? {
    // libyaml keeps a pointer to the parser inside the parser, so it must not move.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else { return nil }
    defer { yaml_parser_delete(parser) }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
    builder.linesBefore = linesBefore
    builder.startDocument()
    while true {
      var event = yaml_event_t()
      guard yaml_parser_parse(parser, &event) == 1 else {
        let mistake = syntaxError(parser, bytes, builder)
        builder.mistakes.append(mistake)
        builder.startDocument()
        return mistake.position.line
      }
      defer { yaml_event_delete(&event) }
      if event.type == YAML_STREAM_END_EVENT { return nil }
      do {
        try builder.take(event)
      } catch {
        builder.mistakes.append(error.diagnostic)
        builder.startDocument()
        return error.endsFile ? nil : error.diagnostic.position.line
      }
    }
  }

  private static func syntaxError(
    _ parser: UnsafeMutablePointer<yaml_parser_t>, _ bytes: UnsafeBufferPointer<UInt8>, _ builder: TreeBuilder
  ) -> Diagnostic {
    let problem = parser.pointee.problem.map { String(cString: $0) } ?? "cannot be read"
    var message = "YAML syntax: " + problem
    var position = builder.position(parser.pointee.problem_mark)
    // libyaml reads ahead to see whether a bracket begins a key, and has a larger limit of its own.
    if problem.hasPrefix("Maximum nesting level") {
      return Diagnostic(position: position, message: DocumentLimits.depthMessage)
    }
    if parser.pointee.error == YAML_READER_ERROR {
      position = .of(byteOffset: parser.pointee.problem_offset, in: bytes, file: builder.file)
      position.line += builder.linesBefore
    } else if let context = parser.pointee.context {
      let line = Int(parser.pointee.context_mark.line) + 1 + builder.linesBefore
      message += " \(String(cString: context)) that began at line \(line)"
    }
    return Diagnostic(position: position, message: message)
  }

  /// The next line beginning with `---` below a line that could not be read.
  private static func nextDocument(
    in bytes: UnsafeBufferPointer<UInt8>, after failedLine: Int, from start: Int, line firstLine: Int
  ) -> (offset: Int, line: Int)? {
    var line = firstLine
    var offset = start
    while let lineEnd = bytes[offset...].firstIndex(of: 0x0A) {
      offset = lineEnd + 1
      line += 1
      let isMarker = bytes[offset...].starts(with: [0x2D, 0x2D, 0x2D])
      let next = offset + 3 < bytes.count ? bytes[offset + 3] : 0x0A
      if line > failedLine, isMarker, next == 0x0A || next == 0x0D || next == 0x20 || next == 0x09 {
        return (offset, line)
      }
    }
    return nil
  }
}
