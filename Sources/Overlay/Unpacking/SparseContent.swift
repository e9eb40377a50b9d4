import Glibc
import SystemFiles

/// Writes the contents of a file, with holes where the contents are zeros: a file of gigabytes with little in it then takes
/// little room.
struct SparseContent {
  /// Of the whole file, in bytes.
  let size: Int

  /// At least so many zeros become a hole, in bytes: a block of most file systems.
  private static let hole = 4096
  /// Smaller files get no holes, in bytes: the search would take longer than it is worth.
  private static let leastSize = 16 * hole

  /// - Parameters:
  ///   - data: gives the next bytes, `nil` at their end.
  ///   - descriptor: an open, empty file.
  /// - Returns: `false` when they cannot be written; `errno` says why.
  func write(
    _ data: () throws(OverlayError) -> UnsafeRawBufferPointer?, to descriptor: Int32
  ) throws(OverlayError) -> Bool {
    var offset = 0
    while let bytes = try data() {
      guard write(bytes, to: descriptor, at: offset) else { return false }
      offset += bytes.count
    }
    return ftruncate(descriptor, off_t(offset)) == 0
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int) -> Bool {
    guard size >= Self.leastSize else { return Descriptor.write(bytes, to: descriptor, at: offset) }
    var start = 0
    while start < bytes.count {
      let zeros = Self.zeros(in: bytes, at: start)
      if zeros > 0 {
        start += zeros
        continue
      }
      var end = min(start + Self.hole, bytes.count)
      while end < bytes.count, Self.zeros(in: bytes, at: end) == 0 { end = min(end + Self.hole, bytes.count) }
      let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
      guard Descriptor.write(piece, to: descriptor, at: offset + start) else { return false }
      start = end
    }
    return true
  }

  /// How many zeros begin at an offset, up to ``hole``; 0 when they are fewer.
  private static func zeros(in bytes: UnsafeRawBufferPointer, at start: Int) -> Int {
    let count = min(hole, bytes.count - start)
    guard count == hole, let base = bytes.baseAddress, bytes[start] == 0 else { return 0 }
    return memcmp(base + start, base + start + 1, count - 1) == 0 ? count : 0
  }
}
