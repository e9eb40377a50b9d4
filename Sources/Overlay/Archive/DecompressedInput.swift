import CArchive
import Glibc
import SystemFiles

/// The bytes of a file that is a sequence of parts, plain or compressed: an initrd is a plain archive with microcode and a
/// compressed one behind it (the kernel's Documentation/driver-api/early-userspace/buffer-format.rst).
///
/// A compressed part ends where its stream ends. Where a plain archive ends only its reader knows: it gives back what it
/// did not use.
final class DecompressedInput {
  let fileSize: Int
  /// How the newest compressed part is compressed; `none` when there is none so far.
  private(set) var compression = CompressionFormat.none

  private let file: File
  private let limit: Int
  /// libarchive's handle of the compressed part that is being read, and where in the file it begins.
  private var stream: (handle: OpaquePointer, start: Int)?
  private let plainBuffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
  /// Where reading goes on outside of compressed parts.
  private var plainOffset = 0
  private var block = UnsafeRawBufferPointer(start: nil, count: 0)
  private var unread = UnsafeRawBufferPointer(start: nil, count: 0)
  private var total = 0

  /// - Parameter limit: bytes, of all parts decompressed.
  init(path: String, limit: Int) throws(OverlayError) {
    do throws(SystemError) {
      file = try File(path, O_RDONLY)
      var status = stat()
      guard fstat(file.descriptor, &status) == 0 else { throw SystemError("look at \(path)") }
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw SystemError("read \(path) as an archive", errno: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
      }
      fileSize = Int(status.st_size)
    } catch {
      plainBuffer.deallocate()
      throw OverlayError(error)
    }
    self.limit = limit
  }

  deinit {
    if let stream { archive_read_free(stream.handle) }
    plainBuffer.deallocate()
  }

  /// Bytes of the file that are done with.
  var position: Int {
    if let stream { stream.start + Int(archive_filter_bytes(stream.handle, -1)) } else { plainOffset - unread.count }
  }

  /// Goes to where the next archive begins, past zeros and into the next part.
  ///
  /// - Returns: `false` at the end of the file.
  func advanceToArchive() throws(OverlayError) -> Bool {
    while true {
      guard let bytes = try nextBlock() else {
        guard let stream else { return false }
        plainOffset = position
        archive_read_free(stream.handle)
        self.stream = nil
        continue
      }
      guard let start = bytes.firstIndex(where: { $0 != 0 }) else { continue }
      giveBack(bytes.count - start)
      if bytes[start] == UInt8(ascii: "0") { return true }
      guard stream == nil else {
        throw OverlayError("what follows the archive in the \(compression.rawValue) stream is no archive")
      }
      try openStream()
    }
  }

  /// The next bytes, valid until the next call; `nil` at the end of the part.
  func nextBlock() throws(OverlayError) -> UnsafeRawBufferPointer? {
    if !unread.isEmpty {
      defer { unread = UnsafeRawBufferPointer(start: nil, count: 0) }
      return unread
    }
    if let stream { block = try decompress(stream.handle) } else { block = try readPlain() }
    total += block.count
    guard total <= limit else {
      throw OverlayError("it holds more than \(limit) bytes; --max-size raises this limit")
    }
    return block.isEmpty ? nil : block
  }

  /// Takes back the last `count` bytes that were handed out.
  func giveBack(_ count: Int) {
    precondition(count <= block.count, "only bytes of the last block can be given back")
    unread = UnsafeRawBufferPointer(rebasing: block.suffix(count))
  }

  private func readPlain() throws(OverlayError) -> UnsafeRawBufferPointer {
    let count: Int
    do throws(SystemError) { count = try file.read(into: plainBuffer, at: plainOffset) } catch {
      throw OverlayError(error)
    }
    plainOffset += count
    return UnsafeRawBufferPointer(rebasing: plainBuffer[..<count])
  }

  private func decompress(_ handle: OpaquePointer) throws(OverlayError) -> UnsafeRawBufferPointer {
    var start: UnsafeRawPointer?
    var count = 0
    var offset: Int64 = 0
    switch archive_read_data_block(handle, &start, &count, &offset) {
    case ARCHIVE_OK: return UnsafeRawBufferPointer(start: start, count: count)
    case ARCHIVE_EOF: return UnsafeRawBufferPointer(start: nil, count: 0)
    default: throw streamError(handle)
    }
  }

  /// Begins the compressed part at the current position.
  private func openStream() throws(OverlayError) {
    let start = position
    var magic = [UInt8](repeating: 0, count: 6)
    let count = pread(file.descriptor, &magic, magic.count, off_t(start))
    guard count >= 0 else { throw .system("read \(file.path)") }
    guard let format = CompressionFormat(magic: Array(magic.prefix(count))), format != .none else {
      throw OverlayError(
        start == 0
          ? "it is neither a newc cpio archive nor one compressed with gzip, zstd or xz"
          : "what begins at byte \(start) is neither an archive nor a compressed one")
    }
    compression = format
    guard let handle = archive_read_new(), let entry = archive_entry_new() else {
      throw OverlayError("cannot start libarchive: there is no memory")
    }
    stream = (handle, start)
    unread = UnsafeRawBufferPointer(start: nil, count: 0)
    defer { archive_entry_free(entry) }
    switch format {
    case .gzip: archive_read_support_filter_gzip(handle)
    case .zstd: archive_read_support_filter_zstd(handle)
    case .xz: archive_read_support_filter_xz(handle)
    case .none: break
    }
    archive_read_support_format_raw(handle)
    archive_read_support_format_empty(handle)
    guard lseek(file.descriptor, off_t(start), SEEK_SET) == off_t(start) else { throw .system("read \(file.path)") }
    guard archive_read_open_fd(handle, file.descriptor, 256 << 10) == ARCHIVE_OK else { throw streamError(handle) }
    let result = archive_read_next_header2(handle, entry)
    guard result == ARCHIVE_OK || result == ARCHIVE_EOF else { throw streamError(handle) }
  }

  private func streamError(_ handle: OpaquePointer) -> OverlayError {
    let reason = archive_error_string(handle).map { String(cString: $0) } ?? "unknown error"
    return OverlayError("its \(compression.rawValue) data is damaged: \(reason)")
  }
}
