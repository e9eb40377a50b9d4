/// The pieces of a template: texts, and tags of Mustache.
enum TemplateToken: Equatable {
  case text(Substring)
  /// - kind: the character behind the opening braces, `{` for three of them; `nil` for a plain name.
  /// - name: what else is in the tag, without blanks at its ends.
  /// - source: the tag as it was written, with its braces.
  case tag(kind: Character?, name: String, source: Substring)

  static func hasTags(_ text: String) -> Bool { text.contains("{{") }

  /// Splits a template. An opening that is never closed is text. Texts end behind each line break.
  static func tokens(of template: String) -> [TemplateToken] {
    var tokens: [TemplateToken] = []
    var rest = template[...]
    while let open = rest.firstRange(of: "{{") {
      let inside = rest[open.upperBound...]
      let kind = inside.first.flatMap { "#^/&!>{=<$".contains($0) ? $0 : nil }
      guard let close = inside.firstRange(of: kind == "{" ? "}}}" : "}}") else { break }
      appendLines(of: rest[..<open.lowerBound], to: &tokens)
      let content = inside[..<close.lowerBound].dropFirst(kind == nil ? 0 : 1)
      tokens.append(.tag(kind: kind, name: trimmed(content), source: rest[open.lowerBound..<close.upperBound]))
      rest = rest[close.upperBound...]
    }
    appendLines(of: rest, to: &tokens)
    return tokens
  }

  private static func appendLines(of text: Substring, to tokens: inout [TemplateToken]) {
    var rest = text
    while let end = rest.firstIndex(where: \.isNewline) {
      tokens.append(.text(rest[...end]))
      rest = rest[rest.index(after: end)...]
    }
    if !rest.isEmpty { tokens.append(.text(rest)) }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while let last = text.last, last.isWhitespace { text.removeLast() }
    return String(text)
  }
}
