import Foundation
import Hummingbird
import Logging
import Synchronization

/// The least that a server can need for agents: it answers their requests with bytes that are ready, and stores nothing.
/// `scripts/bench server` runs it beside `monorail-mock`.
///
/// Each node gets the same task sets, one after another. All that is remembered is how many it has reported.
@main struct ConstantServer {
  /// How long a report may be, in bytes.
  private static let longestReport = 50 << 20

  /// Arguments: a file with a JSON list of task sets, each as text; and a file to write the port to.
  static func main() async throws {
    let arguments = CommandLine.arguments
    guard arguments.count == 3 else {
      FileHandle.standardError.write(Data("usage: constant-server TASK-SETS PORT-FILE\n".utf8))
      exit(2)
    }
    let texts = try JSONDecoder().decode([String].self, from: Data(contentsOf: URL(filePath: arguments[1])))
    let portFile = arguments[2]
    let application = Application(
      router: router(texts.map { ByteBuffer(string: $0) }),
      configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { channel in
        let port = channel.localAddress?.port ?? 0
        try? Data("\(port)\n".utf8).write(to: URL(filePath: portFile), options: .atomic)
      }, logger: Logger(label: "", factory: { _ in SwiftLogNoOpLogHandler() }))
    try await application.run()
  }

  private static func router(_ taskSets: [ByteBuffer]) -> Router<BasicRequestContext> {
    let reported = Counters()
    let router = Router()
    let group = router.group("api/current/tasks")
    group.get("bootstrap.js") { request, _ in
      // Where the node has to ask is the only part that is not constant.
      let id = (request.uri.queryParameters.get("macAddress") ?? "").filter { $0 != ":" }
      let (host, port) = address(request.head.authority ?? "")
      return Response(
        status: .ok, headers: [.contentType: "application/javascript"],
        body: .init(
          byteBuffer: ByteBuffer(
            string: "server = '\(host)'\nport = '\(port)'\ntasksPath = '/api/current/tasks/\(id)'\n")))
    }
    group.get(":id") { _, context in
      let place = reported[try context.parameters.require("id")]
      guard taskSets.indices.contains(place) else { return Response(status: .notFound) }
      return Response(
        status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
        body: .init(byteBuffer: taskSets[place]))
    }
    let receipt = ByteBuffer(string: #"{"report": 1}"#)
    group.post(":id") { request, context in
      _ = try await request.body.collect(upTo: longestReport)
      reported.add(try context.parameters.require("id"))
      return Response(
        status: .created, headers: [.contentType: "application/json; charset=utf-8"], body: .init(byteBuffer: receipt))
    }
    return router
  }

  /// The host and the port of `127.0.0.1:9080`.
  private static func address(_ authority: String) -> (host: Substring, port: Substring) {
    let parts = authority.split(separator: ":")
    return (parts.first ?? "", parts.last ?? "")
  }
}

/// How many reports of each node there were.
private final class Counters: Sendable {
  private let counts = Mutex<[String: Int]>([:])

  subscript(_ node: String) -> Int { counts.withLock { $0[node, default: 0] } }

  func add(_ node: String) { counts.withLock { $0[node, default: 0] += 1 } }
}
