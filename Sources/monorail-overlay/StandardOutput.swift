import Glibc
import Overlay
import SystemFiles

/// What a command prints. It is written in large pieces, and `finish` writes the last one.
final class StandardOutput {
  private var bytes: [UInt8] = []

  func write(_ text: String) throws(OverlayError) {
    bytes += text.utf8
    if bytes.count >= 64 << 10 { try finish() }
  }

  /// - Throws: when not all of it could be written, for example to a file on a full disk.
  func finish() throws(OverlayError) {
    guard bytes.withUnsafeBytes({ Descriptor.write($0, to: STDOUT_FILENO) }) else { throw .system("write the output") }
    bytes = []
  }
}
