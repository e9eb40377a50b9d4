import CCurl
import Glibc

/// The state of one request, as libcurl's callbacks see it.
final class Transfer {
  var response = HTTPResponse()
  /// Bytes of body received for the final answer.
  var received = 0
  /// What the program's own side of the transfer failed with.
  var failure: HTTPError?
  var errorText = ""
  private let body: (any RequestBody)?
  private let receive: (HTTPResponse, UnsafeRawBufferPointer) throws(HTTPError) -> Void

  init(
    body: (any RequestBody)?, receive: @escaping (HTTPResponse, UnsafeRawBufferPointer) throws(HTTPError) -> Void
  ) {
    (self.body, self.receive) = (body, receive)
    body?.rewind()
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }

  static let onHeader: monorail_curl_transfer = { bytes, size, count, context in
    Transfer.from(context)?.header(UnsafeRawBufferPointer(start: bytes, count: size * count))
    return size * count
  }

  static let onBody: monorail_curl_transfer = { bytes, size, count, context in
    let isTaken = Transfer.from(context)?.piece(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? false
    return isTaken ? size * count : 0
  }

  static let onRead: monorail_curl_transfer = { bytes, size, count, context in
    Transfer.from(context)?.fill(UnsafeMutableRawBufferPointer(start: bytes, count: size * count)) ?? 0
  }

  static let onSeek: monorail_curl_seek = { context, offset, origin in
    guard offset == 0, origin == SEEK_SET, let transfer = Transfer.from(context) else { return CURL_SEEKFUNC_CANTSEEK }
    transfer.body?.rewind()
    return CURL_SEEKFUNC_OK
  }

  private func header(_ bytes: UnsafeRawBufferPointer) {
    let line = String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      let words = line.split(separator: " ", maxSplits: 2)
      response = HTTPResponse()
      received = 0
      response.status = words.count > 1 ? Int(words[1].prefix { $0.isNumber }) ?? 0 : 0
      response.reason = words.count > 2 ? URLText.printable(words[2]) : ""
    } else if let colon = line.firstIndex(of: ":") {
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      response.headers[line[..<colon].lowercased()] = URLText.printable(value)
    }
  }

  private func piece(_ bytes: UnsafeRawBufferPointer) -> Bool {
    received += bytes.count
    do {
      try receive(response, bytes)
      return true
    } catch {
      failure = error
      return false
    }
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let body else { return 0 }
    do {
      return try body.read(into: buffer)
    } catch {
      failure = HTTPError(code: "EIO", message: "cannot read what is to be sent: \(error)", isRetryable: true)
      return Int(CURL_READFUNC_ABORT)
    }
  }
}
