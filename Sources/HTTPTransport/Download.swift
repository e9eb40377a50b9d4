import SystemFiles

/// One file to fetch: from where, to where, and what must be true of it.
public struct Download: Sendable {
  /// Absolute; a fragment `#sha256=<hex>` is a digest to verify.
  public var url: String
  /// Where the complete file goes. Until then the bytes are in `<path>.part`.
  public var path: String
  /// The file's permissions.
  public var mode: UInt32 = 0o644
  /// The expected SHA-256 in hexadecimal. With a digest, a part that an earlier run left is continued, and the part is kept
  /// when the network fails.
  public var sha256: String?
  /// How many tries in all. Only what may succeed later is tried again.
  public var attempts = 6

  public init(url: String, path: String) { (self.url, self.path) = (url, path) }
}

/// Why a file was not fetched: the network and the server, or this node's own disk.
public enum DownloadError: Error, Equatable, CustomStringConvertible {
  case transfer(HTTPError)
  case disk(SystemError)

  /// A symbol in the manner of errno: `ENOENT`, `ETIMEDOUT`, `ENOSPC`, …
  public var code: String {
    switch self {
    case .transfer(let error): error.code
    case .disk(let error): error.code
    }
  }

  /// A sentence for people, without the final stop.
  public var message: String {
    switch self {
    case .transfer(let error): error.message
    case .disk(let error): error.description
    }
  }

  /// The HTTP status, when there was an answer.
  public var status: Int? {
    if case .transfer(let error) = self { error.status } else { nil }
  }

  /// Whether the same download may succeed later.
  public var isRetryable: Bool {
    if case .transfer(let error) = self { error.isRetryable } else { false }
  }

  public var description: String { message }
}
