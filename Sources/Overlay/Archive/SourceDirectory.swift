import Glibc

/// An open directory of this machine whose files go into an archive.
public final class SourceDirectory: Sendable {
  let descriptor: Int32
  /// What it is called in errors.
  private let name: String

  init(_ path: String, name: String) throws(OverlayError) {
    self.name = name
    descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system("read the directory \(name)") }
  }

  deinit { close(descriptor) }

  func open(_ path: OverlayPath) throws(OverlayError) -> SourceFile {
    try SourceFile(path.archiveName, in: descriptor, name: display(path))
  }

  /// What a path in the directory is called in errors.
  func display(_ path: OverlayPath) -> String {
    path.isRoot ? name : name.hasSuffix("/") ? "\(name)\(path)" : "\(name)/\(path)"
  }
}
