extension JSON {
  /// The document as text, with nothing between the tokens.
  public var text: String {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The document as text for people: one member a line, two blanks a level, and a final newline.
  public var prettyText: String {
    var bytes: [UInt8] = []
    write(to: &bytes, indentation: 0)
    bytes.append(UInt8(ascii: "\n"))
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends the document's text.
  ///
  /// - Parameter indentation: the level at which the document begins, for text as in `prettyText`; `nil` for text with
  ///   nothing between the tokens.
  public func write(to bytes: inout [UInt8], indentation: Int? = nil) {
    switch self {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .number(let source): bytes += source.utf8
    case .string(let value): JSONStringEscaper.append(value, to: &bytes)
    case .array(let elements):
      Self.writeList(elements, between: "[", and: "]", to: &bytes, indentation: indentation) { element, bytes, level in
        element.write(to: &bytes, indentation: level)
      }
    case .object(let object):
      Self.writeList(object.members, between: "{", and: "}", to: &bytes, indentation: indentation) {
        member, bytes, level in
        JSONStringEscaper.append(member.key, to: &bytes)
        bytes += (level == nil ? ":" : ": ").utf8
        member.value.write(to: &bytes, indentation: level)
      }
    }
  }

  private static func writeList<Element>(
    _ elements: [Element], between open: String, and close: String, to bytes: inout [UInt8], indentation: Int?,
    each: (Element, inout [UInt8], Int?) -> Void
  ) {
    func breakLine(_ level: Int?, _ bytes: inout [UInt8]) {
      guard let level else { return }
      bytes.append(UInt8(ascii: "\n"))
      bytes += repeatElement(UInt8(ascii: " "), count: 2 * level)
    }
    bytes += open.utf8
    let inner = indentation.map { $0 + 1 }
    for (index, element) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      breakLine(inner, &bytes)
      each(element, &bytes, inner)
    }
    if !elements.isEmpty { breakLine(indentation, &bytes) }
    bytes += close.utf8
  }
}
