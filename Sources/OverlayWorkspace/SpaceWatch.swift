import Glibc
import Synchronization

/// Notices that a medium was full at some time.
final class SpaceWatch: Sendable {
  private let path: String
  private let full = Mutex(false)

  init(_ path: String) { self.path = path }

  func look() {
    var space = statvfs()
    guard statvfs(path, &space) == 0 else { return }
    let isFull =
      UInt64(space.f_bavail) * UInt64(space.f_frsize) < 64 << 10 || (space.f_files > 0 && space.f_favail == 0)
    if isFull { full.withLock { $0 = true } }
  }

  var wasFull: Bool {
    look()
    return full.withLock { $0 }
  }

  /// `64 MiB`
  var sizeText: String {
    var space = statvfs()
    let size = statvfs(path, &space) == 0 ? Int(space.f_blocks) * Int(space.f_frsize) : 0
    return size < 1 << 20 ? "\(size >> 10) KiB" : "\(size >> 20) MiB"
  }
}
