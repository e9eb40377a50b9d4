import Glibc
import Synchronization

/// The console (stderr), written to without ever waiting long: a serial line that is held up must not hold a flash up.
///
/// What the console does not take within 200 ms is dropped, and counted aloud once it takes lines again.
public final class Console: Sendable {
  private struct State {
    var isStuck = false
    var lost = 0
  }

  private let descriptor: Int32
  private let state = Mutex(State())

  /// - Parameter descriptor: a terminal, pipe or device is opened anew, so that making it non-blocking concerns nobody else.
  public init(descriptor: Int32 = STDERR_FILENO) {
    var status = stat()
    let kind = fstat(descriptor, &status) == 0 ? status.st_mode & S_IFMT : 0
    if kind == S_IFCHR || kind == S_IFIFO {
      let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
      self.descriptor = own >= 0 ? own : descriptor
    } else {
      self.descriptor = descriptor
    }
  }

  public func write(line: String) {
    state.withLock { state in
      if state.lost > 0, isReady(within: 0) {
        let lost = state.lost
        state.lost = 0
        if !send("monorail-agent: \(lost) lines were not shown, since this console did not take them\n") {
          state.lost = lost
        }
      }
      guard state.lost == 0, isReady(within: state.isStuck ? 0 : 200), send(line + "\n") else {
        state.isStuck = true
        state.lost += 1
        return
      }
      state.isStuck = false
    }
  }

  private func isReady(within milliseconds: Int32) -> Bool {
    var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    return poll(&entry, 1, milliseconds) > 0
  }

  /// Writes a line, in parts when the console takes it so; a line that was begun is waited for a little.
  private func send(_ line: String) -> Bool {
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes = bytes.dropFirst(count)
      } else if errno == EAGAIN {
        guard isReady(within: 200) else { return false }
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
