import Foundation
import JSONDocument
import MockMonorail
import MonorailProtocol
import Synchronization

/// What a test of the agent needs: a mock server, a directory, and the agents that the test starts. When the test ends,
/// the server is stopped, the agents are killed, and the directory is removed.
final class Stage: Sendable {
  /// The identifier that an agent gets unless the test gives another.
  static let node = "n1"

  private let scratch: ScratchDirectory
  private let server: Mutex<MockMonorail>
  private let agents = Mutex<[AgentProcess]>([])

  fileprivate init(_ mock: MockMonorail, _ scratch: ScratchDirectory) {
    self.scratch = scratch
    server = Mutex(mock)
  }

  var mock: MockMonorail { server.withLock { $0 } }
  var directory: String { scratch.path }
  var workDirectory: String { directory + "/work" }
  var journal: String { directory + "/state/journal" }

  /// The flags that an agent gets: it keeps all its files in the stage's directory, and reads a kernel command line
  /// from there too.
  func flags(server: String? = nil, node: String? = Stage.node) throws -> [String] {
    let commandLine = directory + "/cmdline"
    if !FileManager.default.fileExists(atPath: commandLine) { try write("quiet", to: "cmdline") }
    return [
      "--server", server ?? mock.baseURL, "--work-dir", workDirectory, "--state-dir", directory + "/state",
      "--poll-interval", "300ms", "--cmdline", commandLine,
    ] + (node.map { ["--node-id", $0] } ?? [])
  }

  /// Starts an agent.
  ///
  /// - Parameters:
  ///   - more: further flags; they override the usual ones.
  ///   - usual: the flags that every agent gets.
  ///   - wrapper: a program that runs it, with its arguments.
  @discardableResult
  func startAgent(
    _ more: String..., usual: [String]? = nil, environment: [String: String] = [:], wrapper: [String] = [],
    program: String = AgentProcess.program
  ) throws -> AgentProcess {
    try agents.withLock { agents in
      let agent = try AgentProcess(
        wrapper + [program] + (usual ?? flags()) + more,
        environment: AgentProcess.environment.merging(environment) { $1 })
      agents.append(agent)
      return agent
    }
  }

  func push(_ taskSet: String) throws { try mock.push(taskSetText: taskSet, to: Self.node) }

  /// Queues a set of these commands.
  func push(commands: [String]) throws {
    try push(JSON.taskSet(commands).text)
  }

  /// The next report that no earlier call has returned. Large reports take a busy machine more than 40 s.
  func nextReport(_ limit: Duration = .seconds(180)) async throws -> Report {
    do {
      return try Report(try await mock.nextReport(from: Self.node, timeout: limit))
    } catch let error as WaitTimeout {
      throw Failure("\(error)\n\(agents.withLock { $0.last?.log.suffix(4000) ?? "no agent" })")
    }
  }

  /// Pushes a set, and returns what an agent reports of it.
  func report(of taskSet: String) async throws -> Report {
    try push(taskSet)
    return try await nextReport()
  }

  /// Kills an agent as a crash would, and waits until the server, too, knows that it is gone.
  func crash(_ agent: AgentProcess) async throws {
    try await agent.crash()
    try await eventually("the server sees the connection end") {
      mock.requests.allSatisfy { $0.finished != nil } ? () : nil
    }
  }

  /// Stops the server. `restartServer` starts another one with the same state at the same port.
  func stopServer() async { await mock.stop() }

  func restartServer() async throws {
    let old = mock
    var configuration = old.configuration
    configuration.port = old.port
    let new = try await MockMonorail.start(configuration, state: old.state)
    server.withLock { $0 = new }
  }

  // MARK: Files

  func path(_ name: String) -> String { scratch(name) }

  func write(_ text: String, to name: String) throws { try scratch.write(text, to: name) }

  /// The text of a file in the stage's directory; empty when there is none.
  func text(_ name: String) -> String { scratch.text(of: name) }

  func waitForFile(_ name: String, _ limit: Duration = .seconds(60)) async throws {
    try await eventually("the file \(name)", within: limit, explanation: { self.lastLog }) {
      FileManager.default.fileExists(atPath: path(name)) ? () : nil
    }
  }

  private var lastLog: String { agents.withLock { $0.last.map { String($0.log.suffix(4000)) } ?? "" } }

  /// Makes a named pipe in the stage's directory. To open it, nobody has to wait.
  func makeGate(_ name: String) throws -> Gate { try Gate(path(name)) }

  fileprivate func end() async {
    for agent in agents.withLock({ $0 }) {
      agent.signal(SIGKILL)
      _ = try? await agent.wait(.seconds(10))
    }
    await mock.stop()
    endProcesses(in: directory)
    scratch.remove()
  }
}

/// How many slots a test takes, as a measure of the processor time that it needs.
enum Load: Int {
  /// None: the stage is inside another one, which has taken its slots.
  case none = 0
  case usual = 1
  case heavy = 2
  /// All slots, for a test that measures time.
  case whole = 1000
}

/// Runs a test on a stage of its own.
func withStage(
  load: Load = .usual, _ change: (inout MockConfiguration) throws -> Void = { _ in },
  _ body: (Stage) async throws -> Void
) async throws {
  try await withStage(load: load, prepare: { _ in }, { configuration, _ in try change(&configuration) }, body)
}

/// Runs a test on a stage whose server needs files in the stage's directory.
func withStage(
  load: Load = .usual, prepare: (String) async throws -> Void,
  _ change: (inout MockConfiguration, String) throws -> Void, _ body: (Stage) async throws -> Void
) async throws {
  try await Slots.all.taking(load.rawValue) { try await setUpStage(prepare, change, body) }
}

private func setUpStage(
  _ prepare: (String) async throws -> Void, _ change: (inout MockConfiguration, String) throws -> Void,
  _ body: (Stage) async throws -> Void
) async throws {
  let scratch = try ScratchDirectory()
  try await prepare(scratch.path)
  var configuration = MockConfiguration()
  try change(&configuration, scratch.path)
  let mock = try await MockMonorail.start(configuration)
  mock.addNode(id: Stage.node)
  let stage = Stage(mock, scratch)
  do {
    try await body(stage)
  } catch {
    await stage.end()
    throw error
  }
  await stage.end()
}
