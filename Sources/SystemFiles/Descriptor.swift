import Glibc

/// Reads and writes on open descriptors. A signal interrupts neither, and a write goes on until all bytes are written.
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
}
