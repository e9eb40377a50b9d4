import Foundation
import HTTPTypes
import Hummingbird
import JSONDocument
import NIOCore
import Synchronization

/// Makes one request go wrong.
struct FaultPlayer<Context: FaultContext>: Sendable {
  let fault: Fault

  /// - Throws: `NoAnswer` when the connection has been closed instead of answering; whatever `next` throws.
  func response(
    _ request: Request, _ context: Context, _ next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    switch fault.kind {
    case .delay(let pause):
      try await Task.sleep(for: pause)
      return try await next(request, context)
    case .status(let code):
      return Self.error(code)
    case .answer(let status, let body):
      return Self.json(body, status: .init(code: status))
    case .drop:
      await drain(request)
      return try await close(context)
    case .loseAnswer:
      _ = try await next(request, context)
      return try await close(context)
    case .truncate:
      return try await sendHalf(of: next(request, context), context)
    case .garbage:
      await drain(request)
      try await context.writeRaw(Garbage.bytes)
      return try await close(context)
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
      return Self.json(text, status: .ok)
    case .hang:
      // The server closes it when it is stopped.
      await context.waitUntilClientLeft()
      return try await close(context)
    }
  }

  private func close(_ context: Context) async throws -> Response {
    await context.closeConnection()
    throw NoAnswer()
  }

  /// The kernel resets a connection that is closed before all input was read, and then the client may lose what was sent
  /// before.
  private func drain(_ request: Request) async {
    do { for try await _ in request.body {} } catch {}
  }

  private func sendHalf(of response: Response, _ context: Context) async throws -> Response {
    let collector = BodyCollector()
    try await response.body.write(collector)
    let body = collector.bytes.withLock { $0 }
    var text = "HTTP/1.1 \(response.status.code) \(response.status.reasonPhrase)\r\n"
    for field in response.headers where field.name != .contentLength { text += "\(field.name): \(field.value)\r\n" }
    text += "Content-Length: \(body.readableBytes)\r\n\r\n"
    var message = ByteBuffer(string: text)
    message.writeBytes(body.readableBytesView.prefix(body.readableBytes / 2))
    try await context.writeRaw(message)
    return try await close(context)
  }

  private static func error(_ code: Int) -> Response {
    let status = HTTPResponse.Status(code: code)
    let document: JSON = [
      "message": .string("\(code) on purpose"), "status": .string(String(code)), "UUID": .string(UUID().uuidString),
    ]
    return json(document.prettyText, status: status)
  }

  private static func json(_ text: String, status: HTTPResponse.Status) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: ByteBuffer(string: text)))
  }

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

private enum Garbage {
  /// The same bytes each time, which begin like no known protocol.
  static let bytes: ByteBuffer = {
    var state: UInt32 = 0x9E37_79B9
    var bytes = ByteBuffer()
    for _ in 0..<1024 {
      state = state &* 1_664_525 &+ 1_013_904_223
      bytes.writeInteger(UInt8(truncatingIfNeeded: state >> 24))
    }
    return bytes
  }()
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
