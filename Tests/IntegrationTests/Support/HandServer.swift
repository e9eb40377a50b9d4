import Foundation
import Synchronization

/// A server whose every connection is served by the test's own code, in a thread of its own: for the order of events on
/// the wire, as a connection that closes before it answers.
final class HandServer: Sendable {
  struct Request: Sendable {
    /// The request line and the header lines.
    let head: String
    var body: [UInt8] = []

    var method: String { String(head.prefix { $0 != " " }) }
    var isPost: Bool { method == "POST" }

    /// The value of a header, or `nil` when there is none of that name.
    func header(_ name: String) -> String? {
      for line in head.split(separator: "\r\n").dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2, parts[0].lowercased() == name { return parts[1].trimmingCharacters(in: .whitespaces) }
      }
      return nil
    }
  }

  /// One connection of a client. It is closed when the test's code returns.
  final class Connection {
    private let descriptor: Int32
    private let server: HandServer
    private var unread: [UInt8] = []

    fileprivate init(_ descriptor: Int32, _ server: HandServer) {
      (self.descriptor, self.server) = (descriptor, server)
    }

    /// Waits for the next request's head; `nil` when the client has gone.
    func readHead() -> Request? {
      while true {
        if let end = unread.firstRange(of: Array("\r\n\r\n".utf8)) {
          let head = String(decoding: unread[..<end.lowerBound], as: UTF8.self)
          unread.removeFirst(end.upperBound)
          let request = Request(head: head)
          server.note(request)
          return request
        }
        guard receive() else { return nil }
      }
    }

    /// Reads the body that belongs to a head; `nil` when the client has gone before its end.
    func readBody(of request: Request) -> Request? {
      let length = request.header("content-length").flatMap { Int($0) } ?? 0
      while unread.count < length { guard receive() else { return nil } }
      var request = request
      request.body = Array(unread[..<length])
      unread.removeFirst(length)
      return request
    }

    /// Waits for the next request with its body.
    func readRequest() -> Request? { readHead().flatMap { readBody(of: $0) } }

    /// - Returns: `false` when the client has gone.
    @discardableResult
    func send(_ text: String) -> Bool {
      var bytes = Array(text.utf8)[...]
      while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        guard count > 0 else { return false }
        bytes = bytes.dropFirst(count)
      }
      return true
    }

    /// Sends an answer with a body and its length.
    @discardableResult
    func answer(_ status: String, _ body: String = "{}", headers: [String] = []) -> Bool {
      let lines = ["HTTP/1.1 \(status)", "Content-Length: \(body.utf8.count)"] + headers
      return send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    private func receive() -> Bool {
      var buffer = [UInt8](repeating: 0, count: 1 << 18)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 { unread += buffer[..<count] }
      return count > 0
    }
  }

  let port: Int
  private let listener: LoopbackSocket
  private let state = Mutex<(requests: [Request], open: Set<Int32>, isStopped: Bool)>(([], [], false))

  /// - Parameter serve: told the connection, and how many came before it.
  init(_ serve: @escaping @Sendable (Connection, Int) -> Void) throws {
    listener = try LoopbackSocket(listening: .tcp)
    port = listener.port
    Thread.detachNewThread { [self] in
      var count = 0
      while true {
        let descriptor = accept(listener.descriptor, nil, nil)
        guard descriptor >= 0 else { break }
        let isTaken = state.withLock { state in
          if !state.isStopped { state.open.insert(descriptor) }
          return !state.isStopped
        }
        guard isTaken else {
          close(descriptor)
          break
        }
        let number = count
        count += 1
        Thread.detachNewThread { [self] in
          serve(Connection(descriptor, self), number)
          state.withLock { state in
            state.open.remove(descriptor)
            close(descriptor)
          }
        }
      }
    }
  }

  /// The requests whose head has been read so far.
  var requests: [Request] { state.withLock { $0.requests } }
  var methods: [String] { requests.map(\.method) }
  var address: String { "127.0.0.1:\(port)" }

  /// How many requests of that method there were so far.
  func count(_ method: String) -> Int { methods.count { $0 == method } }

  private func note(_ request: Request) { state.withLock { $0.requests.append(request) } }

  /// Ends all connections.
  func stop() {
    state.withLock { state in
      state.isStopped = true
      for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
    shutdown(listener.descriptor, Int32(SHUT_RDWR))
  }
}
