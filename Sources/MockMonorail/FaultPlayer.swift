import Hummingbird
import NIOCore
import Synchronization

/// Makes one request go wrong.
struct FaultPlayer: Sendable {
  let fault: Fault
  let connection: Connection
  let state: MonorailState

  /// - Throws: `NoAnswer` when the connection has been closed instead of answering; whatever `next` throws.
  func response(
    _ request: Request, _ context: MockContext, _ next: (Request, MockContext) async throws -> Response
  ) async throws -> Response {
    switch fault.kind {
    case .delay(let pause):
      try await Task.sleep(for: pause)
      return try await next(request, context)
    case .status(let code):
      return APIError(.init(code: code), "\(code) on purpose").response
    case .answer(let status, let body):
      return .text(body, type: "application/json; charset=utf-8", status: .init(code: status))
    case .drop:
      await drain(request)
      return try await close()
    case .loseAnswer:
      _ = try await next(request, context)
      return try await close()
    case .truncate:
      return try await sendHalf(of: next(request, context))
    case .garbage:
      await drain(request)
      try await connection.writeRaw(Self.garbage)
      return try await close()
    case .drip(let pause):
      var response = try await next(request, context)
      let body = response.body
      response.body = ResponseBody(contentLength: body.contentLength) { writer in
        try await body.write(DrippingWriter(base: writer, pause: pause))
      }
      return response
    case .redirectLoop:
      return Response(status: .found, headers: [.location: request.head.path ?? "/"])
    case .huge(let bytes):
      return Self.stream(prefix: #"{"padding":""#, filler: "x", count: bytes - 14, suffix: #""}"#)
    case .deep(let levels):
      let text = #"{"identifier":"deep","tasks":"# + Self.repeated("[", levels) + Self.repeated("]", levels) + "}"
      return .text(text, type: "application/json; charset=utf-8")
    case .hang:
      // Until the client closes the connection or the server is stopped.
      _ = await state.wait(.seconds(86_400)) { _ in connection.isOpen.load(ordering: .relaxed) ? nil : true }
      return try await close()
    }
  }

  private func close() async throws -> Response {
    await connection.close()
    throw NoAnswer()
  }

  /// The kernel resets a connection that is closed before all input was read, and then the client may lose what was sent
  /// before.
  private func drain(_ request: Request) async {
    do { for try await _ in request.body {} } catch {}
  }

  private func sendHalf(of response: Response) async throws -> Response {
    let collector = BodyCollector()
    try await response.body.write(collector)
    let body = collector.bytes.withLock { $0 }
    var text = "HTTP/1.1 \(response.status.code) \(response.status.reasonPhrase)\r\n"
    for field in response.headers where field.name != .contentLength { text += "\(field.name): \(field.value)\r\n" }
    text += "Content-Length: \(body.readableBytes)\r\n\r\n"
    var message = ByteBuffer(string: text)
    message.writeBytes(body.readableBytesView.prefix(body.readableBytes / 2))
    try await connection.writeRaw(message)
    return try await close()
  }

  /// The same bytes each time, which begin like no known protocol.
  private static let garbage: ByteBuffer = {
    var state: UInt32 = 0x9E37_79B9
    var bytes = ByteBuffer()
    for _ in 0..<1024 {
      state = state &* 1_664_525 &+ 1_013_904_223
      bytes.writeInteger(UInt8(truncatingIfNeeded: state >> 24))
    }
    return bytes
  }()

  private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

  private static func stream(prefix: String, filler: Character, count: Int, suffix: String) -> Response {
    let count = max(0, count)
    let length = prefix.utf8.count + count + suffix.utf8.count
    let piece = ByteBuffer(string: String(repeating: filler, count: 64 << 10))
    let body = ResponseBody(contentLength: length) { writer in
      try await writer.write(ByteBuffer(string: prefix))
      for _ in 0..<(count / piece.readableBytes) { try await writer.write(piece) }
      try await writer.write(ByteBuffer(piece.readableBytesView.prefix(count % piece.readableBytes)))
      try await writer.write(ByteBuffer(string: suffix))
      try await writer.finish(nil)
    }
    return Response(status: .ok, headers: [.contentType: "application/json; charset=utf-8"], body: body)
  }
}

/// Passes a body on in single bytes.
private struct DrippingWriter: ResponseBodyWriter {
  var base: any ResponseBodyWriter
  let pause: Duration

  mutating func write(_ buffer: ByteBuffer) async throws {
    for byte in buffer.readableBytesView {
      try await Task.sleep(for: pause)
      try await base.write(ByteBuffer(bytes: [byte]))
    }
  }

  consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await base.finish(trailingHeaders) }
}

/// Keeps a body instead of sending it.
private final class BodyCollector: ResponseBodyWriter, Sendable {
  let bytes = Mutex(ByteBuffer())

  func write(_ buffer: ByteBuffer) async throws {
    _ = bytes.withLock { $0.writeImmutableBuffer(buffer) }
  }

  func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
