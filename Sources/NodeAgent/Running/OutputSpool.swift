import Glibc
import SystemFiles

/// Keeps what a command writes to one stream. Of output that is longer than the limit, the first and the last bytes are kept,
/// half of the limit each.
///
/// The output is in a file, not in memory, so that it is not lost when the agent is killed. `SpooledOutput` reads that file.
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

  /// Opens the spool that an earlier agent left, to append to it. `nil` when there is none, or when it is damaged.
  init?(reopening path: String) {
    guard let file = try? File(path, O_RDWR), let header = SpoolHeader(file) else { return nil }
    self.file = file
    self.header = header
  }

  /// Takes a piece of output. When the medium is full, the middle of the output is dropped: the command goes on, and the last
  /// bytes are still kept.
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
    // This overwrites the header that is there, so it works on a full medium, too.
    try? header.write(to: file)
  }
}
