import Foundation
import Synchronization

/// A server that answers with the bytes it is given, for what no proper server says. One connection at a time.
final class ScriptedServer: Sendable {
  struct Answer {
    var bytes: String
    /// Whether the connection ends with it.
    var closes = false
  }

  let port: Int
  private let listener: Int32
  private let seen = Mutex<[String]>([])

  /// - Parameter answer: told the request's method, and how many of that method came before.
  init(answer: @escaping @Sendable (String, Int) -> Answer) throws {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
      }
    }
    guard isBound else { throw Failure("cannot listen") }
    self.listener = listener
    port = Int(UInt16(bigEndian: address.sin_port))
    Thread.detachNewThread { [self] in serve(answer) }
  }

  /// The methods of the requests so far.
  var methods: [String] { seen.withLock { $0 } }

  func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  private func serve(_ answer: (String, Int) -> Answer) {
    while true {
      let connection = accept(listener, nil, nil)
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
    close(listener)
  }

  /// Reads one request with its body; `nil` when the client is gone.
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
