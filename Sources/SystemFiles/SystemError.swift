import CLinux
import Glibc

/// A system call that failed: what was tried, on what, and the error's symbol and text.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  public let errno: Int32
  /// What was tried, as the rest of "cannot …": `write /run/monorail/journal/set.json`.
  public let attempt: String

  public init(_ attempt: String, errno: Int32 = Glibc.errno) {
    (self.attempt, self.errno) = (attempt, errno)
  }

  /// `ENOSPC`, `EACCES`, …
  public var code: String { monorail_error_name(errno).map { String(cString: $0) } ?? "E\(errno)" }

  public var description: String { "cannot \(attempt): \(String(cString: strerror(errno))) (\(code))" }
}
