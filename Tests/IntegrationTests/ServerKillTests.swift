import Foundation
import JSONDocument
import Testing

/// The server as a program with a directory of its own, and `kill -9` of it.
@Suite struct ServerKillTests {
  /// How many agents and kills; a longer run takes them from the environment.
  private static func number(_ name: String, _ usual: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
  }

  private static let graph = """
    { "friendlyName": "Count", "injectableName": "Graph.Count", "options": {}, "tasks": [\(
      (1...8).map { number in
        """
        { "label": "t\(number)", \(number == 1 ? "" : "\"waitOn\": { \"t\(number - 1)\": \"succeeded\" },")
          "taskDefinition": { "friendlyName": "t", "injectableName": "Task.t\(number)",
            "implementsTask": "Task.Base.Linux.Commands", "properties": {}, "options": { "commands": [
              "echo \(number)a >>OUTPUT/{{ task.nodeId }}",
              { "command": "echo \(number)b | tee -a OUTPUT/{{ task.nodeId }}",
                "catalog": { "source": "t\(number)", "format": "raw" } } ] } } }
        """
      }.joined(separator: ","))] }
    """

  @Test(.timeLimit(.minutes(10)))
  func `A server that is killed at random moments loses nothing, and no command runs twice`() async throws {
    let (agents, kills) = (Self.number("MONORAIL_KILL_AGENTS", 6), Self.number("MONORAIL_KILLS", 6))
    let directory = try ScratchDirectory()
    for name in ["workflows", "output"] {
      try FileManager.default.createDirectory(atPath: directory(name), withIntermediateDirectories: true)
    }
    try directory.write(
      Self.graph.replacingOccurrences(of: "OUTPUT", with: directory("output")), to: "workflows/graph.json")
    let nodes = (1...agents).map { "n\($0)" }
    var server = try await KilledServer.start(directory, nodes: nodes, port: 0)
    let port = server.port
    for node in nodes {
      #expect(try await server.request("POST", "nodes/\(node)/workflows", #"{"name": "Graph.Count"}"#) != nil)
    }
    try directory.write("quiet", to: "cmdline")
    let processes = try nodes.map { node in
      try AgentProcess(
        [
          AgentProcess.program, "--server", "http://127.0.0.1:\(port)", "--node-id", node, "--work-dir",
          directory("work-\(node)"), "--state-dir", directory("state-\(node)"), "--poll-interval", "200ms",
          "--cmdline", directory("cmdline"),
        ])
    }
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<kills {
      // The moment is what this test is about: anywhere between two commits, or in one.
      try await Task.sleep(for: .milliseconds(Int.random(in: 20...300, using: &generator)))
      server.process.signal(SIGKILL)
      _ = try await server.process.wait()
      server = try await KilledServer.start(directory, nodes: nodes, port: port)
    }
    let current = server
    try await eventually("the end of all workflows", within: .seconds(300), explanation: { current.process.errors }) {
      current.activeRuns() == 0 ? () : nil
    }
    let expected = (1...8).map { "\($0)a\n\($0)b\n" }.joined()
    for node in nodes {
      #expect(directory.text(of: "output/\(node)") == expected)
      let runs = try #require(try await server.request("GET", "nodes/\(node)/workflows"))
      #expect(runs.arrayValue?.compactMap { $0["_status"] } == ["succeeded"])
      let catalogs = try #require(try await server.request("GET", "nodes/\(node)/catalogs"))
      #expect(catalogs.arrayValue?.compactMap { $0["source"]?.stringValue } == (1...8).map { "t\($0)" })
      let facts = try #require(try await server.request("GET", "nodes/\(node)"))
      #expect(facts["reports"] == 8)
      #expect(facts["handedOut"] == 8)
    }
    for process in processes { process.signal(SIGKILL) }
    server.process.signal(SIGTERM)
    #expect(try await server.process.wait() == .exited(0))
  }

  @Test
  func `A full disk is 507, and what was acknowledged is there afterwards`() async throws {
    let directory = try ScratchDirectory()
    try FileManager.default.createDirectory(atPath: directory("data"), withIntermediateDirectories: true)
    let server = try await KilledServer.start(
      directory, nodes: ["n1"], port: 0,
      wrapper: [
        "unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=3m tmpfs \"$0\" && exec \"$@\"", directory("data"),
      ])
    var generator = SystemRandomNumberGenerator()
    var accepted = 0
    var refusal: Int?
    while refusal == nil, accepted < 100 {
      let noise = (0..<100_000).map { _ in Character(Unicode.Scalar(UInt8.random(in: 97...122, using: &generator))) }
      try directory.write(#"{"tasks": [], "noise": ""# + String(noise) + #""}"#, to: "report")
      let status = try await server.status("POST", "tasks/n1", body: directory("report"))
      if status == 201 { accepted += 1 } else { refusal = status }
    }
    #expect(refusal == 507)
    #expect(accepted > 3)
    #expect(try await server.status("PUT", "files/large", body: AgentProcess.program) == 507)
    let names = try FileManager.default.contentsOfDirectory(
      atPath: "/proc/\(server.process.pid)/root\(directory("data"))/files")
    #expect(names.isEmpty)
    #expect(try await server.request("GET", "nodes/n1")?["reports"] == .integer(accepted))
    server.process.signal(SIGTERM)
    #expect(try await server.process.wait() == .exited(0))
  }
}

/// `monorail-mock serve` with a data directory.
private struct KilledServer {
  let process: ChildProcess
  let port: Int

  static func start(
    _ directory: ScratchDirectory, nodes: [String], port: Int, wrapper: [String] = []
  ) async throws -> KilledServer {
    try? FileManager.default.removeItem(atPath: directory("port"))
    var arguments =
      wrapper + [
        BuiltPrograms.path("monorail-mock"), "serve", "--port", String(port), "--port-file", directory("port"),
        "--data",
        directory("data"), "--discovery", "none", "--idle-hold", "0.2",
      ]
    if FileManager.default.fileExists(atPath: directory("workflows")) {
      arguments += ["--workflows", directory("workflows")]
    }
    for (index, node) in nodes.enumerated() {
      arguments += ["--node", "52:54:00:00:\(Self.octet(index / 256)):\(Self.octet(index % 256))=\(node)"]
    }
    let process = try ChildProcess(arguments)
    let listening: Int = try await eventually("the server", explanation: { process.errors }) {
      if process.hasEnded { throw Failure("the server did not start: \(process.errors)") }
      return Int(directory.text(of: "port").split(separator: "\n").first ?? "")
    }
    return KilledServer(process: process, port: listening)
  }

  private static func octet(_ number: Int) -> String {
    let text = String(number, radix: 16)
    return text.count < 2 ? "0" + text : text
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
