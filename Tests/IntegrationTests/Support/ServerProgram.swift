import Foundation
import JSONDocument

/// `monorail-mock serve` with a data directory, as a program that a test kills and starts anew.
struct ServerProgram {
  let process: ChildProcess
  let port: Int

  /// Starts it, and waits until it listens.
  ///
  /// - Parameters:
  ///   - directory: has the data directory `data`, and the definitions `workflows` if there are any.
  ///   - nodes: the nodes that it knows from the start; `address(_:)` tells the MAC address of each.
  ///   - port: 0 for any that is free.
  ///   - wrapper: a program that runs it, with its arguments.
  static func start(
    _ directory: ScratchDirectory, nodes: [String], port: Int, wrapper: [String] = []
  ) async throws -> ServerProgram {
    let process = try spawn(directory, nodes: nodes, port: port, wrapper: wrapper)
    return try await listening(process, directory)
  }

  /// Starts it, and does not wait.
  static func spawn(
    _ directory: ScratchDirectory, nodes: [String], port: Int, wrapper: [String] = []
  ) throws -> ChildProcess {
    try? FileManager.default.removeItem(atPath: directory("port"))
    var arguments =
      wrapper + [
        BuiltPrograms.path("monorail-mock"), "serve", "--port", String(port), "--port-file", directory("port"),
        "--data", directory("data"), "--discovery", "none", "--idle-hold", "0.2",
      ]
    if FileManager.default.fileExists(atPath: directory("workflows")) {
      arguments += ["--workflows", directory("workflows")]
    }
    for (index, node) in nodes.enumerated() { arguments += ["--node", "\(address(index))=\(node)"] }
    return try ChildProcess(arguments)
  }

  static func listening(_ process: ChildProcess, _ directory: ScratchDirectory) async throws -> ServerProgram {
    let port: Int = try await eventually("the server", explanation: { process.errors }) {
      if process.hasEnded { throw Failure("the server did not start: \(process.errors)") }
      return Int(directory.text(of: "port").split(separator: "\n").first ?? "")
    }
    return ServerProgram(process: process, port: port)
  }

  /// The MAC address of the node at that place of the list.
  static func address(_ index: Int) -> String {
    let octets = [index >> 8, index & 0xFF].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
    return "52:54:00:00:" + octets.joined(separator: ":")
  }

  private func url(_ path: String) -> String { "http://127.0.0.1:\(port)/api/current/\(path)" }

  /// - Returns: the answer's document; `nil` when the answer is an error.
  func request(_ method: String, _ path: String, _ body: String? = nil) async throws -> JSON? {
    let result = try await ChildProcess(
      ["curl", "-s", "-f", "-X", method] + (body.map { ["-d", $0] } ?? []) + [url(path)]
    ).result()
    return result.code == 0 ? try JSON(parsing: result.output) : nil
  }

  /// - Parameter body: a file.
  /// - Returns: the status.
  func status(_ method: String, _ path: String, body: String) async throws -> Int? {
    let result = try await ChildProcess(
      ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", method, "-H", "Expect:", "-T", body, url(path)]
    ).result()
    return Int(result.output)
  }

  /// How many runs are active; `nil` when the server does not answer.
  func activeRuns() -> Int? {
    let result = try? ChildProcess.run(["curl", "-s", "-f", url("workflows?active=true")])
    return result.flatMap { try? JSON(parsing: $0.output) }?.arrayValue?.count
  }
}
