import Glibc
import SystemFiles

/// The bytes of a file that is a sequence of parts, plain or compressed: an initrd is a plain archive with microcode and a
/// compressed one behind it (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
///
/// A compressed part ends where its streams end. Only the reader of a plain archive knows where that ends; it gives back the
/// bytes that it did not use.
final class DecompressedInput {
  let fileSize: Int
  /// How the newest compressed part is compressed; `none` when there is none so far.
  private(set) var compression = CompressionFormat.none

  private let file: File
  private let limit: Int
  /// Bytes of the file; those in the range `waiting` were not used yet. The bytes behind them are read from `fileOffset` on.
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
  private var waiting = 0..<0
  private var fileOffset = 0
  /// The decoder of the compressed part that is being read; `nil` while a plain part is read.
  private var decoder: (any StreamDecoder)?
  private var partHasEnded = false
  private let decoded = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
  /// Decoded bytes that were given back.
  private var unread = UnsafeRawBufferPointer(start: nil, count: 0)
  private var block = UnsafeRawBufferPointer(start: nil, count: 0)
  private var total = 0

  /// - Parameter limit: bytes, of all parts decompressed.
  init(path: String, limit: Int) throws(OverlayError) {
    self.limit = limit
    do throws(SystemError) {
      // Without O_NONBLOCK a fifo would hold the program.
      file = try File(path, O_RDONLY | O_NONBLOCK)
      var status = stat()
      guard fstat(file.descriptor, &status) == 0 else { throw SystemError("look at \(path)") }
      guard status.st_mode & S_IFMT != S_IFDIR else { throw SystemError("read \(path) as an archive", errno: EISDIR) }
      guard status.st_mode & S_IFMT == S_IFREG else { throw SystemError("seek in \(path)", errno: ESPIPE) }
      // The last property that is set: if something fails behind this line, deinit runs.
      fileSize = Int(status.st_size)
    } catch {
      buffer.deallocate()
      decoded.deallocate()
      throw OverlayError(error)
    }
  }

  deinit {
    buffer.deallocate()
    decoded.deallocate()
  }

  /// How many bytes of the file were used.
  var position: Int { fileOffset - waiting.count }

  /// Decompressed bytes of all parts that are done with.
  var decompressedPosition: Int { total }

  /// Goes to where the next archive begins, past zeros and into the next part.
  ///
  /// - Returns: `false` at the end of the file.
  func advanceToArchive() throws(OverlayError) -> Bool {
    while true {
      guard let bytes = try nextBlock() else {
        guard decoder != nil else { return false }
        decoder = nil
        continue
      }
      guard let start = Self.firstNonzero(bytes) else { continue }
      try giveBack(bytes.count - start)
      if bytes[start] == UInt8(ascii: "0") { return true }
      guard decoder == nil else {
        throw OverlayError("what follows the archive in the \(compression.rawValue) stream is no archive")
      }
      try openPart()
    }
  }

  /// The next bytes, valid until the next call; `nil` at the end of the part.
  func nextBlock() throws(OverlayError) -> UnsafeRawBufferPointer? {
    if !unread.isEmpty {
      (block, unread) = (unread, UnsafeRawBufferPointer(start: nil, count: 0))
    } else if let decoder {
      block = try decode(with: decoder)
    } else {
      if waiting.isEmpty { try fill() }
      block = UnsafeRawBufferPointer(rebasing: buffer[waiting])
      waiting = waiting.upperBound..<waiting.upperBound
    }
    total += block.count
    guard total <= limit else { throw OverlayError("it holds more than \(limit) bytes; --max-size raises this limit") }
    return block.isEmpty ? nil : block
  }

  /// Takes back the last `count` bytes that were handed out.
  func giveBack(_ count: Int) throws(OverlayError) {
    guard (0...block.count).contains(count) else {
      throw OverlayError("libarchive has read on behind the archive's end")
    }
    total -= count
    if decoder == nil {
      waiting = waiting.upperBound - count..<waiting.upperBound
    } else {
      unread = UnsafeRawBufferPointer(rebasing: block.suffix(count))
    }
  }

  private func decode(with first: any StreamDecoder) throws(OverlayError) -> UnsafeRawBufferPointer {
    var current = first
    while !partHasEnded {
      if waiting.isEmpty { try fill() }
      let progress = try current.decode(UnsafeRawBufferPointer(rebasing: buffer[waiting]), into: decoded)
      waiting = waiting.lowerBound + progress.taken..<waiting.upperBound
      if progress.isAtEnd {
        // A stream of the same format directly behind it belongs to the same part: gzip, zstd and xz read it so, too.
        if try format() == compression, let next = try compression.makeDecoder() {
          (decoder, current) = (next, next)
        } else {
          partHasEnded = true
        }
      } else if progress.taken == 0, progress.given == 0 {
        throw compression.damage("it ends in the middle; the file was cut off")
      }
      if progress.given > 0 { return UnsafeRawBufferPointer(rebasing: decoded[..<progress.given]) }
    }
    return UnsafeRawBufferPointer(start: nil, count: 0)
  }

  /// Begins the compressed part at the current position.
  private func openPart() throws(OverlayError) {
    guard let format = try format(), format != .none else {
      throw OverlayError(
        position == 0
          ? "it is neither a newc cpio archive nor one compressed with gzip, zstd or xz"
          : "what begins at byte \(position) is neither an archive nor a compressed one")
    }
    compression = format
    decoder = try format.makeDecoder()
    partHasEnded = false
  }

  /// What begins at the current position.
  private func format() throws(OverlayError) -> CompressionFormat? {
    let longestMagic = 6
    if waiting.count < longestMagic {
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[waiting]))
      waiting = 0..<waiting.count
      while waiting.count < longestMagic, try read(behind: waiting) > 0 {}
    }
    return CompressionFormat(magic: Array(buffer[waiting].prefix(longestMagic)))
  }

  private func fill() throws(OverlayError) {
    waiting = 0..<0
    _ = try read(behind: waiting)
  }

  /// Reads on in the file, and adds the bytes to those that wait.
  private func read(behind used: Range<Int>) throws(OverlayError) -> Int {
    do throws(SystemError) {
      let count = try file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[used.upperBound...]), at: fileOffset)
      fileOffset += count
      waiting = used.lowerBound..<used.upperBound + count
      return count
    } catch { throw OverlayError(error) }
  }

  private static func firstNonzero(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let start = bytes.baseAddress, bytes[0] == 0 else { return 0 }
    // Archives can have gigabytes of zeros behind them. memcmp is fast: the bytes are all zero if the first is, and each is
    // equal to the next.
    if memcmp(start, start + 1, bytes.count - 1) == 0 { return nil }
    return bytes.firstIndex { $0 != 0 }
  }
}
