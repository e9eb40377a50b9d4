import Foundation

/// A named pipe that nobody has to wait for to open: a command waits in `read x <"$GATE"` until the test lets it go on, and a
/// terminal takes its keys from there.
public final class Gate: Sendable {
  public let path: String
  private let descriptor: Int32

  /// - Parameter path: of a pipe to make, or of one that exists.
  public init(_ path: String) throws {
    self.path = path
    guard mkfifo(path, 0o600) == 0 || errno == EEXIST else { throw Failure("cannot make the pipe \(path)") }
    // For reading too, so that what is written stays until somebody reads it.
    descriptor = Foundation.open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else { throw Failure("cannot open the pipe \(path)") }
  }

  deinit { close(descriptor) }

  /// Lets one reader go on.
  public func open() { type("\n") }

  public func type(_ keys: String) { _ = write(descriptor, keys, keys.utf8.count) }

  /// A shell command that waits here.
  public var waiting: String { "read x <'\(path)'" }
}
