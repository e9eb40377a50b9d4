import Foundation
import JSONDocument
import MockMonorail
import Testing

/// How the agent learns who it is, and whom it polls.
@Suite(.timeLimit(.minutes(30))) struct IdentityTests {
  static let mac = "00:1e:67:98:bc:7e"

  /// Everything but the server and the node.
  private func flags(_ stage: Stage, commandLine: String) throws -> [String] {
    try stage.write(commandLine, to: "cmdline")
    return [
      "--cmdline", stage.path("cmdline"), "--work-dir", stage.workDirectory, "--state-dir", stage.path("state"),
      "--poll-interval", "300ms",
    ]
  }

  private func expectWork(_ stage: Stage, for node: String, server: MockMonorail? = nil) async throws {
    let mock = server ?? stage.mock
    try mock.push(taskSetText: #"{"tasks":[{"cmd":"echo I am"}]}"#, to: node)
    #expect(try Report(try await mock.nextReport(from: node)).stdout() == "I am\n")
  }

  @Test(arguments: ["00:1e:67:98:bc:7e", "00-1E-67-98-BC-7E", "01-00-1e-67-98-bc-7e"])
  func byItsAddress(text: String) async throws {
    try await withStage { stage in
      stage.mock.addNode(mac: Self.mac, id: "by-mac")
      let agent = try stage.startAgent("--mac", text, usual: stage.flags(node: nil))
      try await expectWork(stage, for: "by-mac")
      #expect(stage.mock.requests.first?.target == "/api/current/tasks/bootstrap.js?macAddress=\(Self.mac)")
      #expect(stage.mock.requests.count { $0.path.hasSuffix("bootstrap.js") } == 1)
      #expect(agent.log.contains("this node is by-mac at \(stage.mock.baseURL)"))
    }
  }

  @Test(arguments: ["BOOTIF=01-00-1e-67-98-bc-7e", "BOOTIF=01-00:1e:67:98:bc:7e", "BOOTIF=\"01-00-1E-67-98-BC-7E\""])
  func byTheKernelCommandLine(bootInterface: String) async throws {
    try await withStage { stage in
      stage.mock.addNode(mac: Self.mac, id: "by-bootif")
      let line =
        "BOOT_IMAGE=vmlinuz quiet API_CB=127.0.0.1:\(stage.mock.port) \(bootInterface) console=ttyS0,115200n8 --\n"
      try stage.startAgent(usual: flags(stage, commandLine: line))
      try await expectWork(stage, for: "by-bootif")
    }
  }

  @Test func aNodeThatBecomesKnownLater() async throws {
    try await withStage({ $0.registersUnknownNodes = false }) { stage in
      let agent = try stage.startAgent("--mac", Self.mac, usual: stage.flags(node: nil))
      try await agent.waitForLog("does not know a node with \(Self.mac) (yet); trying again")
      try await stage.mock.waitForRequests(3) { $0.status == 404 && $0.path.hasSuffix("bootstrap.js") }
      #expect(stage.mock.requests.allSatisfy { $0.path.hasSuffix("bootstrap.js") })
      stage.mock.addNode(mac: Self.mac, id: "late")
      try await expectWork(stage, for: "late")
      #expect(agent.log.contains("knows this node now"))
    }
  }

  @Test func aGivenIdentifierIsNotLookedUp() async throws {
    try await withStage { stage in
      try stage.startAgent("--node-id", "by-hand", usual: stage.flags(node: nil))
      stage.mock.addNode(id: "by-hand")
      try await expectWork(stage, for: "by-hand")
      #expect(stage.mock.requests.allSatisfy { $0.path == "/api/current/tasks/by-hand" })
    }
  }

  @Test(arguments: [
    """
    // rendered for <%=identifier%>
    var http = require('http'), observer = { server : "nobody" };
    function Runner() { this.server = 'also nobody'; }
    var tasksPath = "/api/current/tasks/<%=identifier%>";
    var port="<%=port%>"
    ,   server   =   '<%=server%>' ;
    """,
    "var server='<%=server%>';var port='<%=port%>';var tasksPath='/api/current/tasks/<%=identifier%>';",
  ])
  func aScriptOfAnotherShape(template: String) async throws {
    try await withStage({ $0.bootstrapTemplate = template }) { stage in
      stage.mock.addNode(mac: Self.mac, id: "by-script")
      try stage.startAgent("--mac", Self.mac, usual: stage.flags(node: nil))
      try await expectWork(stage, for: "by-script")
    }
  }

  @Test func theScriptSaysWhichServerToPoll() async throws {
    let tasks = try await MockMonorail.start()
    do {
      try await withStage({
        $0.advertisedServer = "localhost"
        $0.advertisedPort = tasks.port
      }) { stage in
        stage.mock.addNode(mac: Self.mac, id: "elsewhere")
        tasks.addNode(id: "elsewhere")
        try stage.startAgent("--mac", Self.mac, usual: stage.flags(node: nil))
        try await expectWork(stage, for: "elsewhere", server: tasks)
        #expect(stage.mock.requests.allSatisfy { $0.path.hasSuffix("bootstrap.js") })
        #expect(tasks.requests.first?.headers["host"] == "localhost:\(tasks.port)")
      }
    } catch {
      await tasks.stop()
      throw error
    }
    await tasks.stop()
  }

  @Test func theEnvironmentNamesThemToo() async throws {
    try await withStage { stage in
      stage.mock.addNode(id: "by-env")
      try stage.startAgent(
        usual: flags(stage, commandLine: "API_CB=127.0.0.1:1 monorail.node=wrong"),
        environment: ["MONORAIL_SERVER": "127.0.0.1:\(stage.mock.port)", "MONORAIL_NODE_ID": "by-env"])
      try await expectWork(stage, for: "by-env")
    }
  }
}
