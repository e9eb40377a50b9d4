import CLinux
import CWorkspace
import Glibc
import Overlay
import SystemFiles

/// Runs a system call that returns 0 when it succeeds.
func check(_ attempt: @autoclosure () -> String, _ call: () -> Int32) throws(OverlayError) {
  guard call() == 0 else {
    let error = errno
    throw .system(attempt(), errno: error)
  }
}

/// What is there, without following a symlink; `nil` when there is nothing.
func status(of path: String) -> stat? {
  var status = stat()
  return lstat(path, &status) == 0 ? status : nil
}

extension stat {
  var type: mode_t { st_mode & S_IFMT }
  var isDirectory: Bool { type == S_IFDIR }
  var isSymlink: Bool { type == S_IFLNK }
  var isWhiteout: Bool { type == S_IFCHR && st_rdev == 0 }
}

/// A directory whose contents are named by ``OverlayPath``s, which need not be text.
struct Tree {
  let root: String

  init(_ root: String) { self.root = root }

  /// The path as system calls take it.
  func systemName(_ path: OverlayPath) -> [CChar] {
    let bytes = path.isRoot ? Array(root.utf8) : Array(root.utf8) + [UInt8(ascii: "/")] + path.bytes
    return bytes.map { CChar(bitPattern: $0) } + [0]
  }

  func status(of path: OverlayPath) -> stat? {
    var status = stat()
    return lstat(systemName(path), &status) == 0 ? status : nil
  }

  /// The names in a directory, without `.` and `..`.
  func names(in directory: OverlayPath) throws(OverlayError) -> [[UInt8]] {
    guard let names = FileSystem.names(in: systemName(directory), of: AT_FDCWD) else {
      throw .system("read the directory \(root)/\(directory)")
    }
    return names
  }

  /// Runs a body that changes what is in a directory, and gives the directory its time back.
  func keepingTime(
    of directory: OverlayPath, _ body: () throws(OverlayError) -> Void
  ) throws(OverlayError) {
    let before = status(of: directory)
    try body()
    guard let before else { return }
    let times = [before.st_atim, before.st_mtim]
    try check("set the time of \(root)/\(directory)") {
      utimensat(AT_FDCWD, systemName(directory), times, AT_SYMLINK_NOFOLLOW)
    }
  }
}
