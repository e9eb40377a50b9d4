// libyaml, which Yams brings along and parses with.
internal import CYaml

/// Looks through the parts of a YAML text, before Yams makes a tree of them.
///
/// Yams takes the value of an alias for it and does not tell, and it compares the keys of each map with all that is in them:
/// some hundred bytes of aliases in aliases keep it busy for years. So what a recipe may not have is found here, in a time
/// that grows with the text's length only.
struct YAMLScreening {
  /// Maps and lists in each other.
  static let deepest = 32
  /// Texts, lists and maps.
  static let mostValues = 50_000

  private let file: String
  private var mistakes: [Mistake] = []
  private var documents = 0
  private var values = 0
  private var open: [Collection] = []

  /// A list or map whose end has not come yet.
  private struct Collection {
    let isMap: Bool
    /// Of a map: whether the next value is a key.
    var isKeyNext: Bool
    /// Of a map: the keys so far, with their lines.
    var keys: [[UInt8]: Int] = [:]
  }

  private init(file: String) { self.file = file }

  /// - Throws: what is no YAML, or not allowed in a recipe.
  static func check(_ text: [UInt8], file: String) throws(Mistakes) {
    var screening = YAMLScreening(file: file)
    if let line = lineOfTagDirective(text) {
      throw Mistakes([
        Mistake(Place(file, line: line), "\"%TAG\" begins a directive of YAML, and these are not taken in a recipe")
      ])
    }
    screening.run(text)
    guard screening.mistakes.isEmpty else { throw Mistakes(screening.mistakes) }
  }

  /// libyaml compares each such directive with all before it.
  private static func lineOfTagDirective(_ text: [UInt8]) -> Int? {
    let word = Array("%TAG".utf8)
    var line = 1
    var isStart = true
    for index in text.indices {
      if isStart, text[index] == word[0], text[index...].starts(with: word) { return line }
      // Also where one of the other ends of lines ends that YAML 1.1 knows (U+0085, U+2028, U+2029), or a byte order mark.
      isStart = [0x0A, 0x0D, 0x85, 0xA8, 0xA9, 0xBF].contains(text[index])
      if text[index] == 0x0A { line += 1 }
    }
    return nil
  }

  private mutating func run(_ text: [UInt8]) {
    // The parser keeps a pointer to itself, so it must not move.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    yaml_parser_initialize(parser)
    defer { yaml_parser_delete(parser) }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    text.withUnsafeBufferPointer { bytes in
      yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
      var goesOn = true
      while goesOn {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else {
          mistakes.append(YAMLProblem.mistake(of: parser.pointee, in: text, file: file))
          return
        }
        goesOn = take(event)
        yaml_event_delete(&event)
      }
    }
  }

  /// - Returns: whether to go on.
  private mutating func take(_ event: yaml_event_t) -> Bool {
    let line = Int(event.start_mark.line) + 1
    switch event.type {
    case YAML_STREAM_END_EVENT: return false
    case YAML_DOCUMENT_START_EVENT:
      documents += 1
      return documents == 1
        || refuse(line, "a second YAML document begins here; a recipe is one document: remove the line \"---\"")
    case YAML_ALIAS_EVENT: return refuse(line, Self.aliases)
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let text = [UInt8](UnsafeBufferPointer(start: scalar.value, count: scalar.length))
      if text.contains(0) {
        mistakes.append(
          Mistake(
            Place(file, line: line), "the text holds a NUL character (\"\\0\"), which no name or file of text may have")
        )
      }
      return begin(line, tag: scalar.tag, anchor: scalar.anchor, key: text)
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      return begin(line, tag: start.tag, anchor: start.anchor) && enter(line, isMap: false)
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      return begin(line, tag: start.tag, anchor: start.anchor) && enter(line, isMap: true)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      open.removeLast()
      return true
    default: return true
    }
  }

  private static let aliases =
    "anchors (&name) and aliases (*name) are not taken in a recipe: write the value out, or use variables"

  static let tooDeep =
    "more than \(deepest) lists and maps stand in each other; no key of a recipe needs more than four"

  /// A value begins.
  ///
  /// - Parameter key: what it says if it is text.
  private mutating func begin(
    _ line: Int, tag: UnsafeMutablePointer<UInt8>?, anchor: UnsafeMutablePointer<UInt8>?, key: [UInt8]? = nil
  ) -> Bool {
    values += 1
    guard values <= Self.mostValues else {
      return refuse(
        line,
        "the recipe has more than \(Self.mostValues) values; make several recipes of it, and name them in \"from\"")
    }
    guard anchor == nil else { return refuse(line, Self.aliases) }
    if let tag {
      let name = String(cString: tag).quoted
      return refuse(
        line, "\(name) is a YAML tag, and tags are not taken in a recipe; text that begins with \"!\" stands in quotes")
    }
    guard let last = open.indices.last, open[last].isMap else { return true }
    if open[last].isKeyNext {
      guard let key else {
        return refuse(
          line, "a key is text, and here stands a list or a map; text that begins with \"[\" or \"{\" stands in quotes")
      }
      if let first = open[last].keys.updateValue(line, forKey: key) {
        open[last].keys[key] = first
        let name = String(decoding: key, as: UTF8.self).quoted
        mistakes.append(
          Mistake(Place(file, line: line), "the key \(name) stands in line \(first) already; put both values into one"))
      }
    }
    open[last].isKeyNext.toggle()
    return true
  }

  private mutating func enter(_ line: Int, isMap: Bool) -> Bool {
    open.append(Collection(isMap: isMap, isKeyNext: isMap))
    return open.count <= Self.deepest || refuse(line, Self.tooDeep)
  }

  private mutating func refuse(_ line: Int, _ message: String) -> Bool {
    mistakes.append(Mistake(Place(file, line: line), message))
    return false
  }
}
