/// Reads a document's text before json-c does, and makes the text that json-c gets.
///
/// json-c turns integers beyond 64 bits, and minus zero, into the nearest number that it can hold, but it keeps the source
/// text of a *fraction*. So such an integer gets an exponent of zero for its way through json-c; `restored` takes the
/// exponent off again. json-c also accepts numbers and quotes that are not JSON. Those are refused here, and so is a
/// document that is nested too deeply or has too many values.
struct JSONScreening {
  private static let mark = "e00000000000000000"
  /// An integer of that many digits fits into 64 bits.
  private static let longestSafe = 18

  /// The text for json-c.
  private(set) var text: [UInt8] = []
  /// Where `text` has a mark that the input has not: for each mark the place of its first byte in `text`.
  private var marks: [Int] = []
  private var word: [UInt8] = []

  /// - Throws: `JSONParseError` for a token that is not JSON, and for more than about `maximumValues` values.
  init(_ input: [UInt8], maximumValues: Int, maximumDepth: Int) throws(JSONParseError) {
    text.reserveCapacity(input.count + 64)
    var values = 1
    var depth = 0
    var inString = false
    var escaped = false
    for (offset, byte) in input.enumerated() {
      if byte == 0 { throw JSONParseError(reason: "NUL byte", offset: offset) }
      if inString {
        text.append(byte)
        if escaped {
          escaped = false
        } else if byte == UInt8(ascii: "\\") {
          escaped = true
        } else if byte == UInt8(ascii: "\"") {
          inString = false
        }
        continue
      }
      if Self.isWordByte(byte) {
        word.append(byte)
        continue
      }
      try finishWord(at: offset)
      text.append(byte)
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
      guard depth <= maximumDepth else { throw JSONParseError(reason: "nesting too deep", offset: offset) }
      guard values <= maximumValues else {
        throw JSONParseError(reason: "more than \(maximumValues) values", offset: offset, isOfSize: true)
      }
    }
    try finishWord(at: text.count - marks.count * Self.mark.utf8.count + word.count)
  }

  /// The place in the input that belongs to a place in `text`. A place within a mark belongs to the end of its number.
  func inputOffset(of position: Int) -> Int {
    let length = Self.mark.utf8.count
    return position - marks.reduce(0) { $0 + min(max(0, position - $1), length) }
  }

  /// The number as it stood in the input.
  static func restored(_ number: String) -> String {
    guard number.hasSuffix(mark) else { return number }
    let source = number.dropLast(mark.utf8.count)
    return needsMark(Array(source.utf8)) ? String(source) : number
  }

  /// Takes the number or name that ends before that place of the input.
  private mutating func finishWord(at end: Int) throws(JSONParseError) {
    guard !word.isEmpty else { return }
    let isName = [Array("true".utf8), Array("false".utf8), Array("null".utf8)].contains(word)
    guard isName || Self.isNumber(word) else {
      throw JSONParseError(
        reason: "\(String(decoding: word.prefix(30), as: UTF8.self)) is no value", offset: end - word.count)
    }
    text += word
    if Self.needsMark(word) {
      marks.append(text.count)
      text += Self.mark.utf8
    }
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
