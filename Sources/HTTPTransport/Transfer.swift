import CCurl
import Glibc

/// The state of one exchange of a request and its answer, as libcurl's callbacks see it.
final class Transfer {
  private(set) var response = HTTPResponse()
  /// Bytes of body received for the final answer.
  private(set) var received = 0
  /// When nothing but the rest of the answer to a POST was left to wait for (`MonotonicClock`): its status is there, and
  /// the body is on its way. Of a body that is refused, libcurl sends no more.
  private(set) var answeredAt: Int?
  /// Whether the receiver wants no more of the answer.
  private(set) var isEnough = false
  /// Whether the request's body could not be read.
  private(set) var hasUnreadableBody = false
  var errorText = ""
  /// How many bytes of the request's body libcurl has taken.
  private var sent = 0
  private let request: HTTPRequest
  private let receive: (HTTPResponse, UnsafeRawBufferPointer) -> Bool

  init(_ request: HTTPRequest, receive: @escaping (HTTPResponse, UnsafeRawBufferPointer) -> Bool) {
    (self.request, self.receive) = (request, receive)
    request.body?.rewind()
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> Transfer? {
    context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
  }

  static let onHeader: monorail_curl_transfer = { bytes, size, count, context in
    let isTaken = Transfer.from(context)?.header(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? false
    return isTaken ? size * count : 0
  }

  static let onBody: monorail_curl_transfer = { bytes, size, count, context in
    let isTaken = Transfer.from(context)?.piece(UnsafeRawBufferPointer(start: bytes, count: size * count)) ?? false
    return isTaken ? size * count : 0
  }

  static let onRead: monorail_curl_transfer = { bytes, size, count, context in
    Transfer.from(context)?.fill(UnsafeMutableRawBufferPointer(start: bytes, count: size * count)) ?? 0
  }

  /// libcurl wants the body from its start when it sends a request again by itself: when a connection that was used before
  /// closed without an answer. The server may have taken the body, so whether and when it is sent again is the caller's
  /// decision. Where nothing of the body had been sent, libcurl does not ask.
  static let onSeek: monorail_curl_seek = { _, _, _ in CURL_SEEKFUNC_FAIL }

  /// Takes the status line or a header line.
  ///
  /// - Returns: `false` to end the exchange.
  private func header(_ bytes: UnsafeRawBufferPointer) -> Bool {
    if bytes.starts(with: "HTTP/".utf8) {
      let words = bytes.split(separator: UInt8(ascii: " "), maxSplits: 2)
      response = HTTPResponse()
      received = 0
      response.status = words.count > 1 ? Self.number(words[1]) : 0
      response.reason = words.count > 2 ? Self.text(words[2]) : ""
      noteAnswer()
      // libcurl would send the request again by itself, without `Expect`, but with a body that goes on where it stopped.
      return !(request.expectsContinue && response.status == 417)
    }
    if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
      let value = bytes[(colon + 1)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      response.headers[Self.text(bytes[..<colon]).lowercased()] = Self.text(value)
    }
    return true
  }

  private func piece(_ bytes: UnsafeRawBufferPointer) -> Bool {
    received += bytes.count
    // Nobody asked for what stands beside a redirect.
    if response.isRedirect { return true }
    isEnough = !receive(response, bytes)
    return !isEnough
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard let body = request.body else { return 0 }
    guard let count = body.read(into: buffer) else {
      hasUnreadableBody = true
      return Int(CURL_READFUNC_ABORT)
    }
    sent += count
    noteAnswer()
    return count
  }

  private func noteAnswer() {
    guard request.method == .post, answeredAt == nil, response.status >= 200 else { return }
    if response.status >= 300 || sent >= request.body?.byteCount ?? 0 { answeredAt = MonotonicClock.milliseconds() }
  }

  private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int {
    Int(String(decoding: digits.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }, as: UTF8.self)) ?? 0
  }

  private static func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
    URLText.printable(String(decoding: bytes, as: UTF8.self))
  }
}
