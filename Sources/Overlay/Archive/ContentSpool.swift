import CLinux
import Glibc
import SystemFiles

/// Contents of files, kept behind one another in a file without a name until an archive is written. Archives can be read
/// only from beginning to end, but are written in the order of their names.
public final class ContentSpool: Sendable {
  let descriptor: Int32
  private let directory: String

  /// - Parameter directory: where there is room for all contents.
  public init(directory: String) throws(OverlayError) {
    self.directory = directory
    var descriptor = open(directory, O_RDWR | O_CLOEXEC | monorail_open_unnamed_flag(), 0o600)
    if descriptor < 0 {
      let path = "\(directory)/.spool.\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
      descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
      if descriptor >= 0 { unlink(path) }
    }
    guard descriptor >= 0 else { throw .system("make a temporary file in \(directory)") }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Bytes that it holds: the offset of what is appended next.
  public func size() throws(OverlayError) -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system("look at a temporary file in \(directory)") }
    return Int(status.st_size)
  }

  public func append(_ bytes: UnsafeRawBufferPointer) throws(OverlayError) {
    guard Descriptor.write(bytes, to: descriptor, at: try size()) else {
      throw MediumSpace.failure(
        "write to a temporary file in \(directory)", descriptor, directory, elsewhere: "write to another file system")
    }
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(OverlayError) -> Int {
    let count = Descriptor.read(descriptor, into: buffer, at: offset)
    guard count >= 0 else { throw .system("read a temporary file in \(directory)") }
    return count
  }
}
