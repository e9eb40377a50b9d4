import Glibc
import SystemFiles

/// What went wrong with an overlay, as a sentence for the person who runs the program: what was tried, on what, why it
/// failed, and what can be done.
public struct OverlayError: Error, CustomStringConvertible {
  public let message: String
  /// What can be done, where the message does not say it: a line of its own.
  public let remedy: String?
  /// The system call that failed, if one did.
  public let cause: SystemError?

  public var description: String { remedy.map { "\(message)\n\($0)" } ?? message }

  public init(_ message: String, remedy: String? = nil, cause: SystemError? = nil) {
    (self.message, self.remedy, self.cause) = (message, remedy, cause)
  }

  public init(_ cause: SystemError) { self.init(cause.description, cause: cause) }

  /// A system call that failed just now.
  ///
  /// - Parameters:
  ///   - attempt: the rest of "cannot …".
  ///   - errno: says how it failed.
  public static func system(_ attempt: String, errno: Int32 = Glibc.errno) -> OverlayError {
    OverlayError(SystemError(attempt, errno: errno))
  }

  /// A system call that failed just now, and that needs a directory. When there is none, the error says how to make it.
  ///
  /// - Parameter attempt: the rest of "cannot …".
  public static func inDirectory(_ directory: String, _ attempt: String) -> OverlayError {
    let cause = SystemError(attempt)
    guard cause.errno == ENOENT else { return OverlayError(cause) }
    return OverlayError(
      cause.description, remedy: "there is no directory \(directory); \"mkdir -p \(directory)\" makes it", cause: cause)
  }

  /// The same error with another message.
  func saying(_ message: String) -> OverlayError { OverlayError(message, remedy: remedy, cause: cause) }
}
