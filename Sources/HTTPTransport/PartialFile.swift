import Glibc
import SystemFiles

/// What has arrived of a download, under its temporary name.
final class PartialFile {
  let path: String
  /// Whether a digest will tell if the parts fit together: only then are bytes of an earlier run continued.
  let isTrusted: Bool
  /// Which version of the file this run has begun; `nil` when it has begun none.
  private(set) var version: FileVersion?
  /// Whether the file was put together from more than one answer.
  private(set) var wasResumed = false

  init(path: String, isTrusted: Bool) { (self.path, self.isTrusted) = (path, isTrusted) }

  /// From where the server may be asked to continue.
  var resumableSize: Int {
    var status = stat()
    guard isTrusted || version?.validator != nil, lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      return 0
    }
    return Int(status.st_size)
  }

  /// Opens it for writing. Anything but a plain file there, as a link or a pipe, is removed first.
  func open() throws(SystemError) -> File {
    var status = stat()
    if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG { try FileSystem.remove(path) }
    return try File(path, O_WRONLY | O_CREAT | O_NOFOLLOW)
  }

  /// Cuts the file at the place of the first byte that the answer carries, and writes on from there.
  func begin(_ file: borrowing File, at offset: Int, _ answered: FileVersion) throws(SystemError) {
    guard ftruncate(file.descriptor, off_t(offset)) == 0, lseek(file.descriptor, off_t(offset), SEEK_SET) >= 0 else {
      throw SystemError("write \(path)")
    }
    wasResumed = offset > 0
    if offset == 0 || version == nil { version = answered }
  }

  /// The server says that nothing is missing of a part that an earlier run left.
  func takeAsWhole() { wasResumed = true }

  func discard() {
    unlink(path)
    version = nil
  }
}
