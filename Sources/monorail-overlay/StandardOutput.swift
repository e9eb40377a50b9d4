import Glibc
import Overlay
import SystemFiles

/// What a command prints, gathered to large pieces. `finish` must be called at its end.
final class StandardOutput {
  private var bytes: [UInt8] = []

  func write(_ text: String) throws(OverlayError) {
    bytes += text.utf8
    if bytes.count >= 64 << 10 { try finish() }
  }

  /// - Throws: when nobody can have all of it: the disk is full, say.
  func finish() throws(OverlayError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw OverlayError(SystemError("write the output"))
      }
    }
    bytes = []
  }
}
