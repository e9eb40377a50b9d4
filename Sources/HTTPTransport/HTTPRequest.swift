/// One request. The URL is absolute, `http` or `https`.
public struct HTTPRequest {
  public enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
  }

  public var method: Method
  public var url: String
  /// Header lines, `Name: value`.
  public var headers: [String] = []
  /// What a POST sends.
  public var body: (any RequestBody)?
  /// Waits for the server's `100 Continue` before the body is sent. That is slower, but the server can refuse the body
  /// before it is sent.
  public var expectsContinue = false
  /// The time limit of the whole exchange in milliseconds, or `nil` when only a stall ends it.
  public var totalTimeout: Int?
  /// How long the request may go on after the client's interruption was raised, in milliseconds; `nil`: until it is
  /// complete.
  public var interruptionGrace: Int?

  public init(_ method: Method, _ url: String) { (self.method, self.url) = (method, url) }
}

/// A body that is made while it is sent, so that it never stands in memory as a whole.
public protocol RequestBody: AnyObject {
  /// The exact number of bytes that `read` will give.
  var byteCount: Int { get }
  /// Goes back to the first byte.
  func rewind()
  /// Fills the buffer from its start.
  ///
  /// - Returns: how many bytes were written, 0 at the end; `nil` when the body cannot be read. The body keeps the reason,
  ///   and the request ends with `ECANCELED`.
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int?
}

/// The answer's status line and headers.
public struct HTTPResponse: Sendable {
  public var status = 0
  public var reason = ""
  /// Lower-case names; of a repeated header the last value.
  public var headers: [String: String] = [:]

  public var isSuccess: Bool { (200..<300).contains(status) }

  /// Whether the answer sends the client to another URL.
  var isRedirect: Bool { [301, 302, 303, 307, 308].contains(status) && headers["location"] != nil }
}
