import Glibc

/// What is done with open descriptors. A signal interrupts no read and no write, and a write goes on until all bytes are
/// written.
public enum Descriptor {
  /// Writes all bytes.
  ///
  /// - Parameter offset: where in the file; `nil` for the descriptor's own position.
  /// - Returns: whether all was written; if not, `errno` says why.
  public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int? = nil) -> Bool {
    var rest = bytes
    while !rest.isEmpty {
      let count =
        if let offset {
          pwrite(descriptor, rest.baseAddress, rest.count, off_t(offset + bytes.count - rest.count))
        } else {
          Glibc.write(descriptor, rest.baseAddress, rest.count)
        }
      if count > 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if count == 0 {
        errno = EIO
        return false
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  /// Reads up to the buffer's size from `offset`.
  ///
  /// - Returns: the number of bytes; 0 at the end of the file, -1 when it cannot be read, and then `errno` says why.
  public static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count >= 0 || errno != EINTR { return count }
    }
  }

  /// Whether a name stands for an open file. Another program may have removed or replaced the name since.
  ///
  /// - Parameter directory: open, or `AT_FDCWD`. A symlink as the last name is not followed.
  public static func isOpenFile(_ descriptor: Int32, named name: String, in directory: Int32 = AT_FDCWD) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }
}
