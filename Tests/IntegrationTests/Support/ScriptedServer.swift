import Synchronization

/// A server that sends the bytes that a test gives it, for answers that no correct server sends.
final class ScriptedServer: Sendable {
  struct Answer {
    var bytes: String
    /// Whether the server closes the connection after this answer.
    var closes = false
  }

  private let server: HandServer

  /// - Parameter answer: gets the request's method, and how many requests of that method came before.
  init(answer: @escaping @Sendable (String, Int) -> Answer) throws {
    let seen = Mutex<[String: Int]>([:])
    server = try HandServer { connection, _ in
      while let request = connection.readRequest() {
        let count = seen.withLock { seen in
          seen[request.method, default: 0] += 1
          return seen[request.method, default: 0] - 1
        }
        let answer = answer(request.method, count)
        connection.send(answer.bytes)
        if answer.closes { break }
      }
    }
  }

  var port: Int { server.port }

  /// The methods of the requests so far.
  var methods: [String] { server.methods }

  func stop() { server.stop() }
}
