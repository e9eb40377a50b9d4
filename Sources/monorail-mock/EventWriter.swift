import Foundation
import MockMonorail
import Synchronization

/// Writes events to a descriptor, a line of JSON each, in the order in which they happen.
///
/// A reader that does not read holds the server up once the pipe is full, and loses nothing. One that has gone is missed
/// by nobody.
final class EventWriter: Sendable {
  private let descriptor: Int32
  private let isOpen = Mutex(true)

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    // Writing to a pipe without a reader is an error then, and not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    // The programs that this one may start have no use for it.
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  /// Whether it is open for writing.
  static func isUsable(_ descriptor: Int32) -> Bool {
    let flags = fcntl(descriptor, F_GETFL)
    return flags >= 0 && flags & O_ACCMODE != O_RDONLY
  }

  func write(_ event: ServerEvent) {
    let line = Array((event.json.text + "\n").utf8)
    isOpen.withLock { isOpen in
      var rest = line[...]
      while isOpen, !rest.isEmpty {
        let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno != EINTR {
          isOpen = false
        }
      }
    }
  }
}
