import Digests
import Glibc
import Overlay
import SystemFiles

/// A regular file, opened for reading. What a workspace's commands can write to, they can replace by a symlink that leads
/// out of the workspace, or by a pipe, at which a reader waits without end: neither is opened.
struct PlainFile: ~Copyable {
  private let file: SystemFiles.File

  /// - Parameter followsSymlinks: for a path that a person has given.
  /// - Throws: names the path, also when there is no such file.
  init(_ path: String, followsSymlinks: Bool = false) throws(OverlayError) {
    let file: SystemFiles.File
    do throws(SystemError) {
      file = try SystemFiles.File(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | (followsSymlinks ? 0 : O_NOFOLLOW))
    } catch {
      guard error.errno != ELOOP else { throw Self.isNone(path, "a symlink") }
      throw OverlayError(error)
    }
    var status = stat()
    guard fstat(file.descriptor, &status) == 0 else { throw .system("look at \(path)") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Self.isNone(path, status.st_mode & S_IFMT == S_IFDIR ? "a directory" : "a pipe, a socket or a device")
    }
    self.file = file
  }

  private static func isNone(_ path: String, _ kind: String) -> OverlayError {
    OverlayError("cannot read \(path): it is \(kind), not a file")
  }

  /// Reads the file piece by piece.
  private borrowing func read(
    from begin: Int = 0, _ body: (UnsafeRawBufferPointer) throws(OverlayError) -> Void
  ) throws(OverlayError) {
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
    defer { piece.deallocate() }
    var offset = begin
    while true {
      let count: Int
      do throws(SystemError) { count = try file.read(into: piece, at: offset) } catch { throw OverlayError(error) }
      if count == 0 { return }
      try body(UnsafeRawBufferPointer(rebasing: piece[..<count]))
      offset += count
    }
  }

  private borrowing func size() throws(OverlayError) -> Int {
    do throws(SystemError) { return try file.size() } catch { throw OverlayError(error) }
  }

  /// - Parameter limit: bytes; a longer file is an error.
  borrowing func contents(limit: Int) throws(OverlayError) -> [UInt8] {
    var bytes: [UInt8] = []
    let tooLong = OverlayError("cannot read \(file.path): it has more than \(limit) bytes")
    guard try size() <= limit else { throw tooLong }
    try read { (piece) throws(OverlayError) in
      // It may grow meanwhile.
      guard bytes.count + piece.count <= limit else { throw tooLong }
      bytes += piece
    }
    return bytes
  }

  /// The last bytes of the file.
  borrowing func end(limit: Int) throws(OverlayError) -> [UInt8] {
    var bytes: [UInt8] = []
    try read(from: max(0, try size() - limit)) { (piece) throws(OverlayError) in
      // It may grow meanwhile.
      bytes += piece.prefix(limit - bytes.count)
    }
    return bytes
  }

  /// The SHA-256 in hexadecimal.
  borrowing func sha256() throws(OverlayError) -> String {
    var digest = Digest(.sha256)
    try read { digest.update($0) }
    return digest.finish()
  }
}

/// Digests of whole files.
enum FileDigest {
  /// In hexadecimal.
  ///
  /// - Parameter followsSymlinks: for a path that a person has given.
  static func sha256(of path: String, followsSymlinks: Bool = false) throws(OverlayError) -> String {
    try PlainFile(path, followsSymlinks: followsSymlinks).sha256()
  }
}
