import Foundation
import JSONDocument
import MockMonorail
import Testing

/// How the agent ends.
@Suite(.timeLimit(.minutes(30))) struct ExitTests {
  private static let exits: [(String, Int32)] = [
    ("1", 1), ("2", 2), ("127", 127), ("0", 0), (#"{"code":2}"#, 2), (#"{"code":0,"x":1}"#, 0), ("3.0", 3),
  ]

  @Test(arguments: exits)
  func asTheSetSays(exit: String, code: Int32) async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      let report = try await stage.report(of: #"{"tasks":[{"cmd":"echo last"}],"exit":\#(exit)}"#)
      #expect(try await agent.wait() == .exited(code))
      #expect(report.stdout() == "last\n")
      #expect(report.text.hasSuffix(#","exit":\#(exit)}"#))
      #expect(agent.log.contains("the server asked this agent to end with code \(code)"))
    }
  }

  /// rc.local takes these for the agent's own end: for a crash, a wrong configuration, an agent that cannot be run.
  @Test(arguments: [
    ("-1", "-1"), ("75", "75"), ("78", "78"), ("126", "126"), ("128", "128"), ("137", "137"), ("255", "255"),
    ("256", "256"),
    (#"{"code":1000}"#, "1000"), ("1e30", "1e30"), ("12345678901234567890", "12345678901234567890"),
  ])
  func anExitThatWouldBeMistaken(exit: String, shown: String) async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      _ = try await stage.report(of: #"{"tasks":[{"cmd":"true"}],"exit":\#(exit)}"#)
      #expect(try await agent.wait() == .exited(1))
      #expect(agent.log.contains("the server asked this agent to end with code \(shown)"), "\(agent.log)")
      #expect(agent.log.contains("it ends with 1"), "\(agent.log)")
    }
  }

  @Test(arguments: ["null", #""reboot""#, "{}", #"{"code":null}"#])
  func whatIsNoExit(exit: String) async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      _ = try await stage.report(of: #"{"tasks":[{"cmd":"true"}],"exit":\#(exit)}"#)
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(!agent.hasEnded)
    }
  }

  @Test func onlyAfterTheReportIsAccepted() async throws {
    try await withStage { stage in
      stage.mock.inject(.status(503), "POST", "/api/*/tasks/*")
      let agent = try stage.startAgent()
      try stage.push(#"{"tasks":[{"cmd":"true"}],"exit":1}"#)
      try await stage.mock.waitForRequests(3) { $0.status == 503 }
      #expect(!agent.hasEnded)
      stage.mock.removeFaults()
      #expect(try await agent.wait() == .exited(1))
      #expect(stage.mock.reports().count == 1)
    }
  }

  @Test func onceEndsAfterOneReport() async throws {
    try await withStage { stage in
      try stage.push(commands: ["echo one"])
      try stage.push(commands: ["echo two"])
      let agent = try stage.startAgent("--once")
      #expect(try await agent.wait() == .exited(0))
      #expect(stage.mock.reports().count == 1)
      #expect(stage.mock.state.queueLength(of: Stage.node) == 1)
      #expect(stage.mock.requests.map(\.method) == ["GET", "POST"])
    }
  }

  private static let impossible: [([String], String)] = [
    (["--server", "host:port"], "--server: \"host:port\" is not a server"),
    (["--mac", "00:1e"], "--mac: \"00:1e\" is not a MAC address"), (["--poll-interval", "soon"], "is not a time"),
    (["--max-output", "much"], "is not a size"), (["--log-level", "loud"], "--log-level: \"loud\" is not one of"),
    (["--ca", "/no/such/file.pem"], "/no/such/file.pem"), (["--work-dir", "relative"], "is not an absolute path"),
    (["--nonsense"], "\"--nonsense\" means nothing here; see monorail-agent --help"),
    (["--mac"], "--mac needs a value"),
    (["--node-id", "a/../b"], "is not a node identifier"),
  ]

  @Test(arguments: impossible)
  func aConfigurationThatCannotWork(words: [String], sentence: String) async throws {
    try await withStage { stage in
      let agent = try stage.startAgent(usual: stage.flags() + words)
      #expect(try await agent.wait() == .exited(78))
      #expect(agent.log.contains(sentence), "\(agent.log)")
      #expect(agent.log.split(separator: "\n").count == 1)
      #expect(stage.mock.requests.isEmpty)
    }
  }

  @Test func noServerAnywhere() async throws {
    try await withStage { stage in
      try stage.write("BOOT_IMAGE=vmlinuz quiet BOOTIF=01-00-1e-67-98-bc-7e\n", to: "cmdline")
      let agent = try stage.startAgent(usual: ["--cmdline", stage.path("cmdline")])
      #expect(try await agent.wait() == .exited(78))
      #expect(agent.log.contains("no monorail server is known: the kernel command line has no API_CB=host:port"))
    }
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func askedToStopItFinishesTheTaskAndReports(signal: Int32) async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let agent = try stage.startAgent()
      try stage.push(commands: ["echo begun; \(gate.waiting); echo ended", "touch '\(stage.path("ran"))'", "true"])
      try await agent.waitForLog("| begun")
      agent.signal(signal)
      gate.open()
      let report = try await stage.nextReport()
      #expect(try await agent.wait() == .exited(128 + signal))
      #expect(report.stdout(0) == "begun\nended\n")
      #expect(report.error(0) == .null)
      #expect(report.code(1) == "ECANCELED")
      #expect(report.isUntouched(2))
      #expect(!FileManager.default.fileExists(atPath: stage.path("ran")))
    }
  }

  @Test func askedToStopDuringTheLastTaskItReportsSuccess() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let agent = try stage.startAgent()
      try stage.push(commands: ["echo begun; \(gate.waiting); echo ended"])
      try await agent.waitForLog("| begun")
      agent.signal(SIGTERM)
      gate.open()
      #expect(try await stage.nextReport().error() == .null)
      #expect(try await agent.wait() == .exited(143))
    }
  }

  /// An agent that was asked to stop still sends the report until it is accepted.
  @Test func askedToStopWhileTheServerIsAway() async throws {
    try await withStage { stage in
      stage.mock.inject(.status(503), "POST", "/api/*/tasks/*")
      let agent = try stage.startAgent()
      try stage.push(commands: ["echo out"])
      try await stage.mock.waitForRequests { $0.status == 503 }
      agent.signal(SIGTERM)
      try await stage.mock.waitForRequests(4) { $0.status == 503 }
      #expect(!agent.hasEnded)
      stage.mock.removeFaults()
      #expect(try await stage.nextReport().stdout() == "out\n")
      #expect(try await agent.wait() == .exited(143))
    }
  }

  @Test func aSecondSignalEndsAtOnceAndTheNextAgentReports() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let first = try stage.startAgent()
      try stage.push(commands: ["echo once >>'\(stage.path("runs"))'; echo begun; \(gate.waiting); echo ended"])
      try await first.waitForLog("| begun")
      first.signal(SIGTERM)
      // The kernel merges two pending signals of one number into one, so the second is sent after the first was taken.
      try await eventually("the first signal is taken") { first.hasPendingSignals ? nil : () }
      first.signal(SIGTERM)
      #expect(try await first.wait(.seconds(30)) == .exited(143))
      #expect(stage.mock.reports().isEmpty)
      let second = try stage.startAgent()
      try await second.waitForLog("still runs, waiting for its end")
      gate.open()
      let report = try await stage.nextReport()
      #expect(report.code() == "EINTERRUPTED")
      #expect(report.stdout() == "begun\nended\n", "the command was not ended with its agent")
      #expect(stage.text("runs") == "once\n")
    }
  }

  @Test(arguments: [Duration.zero, .seconds(30)])
  func idleItLeavesPromptly(hold: Duration) async throws {
    try await withStage({ $0.idleHold = hold }) { stage in
      let agent = try stage.startAgent("--poll-interval", "60s")
      try await stage.mock.waitForRequests { _ in true }
      agent.signal(SIGTERM)
      #expect(try await agent.wait(.seconds(20)) == .exited(143))
      #expect(agent.log.contains("asked to stop, and nothing is running: leaving"))
    }
  }

  @Test func helpAndVersion() async throws {
    try await withStage { stage in
      let help = try stage.startAgent(usual: ["--help"])
      #expect(try await help.wait() == .exited(0))
      for option in [
        "--server", "--mac", "--poll-interval", "--once", "MONORAIL_CA", "monorail.ca=", "API_CB", "fetch URL",
      ] {
        #expect(help.output.contains(option))
      }
      let version = try stage.startAgent(usual: ["--version"])
      #expect(try await version.wait() == .exited(0))
      #expect(version.output.wholeMatch(of: /monorail-agent [0-9a-z-]+\n/) != nil)
    }
  }
}
