import Glibc
import SystemFiles

/// What has arrived of a download, under its temporary name.
final class PartialFile {
  let path: String
  /// Whether a digest will tell if the parts fit together: only then are bytes of an earlier run continued.
  let isTrusted: Bool
  /// What identifies the version of the file that this run has begun (RFC 9110, `If-Range`): a strong entity tag, or a date.
  private(set) var validator: String?
  /// Whether the file was put together from more than one answer.
  private(set) var wasResumed = false

  init(path: String, isTrusted: Bool) { (self.path, self.isTrusted) = (path, isTrusted) }

  /// From where the server may be asked to continue.
  var resumableSize: Int {
    var status = stat()
    guard isTrusted || validator != nil, lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return 0 }
    return Int(status.st_size)
  }

  /// Opens it for writing. What is no plain file there, as a link or a pipe, is taken away first.
  func open() throws(HTTPError) -> File {
    do throws(SystemError) {
      var status = stat()
      if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG { try FileSystem.remove(path) }
      return try File(path, O_WRONLY | O_CREAT | O_NOFOLLOW)
    } catch {
      throw HTTPError(code: error.code, message: error.description, isRetryable: false)
    }
  }

  /// Places the file at the first byte that the answer brings.
  func begin(_ file: borrowing File, at offset: Int, _ response: HTTPResponse) throws(SystemError) {
    guard ftruncate(file.descriptor, off_t(offset)) == 0, lseek(file.descriptor, off_t(offset), SEEK_SET) >= 0 else {
      throw SystemError("write \(path)")
    }
    wasResumed = offset > 0
    let tag = response.headers["etag"].flatMap { $0.hasPrefix("W/") ? nil : $0 }
    validator = tag ?? response.headers["last-modified"]
  }

  func discard() {
    unlink(path)
    validator = nil
  }
}
