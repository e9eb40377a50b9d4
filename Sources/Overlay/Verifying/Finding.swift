/// What `verify` says of an overlay: one sentence about one thing.
public struct Finding: Hashable, Sendable, CustomStringConvertible {
  public enum Severity: String, Sendable {
    /// The node would not work as the overlay's maker wants.
    case error
    /// It may work, but somebody should look.
    case warning
  }

  public var severity: Severity
  /// What it is about; `nil` for the archive as a whole.
  public var path: OverlayPath?
  /// What is the matter and what to do, to be read behind the path.
  public var message: String

  public init(_ severity: Severity, _ path: OverlayPath?, _ message: String) {
    (self.severity, self.path, self.message) = (severity, path, message)
  }

  public var description: String {
    "\(severity.rawValue): " + (path.map { "\($0): " } ?? "") + message
  }
}

extension Finding: Comparable {
  /// Errors first; then what is about the whole archive, then by path.
  public static func < (left: Finding, right: Finding) -> Bool {
    if left.severity != right.severity { return left.severity == .error }
    if left.path != right.path {
      guard let first = left.path else { return true }
      guard let second = right.path else { return false }
      return first < second
    }
    return left.message < right.message
  }
}
