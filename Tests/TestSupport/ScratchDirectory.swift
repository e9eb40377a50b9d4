import Foundation

/// A directory of a test's own. It is removed with everything in it when the last reference to this object goes.
public final class ScratchDirectory: Sendable {
  public let path: String

  /// - Parameter parent: the directory to make it in.
  public init(in parent: String = NSTemporaryDirectory()) throws {
    var template = Array("\(parent.hasSuffix("/") ? parent : parent + "/")monorail-test.XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else { throw Failure("cannot make a directory in \(parent): \(errorText())") }
    path = String(cString: made)
  }

  deinit { remove() }

  /// Removes it now.
  public func remove() {
    let manager = FileManager.default
    guard manager.fileExists(atPath: path), (try? manager.removeItem(atPath: path)) == nil else { return }
    // FileManager gives up at paths longer than PATH_MAX; rm does not.
    _ = try? ChildProcess.run(["/bin/rm", "-rf", path])
  }

  /// The path of a file in it.
  public func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file in it.
  public func write(_ text: String, to name: String) throws {
    try text.write(toFile: self(name), atomically: false, encoding: .utf8)
  }

  /// The text of a file in it; empty when there is none.
  public func text(of name: String) -> String {
    String(decoding: FileManager.default.contents(atPath: self(name)) ?? Data(), as: UTF8.self)
  }
}
