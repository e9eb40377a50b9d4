import Glibc
import SystemFiles

/// What went wrong with an overlay, as a sentence for the person who runs the program: what was tried, on what, why it
/// failed, and what can be done.
public struct OverlayError: Error, CustomStringConvertible {
  public let description: String
  /// What lies under it, when a call of the system failed.
  public let cause: SystemError?

  public init(_ description: String, cause: SystemError? = nil) {
    (self.description, self.cause) = (description, cause)
  }

  public init(_ cause: SystemError) { (description, self.cause) = (cause.description, cause) }

  /// A system call that failed just now; `errno` says how.
  ///
  /// - Parameter attempt: the rest of "cannot …".
  static func system(_ attempt: String) -> OverlayError { OverlayError(SystemError(attempt)) }
}
