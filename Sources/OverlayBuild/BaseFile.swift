import Glibc
import Overlay

/// The base image of a build. What is built over an image must not be kept under the digest of another one, which somebody has
/// put in its place meanwhile.
struct BaseFile {
  let path: String
  /// In hexadecimal.
  let sha256: String
  private let state: State

  private struct State: Equatable {
    let place: [UInt64]
    let size: Int
    let modified: [Int]

    init(_ path: String) throws(OverlayError) {
      var status = stat()
      guard stat(path, &status) == 0 else { throw .system("look at the base image \(path)") }
      place = [UInt64(status.st_dev), UInt64(status.st_ino)]
      size = Int(status.st_size)
      modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
    }
  }

  init(_ path: String) throws(OverlayError) {
    self.path = path
    state = try State(path)
    sha256 = try FileDigest.sha256(of: path, followsSymlinks: true)
    try check()
  }

  /// - Throws: when it is not the same file any more, or was written to.
  func check() throws(OverlayError) {
    guard try State(path) == state else {
      throw OverlayError("the base image \(path) has changed during this build, so that nothing was kept; build again")
    }
  }
}
