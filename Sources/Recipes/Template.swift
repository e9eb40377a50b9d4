/// A text in which `{{name}}` stands for the value of a variable, as in Mustache. Nothing else of Mustache is known.
///
/// swift-mustache is not used. Its parser counts the characters that are left at each brace, so that 1 MiB of JSON takes
/// minutes, and it refuses a text that ends with a single brace.
struct Template {
  /// Bytes of a text with its variables filled in.
  static let longest = 16 << 20
  /// Mistakes that are kept of one template. What is behind them is not filled in.
  static let mostMistakes = 100

  let text: String
  /// Where its first line stands.
  let place: Place

  /// The text with the values of its variables.
  struct Filled {
    var text: String
    /// Names that stand in the template.
    var names: Set<String>
    var mistakes: [Mistake]
  }

  func filled(with variables: [String: String]) -> Filled {
    var filled = Filled(text: "", names: [], mistakes: [])
    var result: [UInt8] = []
    let bytes = Array(text.utf8)
    var line = place.line
    var index = 0
    func startsPair(_ index: Int, _ byte: UInt8) -> Bool {
      index + 1 < bytes.count && bytes[index] == byte && bytes[index + 1] == byte
    }
    while index < bytes.count, filled.mistakes.count < Self.mostMistakes {
      guard startsPair(index, UInt8(ascii: "{")) else {
        if bytes[index] == UInt8(ascii: "\n") { line += 1 }
        result.append(bytes[index])
        index += 1
        continue
      }
      let start = index + 2
      var end = start
      while end < bytes.count, bytes[end] != UInt8(ascii: "\n"), !startsPair(end, UInt8(ascii: "}")) { end += 1 }
      let inner = String(decoding: bytes[start..<end], as: UTF8.self)
      let name = String(inner.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      let here = Place(place.file, line: line)
      if !startsPair(end, UInt8(ascii: "}")) {
        filled.mistakes.append(
          Mistake(here, "\("{{\(inner)".quoted) has no \"}}\" in its line; a variable is {{name}}"))
      } else if !Self.isName(name) {
        filled.mistakes.append(
          Mistake(
            here,
            "\("{{\(inner)}}".quoted) is no variable: a template knows nothing but {{name}}, with a name of"
              + " letters, digits, \"_\" and \"-\""
          ))
      } else if let value = variables[name] {
        filled.names.insert(name)
        result += Array(value.utf8)
        guard result.count <= Self.longest else {
          filled.mistakes.append(
            Mistake(here, "with its variables filled in, the text is longer than \(Self.longest) bytes"))
          return filled
        }
      } else {
        filled.names.insert(name)
        filled.mistakes.append(Mistake(here, Self.unknown(name, variables)))
      }
      index = min(end + 2, bytes.count)
      // An unclosed one ends before the line's end.
      if end < bytes.count, bytes[end] == UInt8(ascii: "\n") { index = end }
    }
    filled.text = String(decoding: result, as: UTF8.self)
    return filled
  }

  private static func unknown(_ name: String, _ variables: [String: String]) -> String {
    // To look through thousands of names for each mistake takes too long.
    let known = variables.count <= 100 ? variables.keys.sorted() : []
    let start = "there is no variable \(name.quoted)"
    if let meant = Spelling.nearest(to: name, among: known) { return "\(start); did you mean \(meant.quoted)?" }
    return "\(start); give it a value in \"variables\", or with --set \(name.utf8.count < 40 ? name : "NAME")=VALUE"
  }

  /// Whether a variable can have that name.
  static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, first.isLetter || first == UInt8(ascii: "_"), text.utf8.count <= 100 else {
      return false
    }
    return text.utf8.allSatisfy {
      $0.isLetter || $0.isDigit || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
    }
  }
}

extension UInt8 {
  /// Of ASCII.
  var isLetter: Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= self | 0x20 }
  var isDigit: Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= self }
}
