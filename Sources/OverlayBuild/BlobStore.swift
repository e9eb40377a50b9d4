import Glibc
import HTTPTransport
import Overlay
import SystemFiles

/// Files under the names of their digests: packages and downloads. What is there is fetched once.
final class BlobStore {
  private let directory: String
  private let say: @Sendable (String) -> Void
  private lazy var client: HTTPClient = {
    var options = HTTPClient.Options()
    options.userAgent = "monorail-overlay"
    // apt, which runs in the workspaces of the same build, uses them too.
    options.usesEnvironmentProxies = true
    return HTTPClient(options: options)
  }()

  init(_ directory: String, say: @escaping @Sendable (String) -> Void) throws(OverlayError) {
    (self.directory, self.say) = (directory, say)
    do throws(SystemError) { try FileSystem.makeDirectories(directory) } catch { throw OverlayError(error) }
  }

  /// The path of the file with that digest, if it is there and whole.
  ///
  /// - Parameter sha256: in hexadecimal.
  func path(of sha256: String) throws(OverlayError) -> String? {
    let path = "\(directory)/\(sha256)"
    guard FileSystem.exists(path) else { return nil }
    guard try FileDigest.sha256(of: path) == sha256 else {
      unlink(path)
      return nil
    }
    // What has not been used for the longest time is the first to be removed from the cache.
    utimensat(AT_FDCWD, path, nil, 0)
    return path
  }

  /// Takes a copy of a file of this machine.
  ///
  /// - Returns: its digest, in hexadecimal.
  func add(_ file: String) throws(OverlayError) -> String {
    let sha256 = try FileDigest.sha256(of: file)
    if try path(of: sha256) != nil { return sha256 }
    try FileCopy.copy(file, to: "\(directory)/\(sha256)")
    guard try path(of: sha256) != nil else { throw OverlayError("\(file) has changed while it was read") }
    return sha256
  }

  /// Gives a file that is there another name, on the same file system.
  func link(_ sha256: String, to path: String) throws(OverlayError) {
    guard Glibc.link("\(directory)/\(sha256)", path) == 0 else {
      throw .system("link \(directory)/\(sha256) to \(path)")
    }
  }

  /// The path of the file with that digest; fetched when it is not there.
  func fetch(_ url: String, sha256: String) throws(DownloadError) -> String {
    if let path = try? path(of: sha256) { return path }
    // Two builds that fetch one file at once would write to the same temporary file. Some file systems know no locks.
    let lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(lock) }
    while flock(lock, LOCK_EX) != 0, errno == EINTR {}
    if let path = try? path(of: sha256) { return path }
    let path = "\(directory)/\(sha256)"
    let downloader = Downloader(client: client, pause: { usleep(useconds_t(1000 * $0)) }, onRetry: say)
    var download = Download(url: url, path: path)
    download.sha256 = sha256
    try downloader.fetch(download)
    return path
  }
}
