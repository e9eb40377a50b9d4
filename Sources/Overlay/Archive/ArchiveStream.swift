import CArchive
import Glibc

/// How an entry's file is numbered in an archive.
struct LinkNumber {
  var inode: Int64
  /// How many names of the file are in the archive.
  var count = 1
  /// Whether the file's data follows this name.
  var hasData = true
}

/// A newc archive that is being written: libarchive makes its bytes.
final class ArchiveStream {
  private let archive: OpaquePointer
  private let raw: OpaquePointer
  private let sink: any ByteSink
  private var failure: OverlayError?

  init(to sink: any ByteSink) throws(OverlayError) {
    guard let archive = archive_write_new(), let raw = archive_entry_new() else {
      throw OverlayError("cannot start libarchive: there is no memory")
    }
    (self.archive, self.raw, self.sink) = (archive, raw, sink)
    archive_write_set_format_cpio_newc(archive)
    // Nothing is added to fill the last block.
    archive_write_set_bytes_per_block(archive, 64 << 10)
    archive_write_set_bytes_in_last_block(archive, 1)
    let this = Unmanaged.passUnretained(self).toOpaque()
    try check(
      archive_write_open(
        archive, this, nil,
        { _, this, bytes, count in
          guard let this else { return -1 }
          let stream = Unmanaged<ArchiveStream>.fromOpaque(this).takeUnretainedValue()
          return stream.pass(UnsafeRawBufferPointer(start: bytes, count: count))
        }, nil))
  }

  deinit {
    // What libarchive still holds of an archive that failed must not reach the sink.
    failure = failure ?? OverlayError("the archive is not complete")
    archive_entry_free(raw)
    archive_write_free(archive)
  }

  func append(_ entry: Entry, _ number: LinkNumber) throws(OverlayError) {
    archive_entry_clear(raw)
    archive_entry_copy_pathname(raw, entry.path.systemName)
    archive_entry_set_perm(raw, entry.permissions)
    archive_entry_set_uid(raw, Int64(entry.owner))
    archive_entry_set_gid(raw, Int64(entry.group))
    archive_entry_set_mtime(raw, Int(entry.modified), 0)
    archive_entry_set_ino64(raw, number.inode)
    archive_entry_set_nlink(raw, UInt32(number.count))
    archive_entry_set_size(raw, 0)
    switch entry.kind {
    case .file(let size):
      archive_entry_set_filetype(raw, S_IFREG)
      archive_entry_set_size(raw, number.hasData ? Int64(size) : 0)
    case .directory: archive_entry_set_filetype(raw, S_IFDIR)
    case .symlink(let target):
      archive_entry_set_filetype(raw, S_IFLNK)
      archive_entry_copy_symlink(raw, target.systemName)
    case .fifo: archive_entry_set_filetype(raw, S_IFIFO)
    case .socket: archive_entry_set_filetype(raw, S_IFSOCK)
    case .characterDevice(let device): setDevice(device, type: S_IFCHR)
    case .blockDevice(let device): setDevice(device, type: S_IFBLK)
    }
    try check(archive_write_header(archive, raw))
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    let count = archive_write_data(archive, bytes.baseAddress, bytes.count)
    guard count == bytes.count else { throw error() }
  }

  /// Writes the end of the archive.
  func finish() throws(OverlayError) { try check(archive_write_close(archive)) }

  private func setDevice(_ device: Entry.DeviceNumber, type: mode_t) {
    archive_entry_set_filetype(raw, type)
    archive_entry_set_rdevmajor(raw, dev_t(device.major))
    archive_entry_set_rdevminor(raw, dev_t(device.minor))
  }

  /// libarchive has bytes.
  private func pass(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard failure == nil else { return -1 }
    do throws(OverlayError) { try sink.write(bytes) } catch {
      failure = error
      return -1
    }
    return bytes.count
  }

  private func check(_ result: Int32) throws(OverlayError) {
    guard result == ARCHIVE_OK else { throw error() }
  }

  private func error() -> OverlayError {
    failure
      ?? OverlayError("cannot write the archive: \(archive_error_string(archive).map { String(cString: $0) } ?? "")")
  }
}
