import Glibc
import SystemFiles

/// What a command writes to one stream: all of it up to a limit, beyond that its first and its last half.
///
/// It is kept in a file, not in memory, so that it is still there when the agent is killed. The file is a header, the first
/// half of the limit, and a ring of the other half. `SpooledOutput` reads it.
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
    header = SpoolHeader(half: max(1, limit / 2))
    try header.write(to: file)
  }

  /// Goes on with one that an earlier agent left; `nil` when there is none, or none that is whole.
  init?(reopening path: String) {
    guard let file = try? File(path, O_RDWR), let header = SpoolHeader(file) else { return nil }
    self.file = file
    self.header = header
  }

  /// Takes a piece of output. A medium that is full costs output, never the command.
  func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let (position, room) = header.place
      let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(room))
      if header.lostFrom == nil {
        let written = pwrite(file.descriptor, piece.baseAddress, piece.count, off_t(SpoolHeader.size + position))
        if written != piece.count { header.lostFrom = header.total }
      }
      header.total += piece.count
      rest = rest.dropFirst(piece.count)
    }
    // It has its place already, also on a medium that is full.
    try? header.write(to: file)
  }
}

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
    let stored = header.lostFrom ?? total
    let share = max(1, min(header.half, limit / 2))
    if stored == total, total <= 2 * share { return ([0..<total], 0, []) }
    let head = min(stored, share)
    // After a full medium the tail is what came last before it.
    let tail = max(0, min(stored - head, share))
    return ([0..<head], total - head - tail, header.stretches(of: (stored - tail)..<stored))
  }

  /// Reads a stretch that `parts` named; 0 at its end.
  func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int) throws(SystemError) -> Int {
    try File(path, O_RDONLY).read(into: buffer, at: SpoolHeader.size + position)
  }
}

/// The beginning of a spool's file: three native 64-bit numbers.
private struct SpoolHeader {
  static let size = 24

  /// The bytes that came.
  var total = 0
  /// Half of the limit: the size of the first part, and of the ring behind it.
  let half: Int
  /// How many had come when the medium was full, if it was: what came after that is only counted.
  var lostFrom: Int?

  init(half: Int) { self.half = half }

  init?(_ file: borrowing File) {
    var numbers = [0, 0, 0]
    let count = numbers.withUnsafeMutableBytes { (try? file.read(into: $0, at: 0)) ?? 0 }
    guard count == Self.size, numbers[0] >= 0, numbers[1] > 0, (0...numbers[0]).contains(numbers[2]) else { return nil }
    (total, half) = (numbers[0], numbers[1])
    // What is said to be kept must be there.
    guard half <= 1 << 30, let size = try? file.size(), min(numbers[2], 2 * half) <= size - Self.size else {
      return nil
    }
    lostFrom = numbers[2] < total ? numbers[2] : nil
  }

  func write(to file: borrowing File) throws(SystemError) {
    let numbers = [total, half, lostFrom ?? total]
    let count = numbers.withUnsafeBytes { pwrite(file.descriptor, $0.baseAddress, $0.count, 0) }
    guard count == Self.size else { throw SystemError("write \(file.path)") }
  }

  /// Where the next byte goes, and how many fit there.
  var place: (position: Int, room: Int) {
    let position = total < half ? total : half + (total - half) % half
    return (position, (total < half ? half : 2 * half) - position)
  }

  /// Where those bytes of the output stand in the file.
  func stretches(of bytes: Range<Int>) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var position = bytes.lowerBound
    while position < bytes.upperBound {
      let start = position < half ? position : half + (position - half) % half
      let end = min(start + bytes.upperBound - position, position < half ? half : 2 * half)
      ranges.append(start..<end)
      position += end - start
    }
    return ranges
  }
}
