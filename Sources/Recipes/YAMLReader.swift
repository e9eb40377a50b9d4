internal import CYAML

/// Reads the YAML of a recipe with libyaml, as values with their lines.
///
/// What a recipe may not have is found while the text is parsed, so that the time grows with the text's length only: anchors and
/// aliases, which can stand for any number of values; tags; a second document; keys that are no text, or stand twice.
struct YAMLReader {
  /// Maps and lists in each other.
  static let deepest = 32
  /// Texts, lists and maps.
  static let mostValues = 50_000

  private let file: String
  private var mistakes: [Mistake] = []
  private var documents = 0
  private var values = 0
  private var open: [Collection] = []
  /// The document, when its end has come; `nil` when there is none.
  private var root: RecipeValue?

  /// A list or map whose end has not come yet.
  private struct Collection {
    let isMap: Bool
    let line: Int
    /// Of a map, keys and values in turn.
    var members: [RecipeValue] = []
    /// Of a map: the keys so far, with their lines.
    var keys: [[UInt8]: Int] = [:]

    /// Whether the next value is a key.
    var isKeyNext: Bool { isMap && members.count.isMultiple(of: 2) }
  }

  private init(file: String) { self.file = file }

  /// The value that a text is.
  ///
  /// - Returns: `nil` for a text without a value.
  /// - Throws: what is no YAML, or not allowed in a recipe.
  static func read(_ text: [UInt8], file: String) throws(Mistakes) -> RecipeValue? {
    var reader = YAMLReader(file: file)
    if let line = lineOfTagDirective(text) {
      throw Mistakes([
        Mistake(Place(file, line: line), "\"%TAG\" begins a directive of YAML, and these are not taken in a recipe")
      ])
    }
    reader.run(text)
    guard reader.mistakes.isEmpty else { throw Mistakes(reader.mistakes) }
    return reader.root
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
      guard begin(line, tag: scalar.tag, anchor: scalar.anchor, key: text) else { return false }
      let style: RecipeValue.Style =
        switch scalar.style {
        case YAML_PLAIN_SCALAR_STYLE: .plain
        case YAML_LITERAL_SCALAR_STYLE, YAML_FOLDED_SCALAR_STYLE: .block
        default: .quoted
        }
      end(RecipeValue(.text(String(decoding: text, as: UTF8.self), style), Place(file, line: line)))
      return true
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      return begin(line, tag: start.tag, anchor: start.anchor) && enter(line, isMap: false)
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      return begin(line, tag: start.tag, anchor: start.anchor) && enter(line, isMap: true)
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
      let collection = open.removeLast()
      let members = collection.members
      let pairs = stride(from: 0, to: collection.isMap ? members.count : 0, by: 2).map {
        (members[$0], members[$0 + 1])
      }
      end(
        RecipeValue(collection.isMap ? .map(pairs) : .list(members), Place(file, line: collection.line)))
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
    if let last = open.indices.last, open[last].isKeyNext {
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
    return true
  }

  /// A value is complete.
  private mutating func end(_ value: RecipeValue) {
    if let last = open.indices.last { open[last].members.append(value) } else { root = value }
  }

  private mutating func enter(_ line: Int, isMap: Bool) -> Bool {
    open.append(Collection(isMap: isMap, line: line))
    return open.count <= Self.deepest || refuse(line, Self.tooDeep)
  }

  private mutating func refuse(_ line: Int, _ message: String) -> Bool {
    mistakes.append(Mistake(Place(file, line: line), message))
    return false
  }
}
