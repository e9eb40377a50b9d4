import Foundation
import Synchronization

/// A server that sends the bytes that a test gives it, for answers that no correct server sends. It takes one
/// connection at a time.
final class ScriptedServer: Sendable {
  struct Answer {
    var bytes: String
    /// Whether the server closes the connection after this answer.
    var closes = false
  }

  let port: Int
  private let listener: LoopbackSocket
  private let seen = Mutex<[String]>([])

  /// - Parameter answer: gets the request's method, and how many requests of that method came before.
  init(answer: @escaping @Sendable (String, Int) -> Answer) throws {
    listener = try LoopbackSocket(listening: .tcp)
    port = listener.port
    Thread.detachNewThread { [self] in serve(answer) }
  }

  /// The methods of the requests so far.
  var methods: [String] { seen.withLock { $0 } }

  func stop() { shutdown(listener.descriptor, Int32(SHUT_RDWR)) }

  private func serve(_ answer: (String, Int) -> Answer) {
    while true {
      let connection = accept(listener.descriptor, nil, nil)
      guard connection >= 0 else { break }
      while let method = request(connection) {
        let count = seen.withLock { seen in
          defer { seen.append(method) }
          return seen.count { $0 == method }
        }
        let answer = answer(method, count)
        _ = send(connection, answer.bytes, answer.bytes.utf8.count, Int32(MSG_NOSIGNAL))
        if answer.closes { break }
      }
      close(connection)
    }
  }

  /// Reads one request with its body; `nil` when the client has closed the connection.
  private func request(_ connection: Int32) -> String? {
    var text = ""
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = recv(connection, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      text += String(decoding: buffer[..<count], as: UTF8.self)
      guard let end = text.firstRange(of: "\r\n\r\n") else { continue }
      let length = text.firstMatch(of: /(?i)content-length: ([0-9]+)/).flatMap { Int($0.1) } ?? 0
      if text[end.upperBound...].utf8.count >= length { return String(text.prefix { $0 != " " }) }
    }
  }
}
