import Glibc
import SystemFiles

/// What a command wrote to one stream: all of it up to a limit, beyond that its first and its last half.
///
/// It is kept in a file, not in memory, so that it is still there when the agent is killed. The file is a header of two
/// native 64-bit numbers — the bytes written in all, the limit —, the first half of the limit, and a ring of the other half.
final class OutputSpool {
  private static let headerSize = 16

  let path: String
  private let file: File
  private let half: Int
  /// Bytes that the command wrote.
  private(set) var total: Int
  /// Set when the medium was full: what comes later is only counted.
  private var isFull = false

  /// Makes an empty spool.
  ///
  /// - Parameter limit: how many bytes are kept.
  init(_ path: String, limit: Int) throws(SystemError) {
    self.path = path
    file = try File(path, O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
    half = max(1, limit / 2)
    total = 0
    try writeHeader()
  }

  /// Opens one that an earlier agent left; `nil` when there is none, or none that is whole.
  init?(reading path: String) {
    guard let file = try? File(path, O_RDWR) else { return nil }
    var header = [0, 0]
    let count = header.withUnsafeMutableBytes { (try? file.read(into: $0, at: 0)) ?? 0 }
    guard count == Self.headerSize, header[0] >= 0, header[1] > 0 else { return nil }
    self.path = path
    self.file = file
    (total, half) = (header[0], header[1])
  }

  /// Empties it, for another run of the command.
  func reset() throws(SystemError) {
    (total, isFull) = (0, false)
    guard ftruncate(file.descriptor, off_t(Self.headerSize)) == 0 else { throw SystemError("empty \(path)") }
    try writeHeader()
  }

  /// Takes a piece of output. A medium that is full costs output, never the command.
  func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let inHead = total < half
      let position = inHead ? total : half + (total - half) % half
      let room = (inHead ? half : 2 * half) - position
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(room))
      if !isFull {
        let written = pwrite(file.descriptor, piece.baseAddress, piece.count, off_t(Self.headerSize + position))
        if written != piece.count { isFull = true }
      }
      if isFull { lostFrom = min(lostFrom ?? total, total) }
      total += piece.count
      rest = rest.dropFirst(piece.count)
    }
    if !isFull { try? writeHeader() }
  }

  private var lostFrom: Int?

  private func writeHeader() throws(SystemError) {
    let header = [total, half]
    let count = header.withUnsafeBytes { pwrite(file.descriptor, $0.baseAddress, $0.count, 0) }
    guard count == Self.headerSize else { throw SystemError("write \(path)") }
  }

  /// The stretches of the file that hold the output in order, and how many bytes are missing between the first part and the
  /// second, when no more than `limit` bytes are wanted.
  func parts(limit: Int) -> (head: [Range<Int>], cut: Int, tail: [Range<Int>]) {
    let stored = min(lostFrom ?? total, total)
    let share = max(1, min(half, limit / 2))
    if stored == total, total <= 2 * share { return ([0..<total], 0, []) }
    let head = min(stored, share)
    // After a full medium the tail is what came last before it.
    let tail = max(0, min(stored - head, share, half))
    return ([0..<head], total - head - tail, ring(from: stored - tail, to: stored))
  }

  /// Where the bytes `from..<to` of the output stand in the file.
  private func ring(from: Int, to: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var position = from
    while position < to {
      if position < half {
        let end = min(to, half)
        ranges.append(position..<end)
        position = end
      } else {
        let start = half + (position - half) % half
        let count = min(to - position, 2 * half - start)
        ranges.append(start..<(start + count))
        position += count
      }
    }
    return ranges
  }

  /// Reads a stretch that `parts` named; 0 at its end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(SystemError) -> Int {
    try file.read(into: buffer, at: Self.headerSize + position)
  }
}
