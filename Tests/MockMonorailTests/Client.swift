import Foundation
import Glibc
import MockMonorail
import TestSupport

/// An answer as the server sent it.
struct Answer: Sendable {
  var status: Int
  /// By lower-case name.
  var headers: [String: String]
  var body: [UInt8]
  /// Whether the body was as long as the header Content-Length says.
  var isComplete: Bool

  var text: String { String(decoding: body, as: UTF8.self) }
}

/// A TCP connection over which a test sends exactly the bytes that it wants to.
final class Client: Sendable {
  typealias Failure = LoopbackSocket.Failure

  private let connection: LoopbackSocket
  private var socket: Int32 { connection.descriptor }

  init(port: Int) throws {
    connection = try LoopbackSocket(.tcp, to: port)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  /// Closes the sending side, as the kernel does for a client that has died.
  func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

  /// The bytes of the next read: empty at the end, `nil` after an error (reset, or nothing within the limit).
  private func receive() -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(socket, &buffer, buffer.count, 0)
    return count < 0 ? nil : Array(buffer.prefix(count))
  }

  /// All bytes until the server closes the connection.
  func everything() async -> [UInt8] {
    await onThread {
      var all: [UInt8] = []
      while let piece = self.receive(), !piece.isEmpty { all += piece }
      return all
    }
  }

  /// Whether the server closes the connection, without a word, within the time that a read may take.
  func isClosed() async -> Bool { await onThread { self.receive()?.isEmpty == true } }

  func receivesSomething() async -> Bool { await onThread { self.receive()?.isEmpty == false } }

  /// Sends a request and reads one answer; `nil` when the connection ends before there is a whole head.
  func exchange(
    _ method: String, _ target: String, headers: [String: String] = [:], body: [UInt8]? = nil
  ) async -> Answer? {
    await onThread {
      var head = "\(method) \(target) HTTP/1.1\r\n"
      var headers = headers
      if headers["Host"] == nil { headers["Host"] = "mock.example:9080" }
      if let body { headers["Content-Length"] = headers["Content-Length"] ?? String(body.count) }
      for (name, value) in headers { head += "\(name): \(value)\r\n" }
      self.send(Array((head + "\r\n").utf8) + (body ?? []))
      return self.answer(hasBody: method != "HEAD")
    }
  }

  /// The next answer to a request that has been sent already.
  func nextAnswer() async -> Answer? { await onThread { self.answer(hasBody: true) } }

  /// The status of the next answer, which has neither headers nor a body, as `100 Continue`.
  func nextInformation() async -> Int? { await nextAnswer()?.status }

  private func answer(hasBody: Bool) -> Answer? {
    var bytes: [UInt8] = []
    let blank = Array("\r\n\r\n".utf8)
    var end: Int?
    while end == nil {
      guard let piece = receive(), !piece.isEmpty else { return nil }
      bytes += piece
      end = bytes.indices.first { bytes[$0...].starts(with: blank) }
    }
    guard let end else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
    }
    var body = Array(bytes[(end + 4)...])
    let length = hasBody && status != 304 && status != 204 ? Int(headers["content-length"] ?? "0") ?? 0 : 0
    while body.count < length, let piece = receive(), !piece.isEmpty { body += piece }
    return Answer(status: status, headers: headers, body: body, isComplete: body.count == length)
  }
}

extension MockMonorail {
  /// Sends one request over a new connection.
  func request(
    _ method: String, _ target: String, headers: [String: String] = [:], body: String? = nil
  ) async throws -> Answer {
    guard
      let answer = try await Client(port: port)
        .exchange(method, target, headers: headers, body: body.map { Array($0.utf8) })
    else { throw NoAnswerCame() }
    return answer
  }

  struct NoAnswerCame: Error {}
}

/// Starts a server, runs a test with it, and stops it.
func withMock(
  _ change: (inout MockConfiguration) -> Void = { _ in }, _ body: (MockMonorail) async throws -> Void
) async throws {
  var configuration = MockConfiguration()
  configuration.idleHold = .zero
  change(&configuration)
  let mock = try await MockMonorail.start(configuration)
  do {
    try await body(mock)
  } catch {
    await mock.stop()
    throw error
  }
  await mock.stop()
}

/// Makes a directory, runs a test with it, and removes it.
func withDirectory(_ body: (String) async throws -> Void) async throws {
  let scratch = try ScratchDirectory()
  try await body(scratch.path)
  // Removed here and not when the last reference goes, which can be before the body ends.
  scratch.remove()
}
