import Digests
import Glibc
import SystemFiles

/// Fetches files: only a complete 2xx answer of the declared length, with the right digest, gets its final name.
public struct Downloader {
  private let client: HTTPClient
  /// Waits so many milliseconds.
  private let pause: (Int) -> Void
  /// Told of each failure that is followed by another try.
  private let onRetry: (String) -> Void
  /// Told how many bytes are there, and the whole size when it is known.
  private let onProgress: (Int, Int?) -> Void

  public init(
    client: HTTPClient, pause: @escaping (Int) -> Void, onRetry: @escaping (String) -> Void = { _ in },
    onProgress: @escaping (Int, Int?) -> Void = { _, _ in }
  ) {
    (self.client, self.pause, self.onRetry, self.onProgress) = (client, pause, onRetry, onProgress)
  }

  /// - Returns: the file's size in bytes.
  /// - Throws: `DownloadError`. What was at `path` before is then still there.
  @discardableResult
  public func fetch(_ download: Download) throws(DownloadError) -> Int {
    let (url, digest) = try Self.checked(download)
    let part = PartialFile(path: download.path + ".part", isTrusted: digest != nil)
    var backoff = Backoff(cap: 5000)
    var attempt = 1
    while true {
      let failure: DownloadError
      do throws(DownloadError) {
        try receive(url, into: part)
        return try finish(part, download, url, digest)
      } catch {
        failure = error
      }
      guard attempt < download.attempts, failure.isRetryable else {
        // Without a digest no later run can continue the part; and a disk that is full needs the room.
        if case .disk = failure { part.discard() } else if digest == nil { part.discard() }
        throw failure
      }
      let wait = backoff.next()
      attempt += 1
      onRetry("\(failure.message); try \(attempt) of \(download.attempts) in \(wait) ms")
      pause(wait)
    }
  }

  /// The URL without its fragment, and the digest to verify.
  private static func checked(_ download: Download) throws(DownloadError) -> (url: String, digest: String?) {
    do throws(HTTPError) {
      let (url, inURL) = try URLText.splitDigest(download.url)
      var given: String?
      if let text = download.sha256 { given = try URLText.digest(text) }
      if let given, let inURL, given != inURL {
        throw HTTPError(
          code: "EINVAL", message: "two digests are asked for, \(given) and \(inURL); no file can have both",
          isRetryable: false)
      }
      var status = stat()
      if stat(download.path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
        throw HTTPError(
          code: "EINVAL", message: "cannot put a file at \(download.path): something else is there", isRetryable: false)
      }
      return (url, given ?? inURL)
    } catch {
      throw .transfer(error)
    }
  }

  /// Gets what is missing of the file, or all of it when the server does not continue where the part ends.
  private func receive(_ url: String, into part: PartialFile) throws(DownloadError) {
    let what = "GET \(URLText.withoutSecrets(url))"
    let start = part.resumableSize
    var request = HTTPRequest(.get, url)
    if start > 0 {
      request.headers.append("Range: bytes=\(start)-")
      if let validator = part.version?.validator { request.headers.append("If-Range: \(validator)") }
    }
    let output = try Self.onDisk { () throws(SystemError) in try part.open() }
    var written: Int?
    var failure: DownloadError?
    let response = try perform(request) { response, bytes in
      guard response.isSuccess else { return true }
      do throws(DownloadError) {
        let position = if let written { written } else { try Self.begin(part, output, start, response, what) }
        written = position
        do throws(SystemError) { try output.write(bytes) } catch { throw .disk(error) }
        written = position + bytes.count
        onProgress(position + bytes.count, FileVersion(response).size)
        return true
      } catch {
        failure = error
        return false
      }
    }
    if let failure { throw failure }
    // The part is as long as the file, or longer than what the server has now.
    if response.status == 416, start > 0 {
      if response.headers["content-range"] == "bytes */\(start)", part.isTrusted { return part.takeAsWhole() }
      throw Self.startingOver(part, "\(what): the part of \(start) bytes does not fit")
    }
    guard response.isSuccess else {
      throw .transfer(HTTPError(status: response.status, reason: response.reason, what: what))
    }
    // An empty file has no first piece.
    let size = if let written { written } else { try Self.begin(part, output, start, response, what) }
    if let whole = FileVersion(response).size, whole != size {
      throw .transfer(
        HTTPError(
          code: "EBADMSG", message: "\(what): \(size) of \(whole) bytes came", status: response.status,
          isRetryable: true))
    }
  }

  private func perform(
    _ request: HTTPRequest, receive: @escaping (HTTPResponse, UnsafeRawBufferPointer) -> Bool
  ) throws(DownloadError) -> HTTPResponse {
    do throws(HTTPError) { return try client.perform(request, receive: receive) } catch { throw .transfer(error) }
  }

  /// Places the part where the answer begins: at its end when the server continues it, else at the start.
  private static func begin(
    _ part: PartialFile, _ output: borrowing File, _ start: Int, _ response: HTTPResponse, _ what: String
  ) throws(DownloadError) -> Int {
    let version = FileVersion(response)
    if response.status == 206 {
      guard start > 0, ContentRange(response)?.first == start else {
        throw startingOver(part, "\(what): the server sent a part of the file that was not asked for")
      }
      // A server that knows If-Range sends the whole file then.
      guard part.version?.canBeContinued(by: version) ?? true else {
        throw startingOver(part, "\(what): the server continues with another version of the file")
      }
    }
    let position = response.status == 206 ? start : 0
    do throws(SystemError) { try part.begin(output, at: position, version) } catch { throw .disk(error) }
    return position
  }

  /// Throws the part away, since nothing can be added to it.
  private static func startingOver(_ part: PartialFile, _ problem: String) -> DownloadError {
    part.discard()
    return .transfer(HTTPError(code: "EBADMSG", message: "\(problem); starting over", isRetryable: true))
  }

  private func finish(
    _ part: PartialFile, _ download: Download, _ url: String, _ digest: String?
  ) throws(DownloadError) -> Int {
    let (size, found): (Int, String?)
    do throws(SystemError) {
      let file = try File(part.path, O_RDONLY)
      size = try file.size()
      found = digest == nil ? nil : try Self.sha256(of: file)
      if found == digest {
        guard fchmod(file.descriptor, mode_t(download.mode)) == 0 else {
          throw SystemError("set the mode of \(part.path)")
        }
        try file.synchronize()
        try FileSystem.moveOrDiscard(part.path, download.path)
      }
    } catch {
      throw .disk(error)
    }
    if let digest, let found, found != digest {
      part.discard()
      throw .transfer(
        HTTPError(
          code: "EBADMSG",
          message: "GET \(URLText.withoutSecrets(url)): the SHA-256 is \(found), but it should be \(digest); not used",
          isRetryable: part.wasResumed))
    }
    return size
  }

  private static func onDisk<Value: ~Copyable>(
    _ body: () throws(SystemError) -> Value
  ) throws(DownloadError) -> Value {
    do throws(SystemError) { return try body() } catch { throw .disk(error) }
  }

  private static func sha256(of file: borrowing File) throws(SystemError) -> String {
    var digest = Digest(.sha256)
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { piece.deallocate() }
    var offset = 0
    while true {
      let count = try file.read(into: piece, at: offset)
      if count == 0 { return digest.finish() }
      digest.update(UnsafeRawBufferPointer(rebasing: piece[..<count]))
      offset += count
    }
  }
}
