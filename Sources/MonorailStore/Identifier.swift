import Foundation

/// New identifiers, in the forms of the stock server.
enum Identifier {
  /// Of a run or a task of it: a UUID in lower case.
  static func instance() -> String { UUID().uuidString.lowercased() }

  /// Of a stored object: 24 hexadecimal digits.
  static func object() -> String { text(digits: 24) }

  /// Random hexadecimal digits.
  static func text(digits: Int) -> String {
    let characters = Array("0123456789abcdef".utf8)
    var generator = SystemRandomNumberGenerator()
    return String(
      decoding: (0..<max(0, digits)).map { _ in characters[Int.random(in: 0..<16, using: &generator)] }, as: UTF8.self)
  }
}
