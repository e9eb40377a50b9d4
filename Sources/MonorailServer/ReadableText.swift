/// Text that came over the network, for people's eyes.
enum ReadableText {
  /// The text in one line, with control characters as `#` and three or more octal digits, as syslog servers write them:
  /// nothing in it can act on a terminal or begin another line. Tabs stay.
  static func line(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var result = ""
    for scalar in text.unicodeScalars {
      if isControl(scalar) {
        let octal = String(scalar.value, radix: 8)
        result += "#" + String(repeating: "0", count: max(0, 3 - octal.utf8.count)) + octal
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// `1 task`, `2 tasks`.
  static func tasks(_ count: Int) -> String { count == 1 ? "1 task" : "\(count) tasks" }

  /// Those of ASCII and of ISO 8859-1, where terminals take U+009B for ESC and a bracket; and Unicode's ends of a line.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x09: false
    case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029: true
    default: false
    }
  }
}
