import CArchive
import Glibc

/// Reads an overlay archive from its beginning to its end: newc cpio, plain or compressed with gzip, zstd or xz, or several
/// such behind one another.
///
///     let reader = try ArchiveReader("discovery.overlay.cpio.gz")
///     while let entry = try reader.next() {
///       while let bytes = try reader.nextBlock() { … }
///     }
///
/// What cannot be an overlay's is an error: absolute names, `..`, other formats than newc, more than the limits allow.
public final class ArchiveReader {
  /// The file's path.
  public let path: String

  private let input: DecompressedInput
  private let limits: ArchiveLimits
  private var archive: OpaquePointer?
  /// Bytes that the current archive was given.
  private var given = 0
  private var failure: OverlayError?
  private var count = 0
  private var entry: Entry?
  private var links: LinkNames
  /// Bytes of names and of targets of symlinks so far.
  private var nameSize = 0

  public init(_ path: String, limits: ArchiveLimits = ArchiveLimits()) throws(OverlayError) {
    (self.path, self.limits, links) = (path, limits, LinkNames(limits: limits))
    input = try DecompressedInput(path: path, limit: limits.size)
  }

  deinit { archive_read_free(archive) }

  /// How the file is compressed, as far as it was read: the last part's format.
  public var compression: CompressionFormat { input.compression }

  /// The archives that were begun so far; several may stand behind one another.
  public private(set) var parts: [Part] = []

  /// Where an archive begins.
  public struct Part: Sendable {
    /// Bytes from the begin of the file, decompressed.
    public let offset: Int
    public let compression: CompressionFormat
  }

  /// Bytes of the file that were read, and how many there are; for progress.
  public var progress: (done: Int, total: Int) { (input.position, input.fileSize) }

  /// The next entry; `nil` behind the last.
  public func next() throws(OverlayError) -> Entry? {
    while true {
      guard archive != nil else {
        guard try attempt({ () throws(OverlayError) in try input.advanceToArchive() }) else {
          guard count > 0 || given > 0 else { throw located(OverlayError("it is empty")) }
          return nil
        }
        try open()
        continue
      }
      var next: OpaquePointer?
      switch archive_read_next_header(archive, &next) {
      case ARCHIVE_OK: break
      case ARCHIVE_EOF:
        let used = Int(archive_filter_bytes(archive, 0))
        archive_read_free(archive)
        archive = nil
        try attempt { () throws(OverlayError) in try input.giveBack(given - used) }
        continue
      default: throw damage()
      }
      guard let next else { continue }
      let entry = try attempt { () throws(OverlayError) in try convert(next) }
      self.entry = entry
      count += 1
      return entry
    }
  }

  /// The next bytes of the current entry's data, valid until the next call of this or of `next`; `nil` at their end.
  public func nextBlock() throws(OverlayError) -> UnsafeRawBufferPointer? {
    var start: UnsafeRawPointer?
    var size = 0
    var offset: Int64 = 0
    switch archive_read_data_block(archive, &start, &size, &offset) {
    case ARCHIVE_OK: return UnsafeRawBufferPointer(start: start, count: size)
    case ARCHIVE_EOF: return nil
    default: throw damage()
    }
  }

  private func open() throws(OverlayError) {
    given = 0
    parts.append(Part(offset: input.decompressedPosition, compression: input.compression))
    links.beginArchive()
    archive = archive_read_new()
    archive_read_support_format_cpio(archive)
    let this = Unmanaged.passUnretained(self).toOpaque()
    let result = archive_read_open(
      archive, this, nil,
      { handle, this, start in
        guard let this, let start else { return -1 }
        return Unmanaged<ArchiveReader>.fromOpaque(this).takeUnretainedValue().give(start, to: handle)
      }, nil)
    guard result == ARCHIVE_OK else { throw damage() }
  }

  /// libarchive asks for bytes.
  private func give(_ start: UnsafeMutablePointer<UnsafeRawPointer?>, to handle: OpaquePointer?) -> Int {
    do throws(OverlayError) {
      guard let block = try input.nextBlock() else { return 0 }
      start.pointee = block.baseAddress
      given += block.count
      return block.count
    } catch {
      failure = error
      return -1
    }
  }

