/// A request that got no usable answer: what was tried, against what, and whether it is worth trying again.
public struct HTTPError: Error, Equatable, CustomStringConvertible {
  /// A symbol in the manner of errno: `ECONNREFUSED`, `ENOTFOUND`, `ETIMEDOUT`, …
  public let code: String
  /// A sentence for people, without the final stop.
  public let message: String
  /// The HTTP status, when there was an answer.
  public let status: Int?
  /// Whether the same request may succeed later: no connection, a time-out, 5xx, 408, 429.
  public let isRetryable: Bool

  public init(code: String, message: String, status: Int? = nil, isRetryable: Bool) {
    (self.code, self.message, self.status, self.isRetryable) = (code, message, status, isRetryable)
  }

  public var description: String { message }

  /// The error that an answer outside 2xx stands for.
  public init(status: Int, reason: String = "", what: String) {
    let code =
      switch status {
      case 404, 410: "ENOENT"
      case 401, 403: "EACCES"
      case 408: "ETIMEDOUT"
      case 413: "EFBIG"
      case 500...: "EREMOTEIO"
      default: "EPROTO"
      }
    self.init(
      code: code, message: "\(what): the server answered \(status)\(reason.isEmpty ? "" : " \(reason)")",
      status: status, isRetryable: Self.isRetryable(status: status))
  }

  /// RFC 9110: 408 Request Timeout; RFC 6585: 429 Too Many Requests; and every server error.
  public static func isRetryable(status: Int) -> Bool { status >= 500 || status == 408 || status == 429 }
}
