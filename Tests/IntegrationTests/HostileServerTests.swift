import Foundation
import JSONDocument
import MockMonorail
import Testing

/// A server that answers nonsense, nothing, or far too much; and no server at all.
@Suite(.timeLimit(.minutes(30))) struct HostileServerTests {
  struct Nonsense: CustomTestStringConvertible {
    let testDescription: String
    let fault: Fault.Kind
    /// What the log has to say.
    let words: [String]

    init(_ name: String, _ fault: Fault.Kind, _ words: String...) {
      (testDescription, self.fault, self.words) = (name, fault, words)
    }
  }

  private static let answers: [Nonsense] = [
    Nonsense("not HTTP", .garbage, "the answer is not HTTP"),
    Nonsense(
      "HTML", .answer(status: 200, body: "<html><body>Welcome</body></html>"), "not valid JSON", "nothing is run"),
    Nonsense(
      "half a document", .answer(status: 200, body: #"{"identifier":"n1","tasks":[{"cmd":"touch "#),
      "unexpected end of data",
      "nothing is run"),
    Nonsense("nothing", .answer(status: 200, body: ""), "the answer of 0 bytes is", "nothing is run"),
    Nonsense("no task set", .answer(status: 200, body: #"{"tasks":{"cmd":"x"}}"#), "no list of tasks"),
    Nonsense("a list", .answer(status: 200, body: "[1]"), "not a task set"),
    Nonsense("not UTF-8", .answer(status: 200, body: "{\"tasks\":[]}\u{0}"), "not valid JSON"),
    Nonsense("100 MB", .huge(bytes: 100_000_000), "longer than 4194304 bytes"),
    Nonsense("deep nesting", .deep(levels: 100_000), "nesting too deep"),
    Nonsense("deeper nesting", .deep(levels: 1_000_000), "nesting too deep"),
    Nonsense("a circle", .redirectLoop, "redirects in a circle"),
    Nonsense("a cut answer", .truncate, "cut off"),
    Nonsense("no answer", .drop, "closed the connection without an answer"),
    Nonsense("500", .status(500), "the server answered 500"),
    Nonsense("403", .status(403), "the server answered 403"),
  ]

  @Test(arguments: answers) func isSaidSoAndPolledOn(nonsense: Nonsense) async throws {
    try await withStage({ $0.idleHold = .milliseconds(100) }) { stage in
      stage.mock.inject(nonsense.fault, "GET", "/api/*/tasks/n1")
      let agent = try stage.startAgent()
      for words in nonsense.words { try await agent.waitForLog(words) }
      #expect(agent.log.contains("warning: GET \(stage.mock.baseURL)/api/current/tasks/n1: "), "\(agent.log)")
      try await stage.mock.waitForRequests(3) { $0.finished != nil }
      stage.mock.removeFaults()
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      try await agent.waitForLog("answers again")
      #expect(try agent.peakMemory < HugeOutputTests.memoryLimit)
      // The agent logs a failure when it begins, and not at every repeat.
      #expect(agent.log.components(separatedBy: nonsense.words[0]).count <= 3)
    }
  }

  /// The same while the node is looked up.
  @Test(arguments: [
    Nonsense("HTML", .answer(status: 200, body: "<html>"), "the bootstrap script does not say server"),
    Nonsense("100 MB", .huge(bytes: 100_000_000), "longer than 262144 bytes"),
    Nonsense("not HTTP", .garbage, "the answer is not HTTP"), Nonsense("a circle", .redirectLoop, "in a circle"),
    Nonsense("503", .status(503), "the server answered 503"),
    Nonsense(
      "no port", .answer(status: 200, body: "server='a' port='99999' tasksPath='/x'"), "port = '99999', which cannot be"
    ),
  ])
  func aLookUpThatGetsNonsense(nonsense: Nonsense) async throws {
    try await withStage { stage in
      stage.mock.addNode(mac: "00:1e:67:98:bc:7e", id: "looked-up")
      stage.mock.inject(nonsense.fault, "GET", "/api/*/tasks/bootstrap.js")
      let agent = try stage.startAgent("--mac", "00:1e:67:98:bc:7e", usual: stage.flags(node: nil))
      for words in nonsense.words { try await agent.waitForLog(words) }
      stage.mock.removeFaults()
      try await stage.mock.waitForRequests { $0.path == "/api/current/tasks/looked-up" }
      #expect(try agent.peakMemory < HugeOutputTests.memoryLimit)
    }
  }

  @Test func aHungServerIsGivenUpOnAfterTheStatedTime() async throws {
    try await withStage({ $0.idleHold = .milliseconds(100) }) { stage in
      stage.mock.inject(.hang, "GET", "/api/*/tasks/n1")
      let agent = try stage.startAgent("--request-timeout", "1s")
      try await agent.waitForLog("connected, but no answer within 1 s")
      let first = try #require(try await stage.mock.waitForRequests { $0.finished != nil }.first)
      #expect(try #require(first.finished) - first.time < .seconds(20))
      #expect(try #require(first.finished) - first.time > .milliseconds(500))
      try await stage.mock.waitForRequests(3) { $0.finished != nil }
      stage.mock.removeFaults()
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }

  @Test func anAnswerThatDripsIsGivenUpOn() async throws {
    try await withStage({ $0.idleHold = .milliseconds(100) }) { stage in
      try stage.push(commands: ["echo never"])
      stage.mock.inject(.drip(.milliseconds(200)), "GET", "/api/*/tasks/n1", times: 1)
      let agent = try stage.startAgent("--request-timeout", "1s")
      try await agent.waitForLog("and was given up after 1 s")
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }

  @Test func aRefusedConnectionHasItsOwnWords() async throws {
    try await withStage { stage in
      await stage.stopServer()
      let agent = try stage.startAgent()
      try await agent.waitForLog("the connection was refused; is the server running there?")
      try await stage.restartServer()
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }

  @Test func aNameThatCannotBeResolvedHasItsOwnWords() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent("--server", "no-such-host.invalid:8080")
      // Where name servers do not answer, that is what it says.
      try await agent.waitForLog("GET http://no-such-host.invalid:8080/api/current/tasks/n1: the name ")
      #expect(agent.log.contains("the name cannot be resolved") || agent.log.contains("do not answer"))
      #expect(agent.log.contains("/etc/resolv.conf"))
      #expect(!agent.hasEnded)
    }
  }

  @Test(.enabled(if: Namespaces.areAvailable, "needs the right to make a network namespace"))
  func anUnreachableNetworkHasItsOwnWords() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent("--server", "10.1.1.1:8080", wrapper: ["unshare", "--net"])
      try await agent.waitForLog("the network is unreachable; has this node an address?")
      #expect(!agent.hasEnded)
    }
  }

  @Test(.enabled(if: Namespaces.areAvailable, "needs the right to make a network namespace"))
  func anUnreachableHostHasItsOwnWords() async throws {
    try await withStage { stage in
      // The other end of the pair answers no ARP request.
      let script = """
        ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add 10.1.1.2/24 dev v0 &&
        ip link set v0 up && ip link set v1 up && ip link set v1 arp off && exec "$@"
        """
      let agent = try stage.startAgent(
        "--server", "10.1.1.1:8080", wrapper: ["unshare", "--net", "sh", "-c", script, "sh"])
      try await agent.waitForLog("the host is unreachable; look at the cable")
    }
  }
}
