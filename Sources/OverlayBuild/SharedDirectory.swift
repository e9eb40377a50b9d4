import Glibc
import Overlay
import OverlayWorkspace
import Recipes
import SystemFiles

/// A directory for files that this program and workspaces exchange.
///
/// What runs in a workspace can put anything there, so that everything that is read afterwards is opened as a ``PlainFile``.
struct SharedDirectory {
  let path: String

  /// Makes the directory.
  init(_ path: String) throws(OverlayError) {
    guard mkdir(path, 0o755) == 0, chmod(path, 0o755) == 0 else { throw .system("make the directory \(path)") }
    self.path = path
  }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func makeDirectory(_ name: String) throws(OverlayError) {
    do throws(SystemError) { try FileSystem.makeDirectories(file(name)) } catch { throw OverlayError(error) }
  }

  func write(_ text: String, to name: String) throws(OverlayError) {
    do throws(SystemError) { try FileSystem.writeAtomically(text.utf8, to: file(name)) } catch {
      throw OverlayError(error)
    }
  }

  /// The text of a file that the workspace has written; empty when it has written none.
  ///
  /// - Parameters:
  ///   - place: what in the recipe made the workspace write it, for errors.
  ///   - limit: bytes; a longer file is an error.
  func text(_ name: String, _ place: Place, limit: Int = 16 << 20) throws(OverlayError) -> String {
    try read(name, place) { (file) throws(OverlayError) in try file.contents(limit: limit) }
  }

  /// The last part of a file that the workspace has written, at most 1 MiB: a log has its errors there.
  ///
  /// - Parameter place: as for ``text(_:_:limit:)``.
  func end(of name: String, _ place: Place) throws(OverlayError) -> String {
    try read(name, place) { (file) throws(OverlayError) in try file.end(limit: 1 << 20) }
  }

  /// Empty when there is no such file.
  private func read(
    _ name: String, _ place: Place, _ body: (borrowing PlainFile) throws(OverlayError) -> [UInt8]
  ) throws(OverlayError) -> String {
    do throws(OverlayError) { return String(decoding: try body(try PlainFile(file(name))), as: UTF8.self) } catch {
      guard error.cause?.errno != ENOENT else { return "" }
      throw error.at(place)
    }
  }

  func bind(at destination: String, isReadOnly: Bool = false) -> Workspace.Bind {
    Workspace.Bind(source: path, destination: destination, isReadOnly: isReadOnly)
  }
}
