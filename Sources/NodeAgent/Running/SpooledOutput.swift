import Glibc
import SystemFiles

/// What an `OutputSpool` has kept. It holds no descriptor: a report may have thousands of them.
struct SpooledOutput {
  private let path: String
  private let header: SpoolHeader

  /// `nil` when there is no spool of that name, or none that is whole.
  init?(_ path: String) {
    guard let file = try? File(path, O_RDONLY), let header = SpoolHeader(file) else { return nil }
    (self.path, self.header) = (path, header)
  }

  /// Bytes that the command wrote.
  var total: Int { header.total }

  /// The stretches of the file that hold the output in order, and how many bytes are missing between the first part and the
  /// second, when no more than `limit` bytes are wanted.
  func parts(limit: Int) -> (head: [Range<Int>], cut: Int, tail: [Range<Int>]) {
    let kept = min(total, header.head + header.ring)
    if kept == total, total <= limit { return ([0..<total], 0, []) }
    let share = max(1, limit / 2)
    let head = min(header.head, share, total)
    let tail = min(header.ring, share, total - head)
    return (header.stretches(of: 0..<head), total - head - tail, header.stretches(of: (total - tail)..<total))
  }

  /// Reads a stretch that `parts` named; 0 at its end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(SystemError) -> Int {
    try File(path, O_RDONLY).read(into: buffer, at: SpoolHeader.size + position)
  }
}
