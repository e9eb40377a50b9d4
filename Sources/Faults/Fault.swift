/// Something that goes wrong on purpose with the requests that it matches.
public struct Fault: Sendable, Equatable {
  /// What goes wrong.
  public enum Kind: Sendable, Equatable {
    /// The answer comes, but later.
    case delay(Duration)
    /// Nothing is done; the answer has this status and an error body.
    case status(Int)
    /// Nothing is done; the answer has this status and text, sent as JSON.
    case answer(status: Int, body: String)
    /// Reads the request, does nothing, closes the connection without an answer.
    case drop
    /// Does what was asked, then closes the connection without an answer.
    case loseAnswer
    /// Declares the whole length of the real answer, sends half of it and closes the connection.
    case truncate
    /// Answers with bytes that are not HTTP and closes the connection.
    case garbage
    /// Sends the real answer's body one byte at a time with this pause before each.
    case drip(Duration)
    /// Redirects to the same URL.
    case redirectLoop
    /// A valid JSON document of so many bytes, streamed.
    case huge(bytes: Int)
    /// A task set of arrays nested so deep.
    case deep(levels: Int)
    /// Accepts the request and never answers.
    case hang
  }

  /// `nil`: any.
  public var method: String?
  /// Compared with the path, without the query. `*` stands for any run of characters, slashes too.
  public var path: String
  public var kind: Kind
  /// For how many more requests; `nil`: for ever.
  public var times: Int?

  public init(_ kind: Kind, method: String? = nil, path: String = "*", times: Int? = nil) {
    (self.kind, self.method, self.path, self.times) = (kind, method?.uppercased(), path, times)
  }

  func matches(method: String, path: String) -> Bool {
    (self.method == nil || self.method == method) && Self.glob(Array(self.path.utf8), matches: Array(path.utf8))
  }

  /// Backtracks to the last star only, so that the time is bounded by the product of both lengths.
  private static func glob(_ pattern: [UInt8], matches text: [UInt8]) -> Bool {
    var (position, index) = (0, 0)
    var star: (pattern: Int, text: Int)?
    while index < text.count {
      if position < pattern.count, pattern[position] == UInt8(ascii: "*") {
        star = (position, index)
        position += 1
      } else if position < pattern.count, pattern[position] == text[index] {
        position += 1
        index += 1
      } else if let last = star {
        star = (last.pattern, last.text + 1)
        (position, index) = (last.pattern + 1, last.text + 1)
      } else {
        return false
      }
    }
    return pattern[position...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
