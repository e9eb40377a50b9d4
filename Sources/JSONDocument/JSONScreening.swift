/// Goes over a document's text before json-c does.
///
/// json-c turns integers beyond 64 bits, and minus zero, into the nearest number that it can hold, but keeps the source text
/// of a *fraction*: so these pass through it with an exponent that means nothing and is taken off again. It also takes
/// numbers and quotes that are not JSON's; they are refused here, and so are documents that are too deep or have too many values.
enum JSONScreening {
  private static let mark = "e00000000000000000"
  private static let longestSafe = 18

  /// - Throws: `JSONParseError` for a token that is not JSON, and for more than about `maximumValues` values.
  static func prepared(_ text: some Collection<UInt8>, maximumValues: Int) throws(JSONParseError) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count + 64)
    var values = 1
    var depth = 0
    var inString = false
    var escaped = false
    var word: [UInt8] = []
    for (offset, byte) in text.enumerated() {
      if inString {
        result.append(byte)
        if escaped {
          escaped = false
        } else if byte == UInt8(ascii: "\\") {
          escaped = true
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
        continue
      }
      if isWordByte(byte) {
        word.append(byte)
        continue
      }
      try appendWord(&word, to: &result, offset)
      result.append(byte)
      switch byte {
      case UInt8(ascii: "\""): inString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        values += 1
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      case UInt8(ascii: ","): values += 1
      case UInt8(ascii: "'"): throw JSONParseError(reason: "a single quote", offset: offset)
      default: break
      }
      guard depth <= JSON.maximumDepth else { throw JSONParseError(reason: "nesting too deep", offset: offset) }
      guard values <= maximumValues else {
        throw JSONParseError(reason: "more than \(maximumValues) values", offset: offset)
      }
    }
    try appendWord(&word, to: &result, result.count)
    return result
  }

  static func restored(_ number: String) -> String {
    guard number.hasSuffix(mark) else { return number }
    let source = number.dropLast(mark.utf8.count)
    return needsMark(Array(source.utf8)) ? String(source) : number
  }

  private static func appendWord(_ word: inout [UInt8], to result: inout [UInt8], _ offset: Int) throws(JSONParseError)
  {
    guard !word.isEmpty else { return }
    let isName = [Array("true".utf8), Array("false".utf8), Array("null".utf8)].contains(word)
    guard isName || isNumber(word) else {
      throw JSONParseError(reason: "\(String(decoding: word.prefix(30), as: UTF8.self)) is no value", offset: offset)
    }
    result += word
    if needsMark(word) { result += mark.utf8 }
    word.removeAll(keepingCapacity: true)
  }

  private static func needsMark(_ word: [UInt8]) -> Bool {
    let digits = word.first == UInt8(ascii: "-") ? word.dropFirst() : word[...]
    return digits.allSatisfy(isDigit) && (digits.count > longestSafe || word == Array("-0".utf8))
  }

  /// RFC 8259, section 6.
  private static func isNumber(_ word: [UInt8]) -> Bool {
    var rest = word[...]
    func take(_ characters: String) -> Bool {
      guard let first = rest.first, characters.utf8.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    func takeDigits() -> Bool {
      let count = rest.prefix(while: isDigit).count
      rest = rest.dropFirst(count)
      return count > 0
    }
    _ = take("-")
    if !take("0"), !takeDigits() { return false }
    if take("."), !takeDigits() { return false }
    if take("eE") {
      _ = take("+-")
      if !takeDigits() { return false }
    }
    return rest.isEmpty
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-"),
      UInt8(ascii: "+"), UInt8(ascii: "."):
      true
    default: isDigit(byte)
    }
  }
}
