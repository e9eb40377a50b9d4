import JSONDocument

/// Makes JSON of XML as the stock server's library (xml2js) does: `{root: {child: [...]}}`.
///
/// Children are always arrays. Attributes are an object under `$`, and text beside attributes or children is under `_`; an
/// element that has only text is a text. What follows the root element is not looked at. A document cannot define
/// entities, so that it cannot grow by them.
struct XMLOutput {
  private struct Element {
    let name: String
    var attributes = Fields()
    var text: [UInt8] = []
    /// Text from a CDATA section counts also when it is blank.
    var isLiteral = false
    var children: [(name: String, values: [JSON])] = []
    var places: [String: Int] = [:]

    mutating func add(_ name: String, _ value: JSON) {
      if let place = places[name] {
        children[place].values.append(value)
      } else {
        places[name] = children.count
        children.append((name, [value]))
      }
    }

    var json: JSON {
      let content = JSON.string(String(decoding: text, as: UTF8.self))
      if attributes.isEmpty && children.isEmpty { return content }
      var fields = Fields()
      if isLiteral || !text.allSatisfy(\.isWhiteSpace) { fields["_"] = content }
      if !attributes.isEmpty { fields["$"] = attributes.json }
      for child in children { fields[child.name] = .array(child.values) }
      return fields.json
    }
  }

  private let bytes: [UInt8]
  private var place = 0
  private var budget = ValueBudget()

  private init(_ text: String) { bytes = Array(text.utf8) }

  static func parse(_ output: String) throws(Unparsable) -> JSON {
    var parser = XMLOutput(output)
    return try parser.document()
  }

  private mutating func document() throws(Unparsable) -> JSON {
    var open: [Element] = []
    if startsWith("\u{FEFF}") { place += 3 }
    while place < bytes.count {
      if bytes[place] != UInt8(ascii: "<") {
        let text = try characters()
        if open.isEmpty {
          guard text.allSatisfy(\.isWhiteSpace) else { throw problem("text before the first element") }
        } else {
          open[open.count - 1].text += text
        }
      } else if startsWith("<!--") {
        try skip(past: "-->")
      } else if startsWith("<![CDATA["), !open.isEmpty {
        let start = place + 9
        try skip(past: "]]>")
        open[open.count - 1].text += bytes[start..<place - 3]
        open[open.count - 1].isLiteral = true
      } else if startsWith("<?") {
        try skip(past: "?>")
      } else if startsWith("<!") {
        try skipDeclaration()
      } else if startsWith("</") {
        place += 2
        let name = try takeName()
        skipWhiteSpace()
        guard take(">"), let element = open.popLast(), element.name == name else {
          throw problem("the end of an element that is not open")
        }
        guard !open.isEmpty else { return object(element) }
        open[open.count - 1].add(element.name, element.json)
      } else {
        let (element, isClosed) = try startTag()
        if !isClosed {
          guard open.count < CatalogLimits.depth else { throw problem("elements nest too deeply") }
          open.append(element)
        } else if open.isEmpty {
          return object(element)
        } else {
          open[open.count - 1].add(element.name, element.json)
        }
      }
    }
    throw problem(open.last.map { "the element \($0.name[...].excerpt) does not end" } ?? "there is no element")
  }

  private func object(_ root: Element) -> JSON {
    var fields = Fields()
    fields[root.name] = root.json
    return fields.json
  }

  private mutating func startTag() throws(Unparsable) -> (Element, isClosed: Bool) {
    place += 1
    var element = Element(name: try takeName())
    try budget.take(1)
    while true {
      skipWhiteSpace()
      if take("/>") { return (element, true) }
      if take(">") { return (element, false) }
      let name = try takeName()
      skipWhiteSpace()
      guard take("="), let quote = nextQuote() else { throw problem("the attribute \(name[...].excerpt) has no value") }
      var value: [UInt8] = []
      while place < bytes.count, bytes[place] != quote {
        if bytes[place] == UInt8(ascii: "&") {
          value += try reference()
        } else {
          value.append(bytes[place])
          place += 1
        }
      }
      guard place < bytes.count else { throw problem("the value of \(name[...].excerpt) does not end") }
      place += 1
      try budget.take(1)
      element.attributes[name] = .string(String(decoding: value, as: UTF8.self))
    }
  }

  private mutating func nextQuote() -> UInt8? {
    skipWhiteSpace()
    guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") || bytes[place] == UInt8(ascii: "'") else {
      return nil
    }
    place += 1
    return bytes[place - 1]
  }

  /// Text up to the next tag.
  private mutating func characters() throws(Unparsable) -> [UInt8] {
    var text: [UInt8] = []
    while place < bytes.count, bytes[place] != UInt8(ascii: "<") {
      if bytes[place] == UInt8(ascii: "&") {
        text += try reference()
      } else {
        text.append(bytes[place])
        place += 1
      }
    }
    return text
  }

  /// `&lt;`, `&#60;`, `&#x3C;`.
  private mutating func reference() throws(Unparsable) -> [UInt8] {
    guard let end = bytes[place...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
      throw problem("a & that begins no entity")
    }
    let name = String(decoding: bytes[place + 1..<end], as: UTF8.self)
    let named = ["lt": "<", "gt": ">", "amp": "&", "quot": "\"", "apos": "'"]
    var text = named[name]
    if name[...].begins(with: "#") {
      let digits = name.dropFirst()
      let isHexadecimal = digits[...].begins(with: "x")
      let number = isHexadecimal ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
      text = number.flatMap { Unicode.Scalar($0) }.map { String(Character($0)) }
    }
    guard let text else { throw problem("the entity &\(name); is not known") }
    place = end + 1
    return Array(text.utf8)
  }

  /// A name ends at white space and at what may follow it in a tag.
  private mutating func takeName() throws(Unparsable) -> String {
    let start = place
    while place < bytes.count, !bytes[place].isWhiteSpace, !"<>/='\"&".utf8.contains(bytes[place]) { place += 1 }
    guard place > start else { throw problem("a name is missing") }
    return String(decoding: bytes[start..<place], as: UTF8.self)
  }

  private mutating func skipWhiteSpace() {
    while place < bytes.count, bytes[place].isWhiteSpace { place += 1 }
  }

  private func startsWith(_ text: String) -> Bool { bytes[place...].starts(with: text.utf8) }

  private mutating func take(_ text: String) -> Bool {
    guard startsWith(text) else { return false }
    place += text.utf8.count
    return true
  }

  private mutating func skip(past end: String) throws(Unparsable) {
    let start = place
    while place < bytes.count {
      if take(end) { return }
      place += 1
    }
    place = start
    throw problem("\(end) is missing")
  }

  /// A document type, with an internal subset in brackets perhaps.
  private mutating func skipDeclaration() throws(Unparsable) {
    var depth = 0
    while place < bytes.count {
      let byte = bytes[place]
      place += 1
      switch byte {
      case UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "]"): depth -= 1
      case UInt8(ascii: ">") where depth <= 0: return
      default: break
      }
    }
    throw problem("a declaration does not end")
  }

  private func problem(_ reason: String) -> Unparsable {
    Unparsable("not the XML of a tool: \(reason), after \(place) bytes")
  }
}
