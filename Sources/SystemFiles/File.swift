import Glibc

/// An open file. It is closed at the end of its life, and no command that is started inherits it.
public struct File: ~Copyable {
  public let descriptor: Int32
  public let path: String

  /// - Parameters:
  ///   - flags: of open(2); `O_CLOEXEC` is added.
  ///   - mode: permissions of a file that is made, before the umask.
  public init(_ path: String, _ flags: Int32, mode: mode_t = 0o644) throws(SystemError) {
    descriptor = open(path, flags | O_CLOEXEC, mode)
    self.path = path
    guard descriptor >= 0 else {
      throw SystemError("\(flags & O_CREAT == 0 ? "open" : "create") \(path)")
    }
  }

  deinit { close(descriptor) }

  public borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) {
    guard Descriptor.write(bytes, to: descriptor) else { throw SystemError("write \(path)") }
  }

  public borrowing func write(_ bytes: [UInt8]) throws(SystemError) {
    var failure: SystemError?
    bytes.withUnsafeBytes { buffer in
      do throws(SystemError) { try write(buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  /// Reads up to the buffer's size from `offset`; 0 at the end.
  public borrowing func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) -> Int {
    let count = Descriptor.read(descriptor, into: buffer, at: offset)
    guard count >= 0 else { throw SystemError("read \(path)") }
    return count
  }

  /// The file's size in bytes.
  public borrowing func size() throws(SystemError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemError("look at \(path)") }
    return Int(status.st_size)
  }

  /// Returns when the contents are on the medium.
  public borrowing func synchronize() throws(SystemError) {
    guard fsync(descriptor) == 0 else { throw SystemError("write \(path) to its medium") }
  }
}
