import Digests
import Glibc
import SystemFiles

/// One file to fetch: from where, to where, and what must be true of it.
public struct Download: Sendable {
  /// Absolute; a fragment `#sha256=<hex>` is a digest to verify.
  public var url: String
  /// Where the complete file goes. Until then the bytes are in `<path>.part`.
  public var path: String
  /// The file's permissions.
  public var mode: UInt32 = 0o644
  /// The expected SHA-256 in hexadecimal. With one, a part that an earlier run left is continued, and kept after a failure.
  public var sha256: String?
  /// How many tries in all; only what may pass is tried again.
  public var attempts = 6

  public init(url: String, path: String) { (self.url, self.path) = (url, path) }
}

/// Fetches files: only a complete 2xx answer of the declared length, with the right digest, gets its final name.
public struct Downloader {
  private let client: HTTPClient
  /// Waits so many milliseconds.
  private let pause: (Int) -> Void
  /// Told of each failure that is followed by another try.
  private let onRetry: (String) -> Void
  /// Told the bytes that are there and the whole size when it is known.
  private let onProgress: (Int, Int?) -> Void

  public init(
    client: HTTPClient, pause: @escaping (Int) -> Void, onRetry: @escaping (String) -> Void = { _ in },
    onProgress: @escaping (Int, Int?) -> Void = { _, _ in }
  ) {
    (self.client, self.pause, self.onRetry, self.onProgress) = (client, pause, onRetry, onProgress)
  }

  /// - Returns: the file's size in bytes.
  /// - Throws: `HTTPError`. What was at `path` before is then still there.
  @discardableResult
  public func fetch(_ download: Download) throws(HTTPError) -> Int {
    let (url, fragmentDigest) = try URLText.splitDigest(download.url)
    let digest = try download.sha256.map { text throws(HTTPError) in try URLText.digest(text) } ?? fragmentDigest
    var status = stat()
    if stat(download.path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      throw HTTPError(
        code: "EINVAL", message: "cannot put a file at \(download.path): something else is there", isRetryable: false)
    }
    let part = PartialFile(path: download.path + ".part", isTrusted: digest != nil)
    var backoff = Backoff(cap: 5000)
    var attempt = 1
    while true {
      do throws(HTTPError) {
        try receive(url, into: part)
        return try finish(part, download, url, digest)
      } catch {
        let isLast = attempt >= download.attempts || !error.isRetryable
        let wait = backoff.next()
        if !isLast {
          onRetry("\(error.message); try \(attempt + 1) of \(download.attempts) in \(wait) ms")
        }
        guard !isLast else {
          if digest == nil { part.discard() }
          throw error
        }
        pause(wait)
        attempt += 1
      }
    }
  }

  /// Gets what is missing of the file, or all of it when the server does not continue where the part ends.
  private func receive(_ url: String, into part: PartialFile) throws(HTTPError) {
    let what = "GET \(URLText.withoutSecrets(url))"
    let start = part.resumableSize
    var request = HTTPRequest(.get, url)
    if start > 0 {
      request.headers.append("Range: bytes=\(start)-")
      if let validator = part.validator { request.headers.append("If-Range: \(validator)") }
    }
    let output = try part.open()
    var written: Int?
    let response = try client.perform(request) { response, bytes throws(HTTPError) in
      guard response.isSuccess else { return }
      do throws(SystemError) {
        if written == nil { written = try Self.begin(part, output, start, response) }
        try output.write(bytes)
        written? += bytes.count
      } catch {
        throw HTTPError(code: error.code, message: "\(what): \(error)", isRetryable: error.errno == EBADMSG)
      }
      onProgress(written ?? 0, Self.wholeSize(response))
    }
    // The part is as long as the file, or longer than what the server has now.
    if response.status == 416, start > 0 {
      if response.headers["content-range"] == "bytes */\(start)", part.isTrusted { return }
      part.discard()
      throw HTTPError(
        code: "EBADMSG", message: "\(what): the part of \(start) bytes does not fit; starting over", isRetryable: true)
    }
    guard response.isSuccess else {
      throw HTTPError(status: response.status, reason: response.reason, what: what)
    }
    do throws(SystemError) {
      // An empty file has no first piece.
      if written == nil { written = try Self.begin(part, output, start, response) }
    } catch {
      throw HTTPError(code: error.code, message: "\(what): \(error)", isRetryable: error.errno == EBADMSG)
    }
    if let size = Self.wholeSize(response), size != written {
      throw HTTPError(
        code: "EBADMSG", message: "\(what): \(written ?? 0) of \(size) bytes came", status: response.status,
        isRetryable: true)
    }
  }

  /// Places the part where the answer begins: at its end when the server continues it, else at the start.
  private static func begin(
    _ part: PartialFile, _ output: borrowing File, _ start: Int, _ response: HTTPResponse
  ) throws(SystemError) -> Int {
    let position = response.status == 206 ? start : 0
    // A part that nobody asked for, or another than was asked for.
    if response.status == 206, start == 0 || contentRange(response)?.first != start {
      throw SystemError("use a part of the file that was not asked for", errno: EBADMSG)
    }
    try part.begin(output, at: position, response)
    return position
  }

  /// The size of the whole file in bytes, when the answer tells.
  private static func wholeSize(_ response: HTTPResponse) -> Int? {
    if response.status == 206 { return contentRange(response)?.whole }
    // With an encoding the length is another.
    return response.headers["content-encoding"] == nil ? response.headers["content-length"].flatMap { Int($0) } : nil
  }

  /// The first byte and the whole size of `Content-Range: bytes 500-999/1000` (RFC 9110, 14.4).
  private static func contentRange(_ response: HTTPResponse) -> (first: Int, whole: Int?)? {
    guard let range = response.headers["content-range"], range.hasPrefix("bytes "),
      let first = Int(range.dropFirst(6).prefix { $0 != "-" })
    else { return nil }
    return (first, range.lastIndex(of: "/").flatMap { Int(range[range.index(after: $0)...]) })
  }

  private func finish(
    _ part: PartialFile, _ download: Download, _ url: String, _ digest: String?
  ) throws(HTTPError) -> Int {
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
      throw Self.failure(error)
    }
    if let digest, let found, found != digest {
      part.discard()
      throw HTTPError(
        code: "EBADMSG",
        message: "GET \(URLText.withoutSecrets(url)): the SHA-256 is \(found), but it should be \(digest); not used",
        isRetryable: part.wasResumed)
    }
    return size
  }

  private static func failure(_ error: SystemError) -> HTTPError {
    HTTPError(code: error.code, message: error.description, isRetryable: false)
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
