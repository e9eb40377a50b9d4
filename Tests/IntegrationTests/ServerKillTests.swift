import Foundation
import JSONDocument
import Testing

/// The server as a program with a directory of its own, and `kill -9` of it.
@Suite struct ServerKillTests {
  /// How many agents and kills, and the seed of the moments; a longer run takes them from the environment.
  private static func number(_ name: String, _ usual: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
  }

  @Test(.timeLimit(.minutes(10)))
  func `A server that is killed at random moments loses nothing, and no command runs twice`() async throws {
    let (agents, kills) = (Self.number("MONORAIL_KILL_AGENTS", 50), Self.number("MONORAIL_KILLS", 30))
    try await Slots.all.taking(Load.whole.rawValue) {
      try await Self.killServer(
        kills, agents: agents, generator: SeededGenerator(seed: Self.number("MONORAIL_KILL_SEED", 1)))
    }
  }

  private static func killServer(_ kills: Int, agents: Int, generator: SeededGenerator) async throws {
    var generator = generator
    let directory = try ScratchDirectory()
    // Commands that wait at a gate.
    defer { endProcesses(in: directory.path) }
    for name in ["workflows", "output"] {
      try FileManager.default.createDirectory(atPath: directory(name), withIntermediateDirectories: true)
    }
    // Nodes that go on at a gate send reports and ask for work while the server is killed.
    let gates = try (1...kills).map { try Gate(directory("gate-\($0)")) }
    for (place, graph) in CountingGraph.all.enumerated() {
      let definitions = graph.definitions(writingTo: directory("output"), gates: gates, offset: place % 3)
      try directory.write(definitions.text, to: "workflows/\(graph.name).json")
    }
    let nodes = (1...agents).map { "n\($0)" }
    let graphs = nodes.indices.map { CountingGraph.all[$0 % CountingGraph.all.count] }
    var server = try await ServerProgram.start(directory, nodes: nodes, port: 0)
    let port = server.port
    for (node, graph) in zip(nodes, graphs) {
      let start = graph.start(on: node)
      #expect(try await server.request("POST", start.path, start.body) != nil)
    }
    try directory.write("quiet", to: "cmdline")
    let processes = try nodes.indices.map { index in
      // Half of the agents ask the server who they are.
      let identity =
        index / 4 % 2 == 0 ? ["--node-id", nodes[index]] : ["--mac", ServerProgram.address(index)]
      return try AgentProcess(
        [
          AgentProcess.program, "--server", "http://127.0.0.1:\(port)", "--work-dir", directory("work-\(index)"),
          "--state-dir", directory("state-\(index)"), "--poll-interval", "200ms", "--cmdline", directory("cmdline"),
        ] + identity)
    }
    for kill in 1...kills {
      // The moment is what this test is about. Each third kill is while the server starts.
      let isEarly = kill % 3 == 0
      if isEarly {
        server.process.signal(SIGKILL)
        _ = try await server.process.wait()
        let starting = try ServerProgram.spawn(directory, nodes: nodes, port: port)
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &generator)))
        starting.signal(SIGKILL)
        _ = try await starting.wait()
      } else {
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...400, using: &generator)))
        server.process.signal(SIGKILL)
        _ = try await server.process.wait()
      }
      gates[kill - 1].type(String(repeating: "\n", count: agents * CountingGraph.sets.count))
      let acknowledged = processes.map { Self.acknowledgements(to: $0) }
      server = try await ServerProgram.start(directory, nodes: nodes, port: port)
      let kept = try #require(try await server.request("GET", "nodes"))
      for (index, node) in nodes.enumerated() {
        let reports = kept.arrayValue?.first { $0["id"] == .string(node) }?["reports"]?.intValue ?? 0
        #expect(reports >= acknowledged[index], "node \(node) after kill \(kill)")
      }
    }
    let current = server
    try await eventually("the end of all workflows", within: .seconds(300), explanation: { current.process.errors }) {
      current.activeRuns() == 0 ? () : nil
    }
    for index in nodes.indices {
      try await Self.check(graphs[index], on: nodes[index], processes[index], server, directory)
    }
    for process in processes { process.signal(SIGKILL) }
    server.process.signal(SIGTERM)
    #expect(try await server.process.wait() == .exited(0))
  }

  private static func check(
    _ graph: CountingGraph, on node: String, _ agent: AgentProcess, _ server: ServerProgram,
    _ directory: ScratchDirectory
  ) async throws {
    #expect(directory.text(of: "output/\(node)") == graph.lines, "\(graph.name) on \(node)")
    let runs = try #require(try await server.request("GET", "nodes/\(node)/workflows"))
    #expect(runs.arrayValue?.compactMap { $0["_status"] } == [.string(graph.status)], "\(graph.name) on \(node)")
    let catalogs = try #require(try await server.request("GET", "nodes/\(node)/catalogs"))
    #expect(catalogs.arrayValue?.compactMap { $0["source"]?.stringValue } == graph.catalogs.map { "t\($0)" })
    #expect(catalogs.arrayValue?.compactMap { $0["data"]?["data"]?.stringValue } == graph.catalogs.map { "\($0)b\n" })
    let facts = try #require(try await server.request("GET", "nodes/\(node)"))
    let sets = graph.handedOut.count
    #expect(facts["reports"] == .integer(sets) && facts["handedOut"] == .integer(sets), "\(graph.name) on \(node)")
    try await eventually("the last answer at \(node)", explanation: { agent.log }) {
      acknowledgements(to: agent) == sets ? () : nil
    }
  }

  /// How many of its reports the agent knows to be accepted.
  private static func acknowledgements(to agent: AgentProcess) -> Int {
    agent.log.components(separatedBy: " reported ").count - 1
  }

  @Test
  func `A full disk is 507, and what was acknowledged is there afterwards`() async throws {
    let directory = try ScratchDirectory()
    try FileManager.default.createDirectory(atPath: directory("data"), withIntermediateDirectories: true)
    let server = try await ServerProgram.start(
      directory, nodes: ["n1"], port: 0,
      wrapper: [
        "unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=3m,mode=0700 tmpfs \"$0\" && exec \"$@\"",
        directory("data"),
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
