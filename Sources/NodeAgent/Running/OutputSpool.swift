import Glibc
import SystemFiles

/// What a command writes to one stream: all of it up to a limit, beyond that its first and its last half.
///
/// It is kept in a file, not in memory, so that it is still there when the agent is killed. `SpooledOutput` reads it.
final class OutputSpool {
  private let file: File
  private var header: SpoolHeader

  /// Bytes that the command wrote.
  var total: Int { header.total }

  /// Makes an empty spool.
  ///
  /// - Parameter limit: how many bytes are kept.
  init(_ path: String, limit: Int) throws(SystemError) {
    file = try File(path, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
    header = SpoolHeader(limit: limit)
    try header.write(to: file)
  }

  /// Goes on with one that an earlier agent left; `nil` when there is none, or none that is whole.
  init?(reopening path: String) {
    guard let file = try? File(path, O_RDWR), let header = SpoolHeader(file) else { return nil }
    self.file = file
    self.header = header
  }

  /// Takes a piece of output. A medium that is full costs the middle of the output, never the command, nor its last words.
  func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let (position, room) = header.place else {
        header.total += rest.count
        break
      }
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(room))
      let written = pwrite(file.descriptor, piece.baseAddress, piece.count, off_t(SpoolHeader.size + position))
      if written > 0 {
        header.total += written
        rest = rest.dropFirst(written)
      } else if written == 0 || errno != EINTR {
        header.shrinkToFit()
      }
    }
    // It has its place already, also on a medium that is full.
    try? header.write(to: file)
  }
}