  private func convert(_ raw: OpaquePointer) throws(OverlayError) -> Entry {
    guard count < limits.entries else {
      throw OverlayError("it holds more than \(limits.entries) entries; --max-entries raises this limit")
    }
    guard let name = archive_entry_pathname(raw) else { throw OverlayError("an entry has no name") }
    let path = try OverlayPath(archiveName: UnsafeRawBufferPointer(start: name, count: strlen(name)))
    try count(nameOf: path.bytes.count)
    func refusal(_ reason: String) -> OverlayError { OverlayError("\"\(path)\" \(reason)") }
    let format = archive_format(archive)
    guard format == ARCHIVE_FORMAT_CPIO_SVR4_NOCRC || format == ARCHIVE_FORMAT_CPIO_SVR4_CRC else {
      throw refusal("is in another cpio format than newc, which the kernel does not read")
    }
    let mode = archive_entry_mode(raw)
    let size = Int(archive_entry_size(raw))
    let device = Entry.DeviceNumber(
      major: UInt32(truncatingIfNeeded: archive_entry_rdevmajor(raw)),
      minor: UInt32(truncatingIfNeeded: archive_entry_rdevminor(raw)))
    let kind: Entry.Kind
    switch mode & S_IFMT {
    case S_IFREG: kind = .file(size: size)
    case S_IFDIR: kind = .directory
    case S_IFLNK:
      guard let target = archive_entry_symlink(raw), strlen(target) > 0 else {
        throw refusal("is a symlink to nothing")
      }
      guard strlen(target) <= OverlayPath.longest else {
        throw refusal("is a symlink to a path of more than \(OverlayPath.longest) bytes")
      }
      try count(nameOf: strlen(target))
      kind = .symlink(target: Array(UnsafeRawBufferPointer(start: target, count: strlen(target))))
    case S_IFIFO: kind = .fifo
    case S_IFSOCK: kind = .socket
    case S_IFCHR: kind = .characterDevice(device)
    case S_IFBLK: kind = .blockDevice(device)
    default: throw refusal("is of no known type (mode \(String(mode, radix: 8)))")
    }
    if path.isRoot, kind != .directory { throw OverlayError("the overlay's root, \".\", is a \(kind)") }
    if case .file = kind {
      guard size <= limits.size else {
        throw refusal("is larger than \(limits.size) bytes; --max-size raises this limit")
      }
    } else if size > 0, mode & S_IFMT != S_IFLNK {
      throw refusal("is a \(kind), but has data")
    }
    return Entry(
      path, kind, permissions: mode & 0o7777, owner: UInt32(truncatingIfNeeded: archive_entry_uid(raw)),
      group: UInt32(truncatingIfNeeded: archive_entry_gid(raw)),
      modified: UInt32(clamping: archive_entry_mtime(raw)), links: try links.group(of: raw, kind))
  }

  /// Bounds the memory that names take. In real archives they have about 50 bytes each.
  private func count(nameOf size: Int) throws(OverlayError) {
    nameSize += size
    guard nameSize >> 8 <= max(limits.entries, 1 << 12) else {
      throw OverlayError(
        "the names of its entries have more than 256 bytes for each of \(limits.entries) entries; --max-entries raises"
          + " this limit")
    }
  }

  /// The error that libarchive or the input has reported.
  private func damage() -> OverlayError {
    if let failure { return located(failure) }
    guard let reason = archive_error_string(archive) else {
      return located(OverlayError("the archive is cut off or damaged: no entry follows"))
    }
    return located(OverlayError("the archive is damaged: \(String(cString: reason))"))
  }

  private func attempt<Value>(_ body: () throws(OverlayError) -> Value) throws(OverlayError) -> Value {
    do throws(OverlayError) { return try body() } catch { throw located(error) }
  }

  /// Adds where in the archive it happened.
  private func located(_ error: OverlayError) -> OverlayError {
    let place = entry.map { "at or behind \"\($0.path)\", entry \(count)" } ?? "at its beginning"
    return OverlayError("\(path): \(error.description) (\(place))")
  }
}
