/// Text by bytes.
///
/// All that the parsers look for is ASCII, so that a cut never lies within a character. Swift's own `Character` would
/// take a carriage return and the line feed behind it for one, and is slow on outputs of megabytes.
enum OutputText {
  /// The lines, without their line feeds and without a carriage return at their end. Like JavaScript's `split`, this
  /// gives an empty line at the end for a text that ends with a line feed, and one empty line for the empty text.
  static func lines(_ text: String) -> [Substring] {
    text[...].pieces(between: "\n").map { $0.utf8.last == UInt8(ascii: "\r") ? $0.dropLastByte() : $0 }
  }

  /// The lines that are not empty, each with its number, counted from 1.
  static func filledLines(_ text: String) -> [(number: Int, text: Substring)] {
    var result: [(number: Int, text: Substring)] = []
    for (index, line) in lines(text).enumerated() where !line.isEmpty { result.append((index + 1, line)) }
    return result
  }
}

extension Substring {
  /// The text without blanks, tabs and other ASCII white space at both ends.
  var trimmed: Substring {
    let bytes = utf8
    var start = bytes.startIndex
    var end = bytes.endIndex
    while start < end, bytes[start].isWhiteSpace { start = bytes.index(after: start) }
    while start < end {
      let previous = bytes.index(before: end)
      guard bytes[previous].isWhiteSpace else { break }
      end = previous
    }
    return self[start..<end]
  }

  /// The beginning, for messages.
  var excerpt: String { String(decoding: utf8.prefix(80), as: UTF8.self) }

  func dropLastByte() -> Substring { self[startIndex..<utf8.index(before: endIndex)] }

  /// Whether the text begins with these bytes.
  func begins(with prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

  /// Whether these bytes are in the text.
  func has(_ part: String) -> Bool { utf8.place(of: part.utf8) != nil }

  /// The pieces between the places where the separator stands, empty ones too.
  func pieces(between separator: String) -> [Substring] {
    var result: [Substring] = []
    var rest = self
    while let place = rest.utf8.place(of: separator.utf8) {
      result.append(rest[rest.startIndex..<place.lowerBound])
      rest = rest[place.upperBound...]
    }
    result.append(rest)
    return result
  }

  /// What stands before the separator and what behind it, up to the next one or the end: the rule of most stock parsers,
  /// which cut values at a second separator.
  func pair(at separator: String) -> (key: Substring, value: Substring?) {
    guard let place = utf8.place(of: separator.utf8) else { return (self, nil) }
    let rest = self[place.upperBound...]
    let end = rest.utf8.place(of: separator.utf8)?.lowerBound ?? endIndex
    return (self[startIndex..<place.lowerBound], rest[rest.startIndex..<end])
  }

  /// What stands before the separator and all that stands behind it.
  func halves(at separator: String) -> (key: Substring, value: Substring?) {
    guard let place = utf8.place(of: separator.utf8) else { return (self, nil) }
    return (self[startIndex..<place.lowerBound], self[place.upperBound...])
  }

  /// The pieces between runs of at least that many bytes of white space. As with JavaScript's `split`, a text that
  /// begins or ends with such a run has an empty piece there.
  func columns(apart gap: Int = 1) -> [Substring] {
    var result: [Substring] = []
    let bytes = utf8
    var start = bytes.startIndex
    var index = start
    while index < bytes.endIndex {
      guard bytes[index].isWhiteSpace else {
        index = bytes.index(after: index)
        continue
      }
      var end = index
      var count = 0
      while end < bytes.endIndex, bytes[end].isWhiteSpace {
        end = bytes.index(after: end)
        count += 1
      }
      if count >= gap {
        result.append(self[start..<index])
        start = end
      }
      index = end
    }
    result.append(self[start..<bytes.endIndex])
    return result
  }

  /// The words between blanks.
  var words: [Substring] { utf8.split(separator: UInt8(ascii: " ")).map { Substring($0) } }
}

extension Substring.UTF8View {
  /// The first place where these bytes stand. The time is the product of both lengths at worst, and separators are short.
  func place(of part: String.UTF8View) -> Range<Index>? {
    guard let first = part.first else { return nil }
    var start = startIndex
    while let found = self[start...].firstIndex(of: first) {
      if self[found...].starts(with: part) {
        return found..<index(found, offsetBy: part.count)
      }
      start = index(after: found)
    }
    return nil
  }
}

extension UInt8 {
  /// Blank, tab, line feed, vertical tab, form feed, carriage return.
  var isWhiteSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
