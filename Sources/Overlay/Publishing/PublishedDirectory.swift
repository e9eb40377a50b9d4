import Glibc
import SystemFiles

/// A directory below a web server's root, made when it is not there. A symlink that leads out of the root is refused.
struct PublishedDirectory {
  /// Without symlinks in it.
  private let path: String

  init(root: String, _ directory: OverlayPath) throws(OverlayError) {
    guard let root = Self.resolved(root) else {
      throw OverlayError(
        "cannot publish to \(root): there is no such directory; --root names what the web server serves")
    }
    var place = root
    for component in directory.components {
      let name = String(decoding: component, as: UTF8.self)
      guard OverlayName.fitsCommandLine(name), name.utf8.elementsEqual(component) else {
        throw OverlayError(
          "cannot publish to \"\(directory)\": its name cannot stand in a URL on a kernel's command line; use letters,"
            + " digits, and . _ - + ~ @")
      }
      let next = place == "/" ? "/\(name)" : "\(place)/\(name)"
      if mkdir(next, 0o755) == 0 {
        // The web server must be able to read the directory, whatever the umask is.
        guard chmod(next, 0o755) == 0 else { throw .system("open \(next) to readers") }
      } else if errno != EEXIST {
        throw .system("make the directory \(next)")
      }
      guard let resolved = Self.resolved(next) else {
        throw OverlayError(SystemError("publish to \(next)", errno: ENOTDIR))
      }
      guard resolved == root || resolved.hasPrefix(root == "/" ? "/" : root + "/") else {
        throw OverlayError("cannot publish to \(next): it leads to \(resolved), which is outside of \(root)")
      }
      place = resolved
    }
    path = place
  }

  func path(of name: String) -> String { path == "/" ? "/\(name)" : "\(path)/\(name)" }

  /// Puts a digest beside the archive of that name, and a new archive in place when there is one. A lock lets only one
  /// publisher do so at a time.
  ///
  /// - Parameter archive: synchronized already.
  func replaceDigest(_ digest: String, of name: String, archive: OutputFile?) throws(OverlayError) {
    let directory: File
    do throws(SystemError) { directory = try File(path, O_RDONLY | O_DIRECTORY) } catch { throw OverlayError(error) }
    while flock(directory.descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw .system("lock the directory \(path)") }
    }
    let digestPath = self.path(of: name + ".sha256")
    let line = Array("\(digest)  \(name)\n".utf8)
    let isRight: Bool
    do throws(SystemError) {
      isRight = try FileSystem.contents(of: digestPath, limit: 1 << 20) == line
    } catch {
      guard error.errno == EFBIG else { throw OverlayError(error) }
      isRight = false
    }
    guard archive != nil || !isRight else { return }
    let digestFile = try OutputFile(digestPath)
    try digestFile.write(line)
    try digestFile.synchronize(permissions: 0o644)
    if let archive {
      do throws(SystemError) { try FileSystem.remove(digestPath) } catch { throw OverlayError(error) }
      try archive.finish()
    }
    try digestFile.finish()
    guard fsync(directory.descriptor) == 0 else { throw .system("write the directory \(path) to its medium") }
  }

  private static func resolved(_ path: String) -> String? {
    guard let real = Path.resolved(path) else { return nil }
    var status = stat()
    guard stat(real, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
    return real
  }
}

extension OutputFile {
  fileprivate func write(_ bytes: [UInt8]) throws(OverlayError) {
    var failure: OverlayError?
    bytes.withUnsafeBytes { buffer in
      do throws(OverlayError) { try write(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
