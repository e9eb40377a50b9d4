import Foundation
import Synchronization

/// Writes lines of syslog to `<directory>/<node>/syslog.log`; those of which nothing tells the node, to
/// `<directory>/syslog.log`.
///
/// A file that is full becomes `syslog.log.1`, in place of the one before, so a node takes at most twice the limit.
final class SyslogFiles: Sendable {
  private let directory: String
  private let maximumBytes: Int
  private let hasComplained = Mutex(false)

  init(directory: String, maximumBytes: Int) { (self.directory, self.maximumBytes) = (directory, maximumBytes) }

  /// - Returns: why it could not be written, the first time that this happens.
  func write(_ line: SyslogLine) -> String? {
    var folder = directory
    if let id = line.nodeID, FileStore.isValid(id) { folder += "/" + id }
    let file = folder + "/syslog.log"
    var descriptor = Self.open(file)
    if descriptor < 0, errno == ENOENT {
      try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      descriptor = Self.open(file)
    }
    guard descriptor >= 0 else { return complaint(file) }
    defer { close(descriptor) }
    let bytes = Array((line.description + "\n").utf8)
    var info = stat()
    if fstat(descriptor, &info) == 0, Int(info.st_size) + bytes.count > maximumBytes, info.st_size > 0 {
      rename(file, file + ".1")
      let next = Self.open(file)
      guard next >= 0 else { return complaint(file) }
      defer { close(next) }
      return Foundation.write(next, bytes, bytes.count) == bytes.count ? nil : complaint(file)
    }
    return Foundation.write(descriptor, bytes, bytes.count) == bytes.count ? nil : complaint(file)
  }

  private func complaint(_ file: String) -> String? {
    let reason = String(cString: strerror(errno))
    return hasComplained.withLock { hasComplained in
      defer { hasComplained = true }
      return hasComplained ? nil : "cannot write \(file): \(reason); lines of syslog are only kept in memory"
    }
  }

  private static func open(_ file: String) -> Int32 {
    Foundation.open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
  }
}
