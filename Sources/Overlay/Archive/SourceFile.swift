import Glibc
import SystemFiles

/// A regular file of this machine that goes into an archive. It is closed at the end of its life.
struct SourceFile: ~Copyable {
  private let descriptor: Int32
  private let name: String

  /// What changes when somebody writes to the file.
  struct State: Equatable {
    let isRegular: Bool
    let size: Int
    let modified: [Int]
  }

  init(_ path: String) throws(OverlayError) {
    try self.init(Array(path.utf8), in: AT_FDCWD, name: path, symlinks: 0)
  }

  /// - Parameters:
  ///   - directory: an open directory that the path is relative to.
  ///   - name: what it is called in errors.
  ///   - symlinks: `O_NOFOLLOW`, or 0 to follow them.
  init(_ path: [UInt8], in directory: Int32, name: String, symlinks: Int32 = O_NOFOLLOW) throws(OverlayError) {
    // Without O_NONBLOCK a fifo that took the file's place would hold the program.
    descriptor = openat(directory, path.systemName, O_RDONLY | O_CLOEXEC | O_NONBLOCK | symlinks)
    self.name = name
    guard descriptor >= 0 else { throw .system("read \(name)") }
  }

  deinit { close(descriptor) }

  borrowing func state() throws(OverlayError) -> State {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system("look at \(name)") }
    return State(
      isRegular: status.st_mode & S_IFMT == S_IFREG, size: Int(status.st_size),
      modified: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
  }

  borrowing func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(OverlayError) -> Int {
    let count = Descriptor.read(descriptor, into: buffer, at: offset)
    guard count >= 0 else { throw .system("read \(name)") }
    return count
  }

  borrowing func hasChanged() -> OverlayError {
    OverlayError("\(name) changed while it was read; pack again when nobody writes to it")
  }
}
