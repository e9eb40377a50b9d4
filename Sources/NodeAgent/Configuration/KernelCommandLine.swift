/// The parameters that the kernel was booted with.
///
/// Splits as the kernel's own `next_arg` does (lib/cmdline.c): blanks separate, except within double quotes; a quote around
/// the value or around the whole parameter is taken off. The last of a repeated name wins, and `-` and `_` are the same in
/// a name.
public struct KernelCommandLine: Sendable, Equatable {
  private var values: [String: String] = [:]

  public init(parsing text: String) {
    var rest = Array(text.utf8)[...]
    while let (name, value) = Self.next(&rest) { values[Self.key(name)] = value }
  }

  /// The value of a parameter; `nil` when it is not there or has none.
  public subscript(_ name: String) -> String? { values[Self.key(name)] }

  private static func key(_ name: String) -> String { String(name.map { $0 == "_" ? "-" : $0 }) }

  private static func next(_ rest: inout ArraySlice<UInt8>) -> (String, String?)? {
    let quote = UInt8(ascii: "\"")
    rest = rest.drop(while: isBlank)
    guard !rest.isEmpty else { return nil }
    let isWhollyQuoted = rest.first == quote
    if isWhollyQuoted { rest = rest.dropFirst() }
    var inQuotes = isWhollyQuoted
    var equals: Int?
    var end = rest.startIndex
    while end < rest.endIndex, inQuotes || !isBlank(rest[end]) {
      if equals == nil, rest[end] == UInt8(ascii: "=") { equals = end }
      if rest[end] == quote { inQuotes.toggle() }
      end += 1
    }
    var word = rest[..<end]
    rest = rest[end...]
    if isWhollyQuoted, word.last == quote { word = word.dropLast() }
    guard let equals else { return (text(word), nil) }
    var value = word[min(equals + 1, word.endIndex)...]
    if value.first == quote {
      value = value.dropFirst()
      if value.last == quote { value = value.dropLast() }
    }
    return (text(word[..<equals]), text(value))
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) || byte == 0 }
  private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
