import Foundation
import JSONDocument
import Synchronization
import Testing

/// The last answer to a report, and the set's `exit`: whatever became of earlier sendings, and of the agent meanwhile.
@Suite(.timeLimit(.minutes(30))) struct LastAnswerTests {
  private static let set = #"{"identifier":"n1","tasks":[{"cmd":"echo ran >> ran"}],"exit":7}"#

  /// A server that hands the set out once, and answers the reports in turn with these statuses; the last one is repeated.
  /// `nil` closes the connection without an answer.
  private func server(_ set: String = set, answers: [String?]) throws -> HandServer {
    let counts = Mutex((gets: 0, posts: 0))
    return try HandServer { connection, _ in
      while let request = connection.readRequest() {
        let count = counts.withLock { counts in
          defer { if request.isPost { counts.posts += 1 } else { counts.gets += 1 } }
          return request.isPost ? counts.posts : counts.gets
        }
        guard request.isPost else {
          if count == 0 { connection.answer("200 OK", set) } else { connection.answer("404 Not Found") }
          continue
        }
        guard let status = answers[min(count, answers.count - 1)] else { return }
        connection.answer(status)
      }
    }
  }

  @Test(
    "the set's exit is obeyed after every last answer to its report",
    arguments: [
      ["201 Created"], ["404 Not Found"], [nil, "404 Not Found"], [nil, "201 Created"], ["500 x", "404 Not Found"],
      ["500 x", nil, "409 Conflict"], [nil, nil, "400 Bad Request"],
    ])
  func exitIsObeyed(answers: [String?]) async throws {
    try await withStage { stage in
      let server = try server(answers: answers)
      defer { server.stop() }
      let agent = try stage.startAgent(usual: stage.flags(server: server.address))
      #expect(try await agent.wait() == .exited(7))
      #expect(server.methods == ["GET"] + Array(repeating: "POST", count: answers.count))
      #expect(stage.text("work/ran") == "ran\n")
      let isRefused = answers.last??.hasPrefix("201") == false
      #expect(agent.log.contains("are dropped") == isRefused)
    }
  }

  @Test("a report that was sent whole is not sent again by libcurl, but after a pause and a line in the log")
  func repeatsAreOurs() async throws {
    try await withStage { stage in
      let logs = Mutex<[String]>([])
      let agents = Mutex<AgentProcess?>(nil)
      let server = try HandServer { connection, number in
        while let request = connection.readRequest() {
          guard request.isPost else {
            connection.answer("200 OK", Self.set)
            continue
          }
          logs.withLock { $0.append(agents.withLock { $0?.log } ?? "") }
          // The first connection was used before: libcurl takes such an end for a connection that was idle for too long.
          if number == 0 { return }
          connection.answer("201 Created")
        }
      }
      defer { server.stop() }
      let agent = try stage.startAgent(usual: stage.flags(server: server.address))
      agents.withLock { $0 = agent }
      #expect(try await agent.wait() == .exited(7))
      #expect(server.methods == ["GET", "POST", "POST"])
      let words =
        "the report is not accepted yet: POST http://\(server.address)/api/current/tasks/n1: "
        + "the server closed the connection without an answer"
      #expect(logs.withLock { $0 }.map { $0.contains(words) } == [false, true], "\(agent.log)")
    }
  }

  @Test("the exit survives an agent that is killed while its report is answered")
  func killedBeforeTheAnswer() async throws {
    try await withStage { stage in
      let agents = Mutex<AgentProcess?>(nil)
      let server = try HandServer { connection, number in
        while let request = connection.readRequest() {
          guard request.isPost else {
            connection.answer("200 OK", Self.set)
            continue
          }
          if number == 0 {
            // The server has taken the report.
            agents.withLock { $0?.signal(SIGKILL) }
            return
          }
          connection.answer("404 Not Found")
        }
      }
      defer { server.stop() }
      let first = try stage.startAgent(usual: stage.flags(server: server.address))
      agents.withLock { $0 = first }
      #expect(try await first.wait() == .signaled(SIGKILL))
      agents.withLock { $0 = nil }
      let second = try stage.startAgent(usual: stage.flags(server: server.address))
      #expect(try await second.wait() == .exited(7))
      #expect(server.methods == ["GET", "POST", "POST"])
      #expect(stage.text("work/ran") == "ran\n")
    }
  }

  /// `strace` kills the agent as it enters the nth of the calls that change the journal.
  @Test("the exit survives an agent that is killed at any step of its journal", arguments: 1...14)
  func killedAnywhere(step: Int) async throws {
    try await withStage { stage in
      let server = try server(answers: ["201 Created", "404 Not Found"])
      defer { server.stop() }
      let first = try stage.startAgent(
        usual: stage.flags(server: server.address),
        wrapper: [
          "strace", "-D", "-qq", "-o", "/dev/null", "-e", "trace=rename,renameat,renameat2,unlink,unlinkat",
          "--inject=rename,renameat,renameat2,unlink,unlinkat:signal=KILL:when=\(step)",
        ])
      let end = try await first.wait()
      guard end != .exited(7) else { return }
      #expect(end == .signaled(SIGKILL))
      // What was handed out before the journal had it is lost with the agent, and nothing of it has run.
      guard
        server.count("POST") > 0 || FileManager.default.fileExists(atPath: stage.journal + "/set.json")
          || FileManager.default.fileExists(atPath: stage.journal + "/answered.json")
      else {
        #expect(stage.text("work/ran") == "")
        return
      }
      let second = try stage.startAgent(usual: stage.flags(server: server.address))
      #expect(try await second.wait() == .exited(7), "killed at \(step)")
      #expect(["ran\n", ""].contains(stage.text("work/ran")))
    }
  }

  @Test("an exit that an agent could not obey any more ends the next agent, but only that one")
  func onlyOnce() async throws {
    try await withStage { stage in
      // The journal as it is when the agent is killed between the server's last answer and its own end.
      try FileManager.default.createDirectory(atPath: stage.journal, withIntermediateDirectories: true)
      try stage.write(Self.set, to: "state/journal/answered.json")
      let second = try stage.startAgent()
      #expect(try await second.wait() == .exited(7))
      #expect(second.log.contains("killed before it could end: the server asked this agent to end with code 7"))
      #expect(stage.mock.requests.isEmpty)
      let third = try stage.startAgent()
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(!third.hasEnded)
    }
  }

  @Test("an agent that ended as it was asked to leaves nothing behind, so that a person can start it again")
  func startedAgainByHand() async throws {
    try await withStage { stage in
      let first = try stage.startAgent()
      _ = try await stage.report(of: #"{"tasks":[{"cmd":"true"}],"exit":127}"#)
      #expect(try await first.wait() == .exited(127))
      #expect(try FileManager.default.contentsOfDirectory(atPath: stage.journal) == [])
      let second = try stage.startAgent()
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(!second.hasEnded)
    }
  }

  @Test("the set's exit is stronger than a stop that came while it ran")
  func strongerThanTheStop() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let agent = try stage.startAgent()
      try stage.push(#"{"tasks":[{"cmd":"echo begun; \#(gate.waiting)"}],"exit":1}"#)
      try await agent.waitForLog("| begun")
      agent.signal(SIGTERM)
      gate.open()
      #expect(try await agent.wait() == .exited(1))
    }
  }

  @Test("a server that does not want Expect gets the report without it", arguments: [true, false])
  func expectationFailed(isAnsweredAtOnce: Bool) async throws {
    let set = #"{"tasks":[{"cmd":"head -c 200000 /dev/zero | tr '\\0' x"}],"exit":7}"#
    try await withStage { stage in
      let server = try HandServer { connection, number in
        while let head = connection.readHead() {
          if head.isPost, head.header("expect") != nil, isAnsweredAtOnce {
            connection.answer("417 Expectation Failed")
            return
          }
          guard let request = connection.readBody(of: head) else { return }
          guard request.isPost else {
            connection.answer("200 OK", set)
            continue
          }
          // The first sending is cut, so that the agent asks before it sends the next one.
          if number == 0 { return }
          connection.answer(request.header("expect") == nil ? "201 Created" : "417 Expectation Failed")
        }
      }
      defer { server.stop() }
      let agent = try stage.startAgent(usual: stage.flags(server: server.address))
      #expect(try await agent.wait() == .exited(7))
      #expect(!agent.log.contains("dropped"), "\(agent.log)")
      let posts = server.requests.filter(\.isPost)
      #expect(posts.map { $0.header("expect") != nil } == [false, true, false])
    }
  }

  @Test("a server that says yes before it has read the report still gets all of it")
  func earlyAnswer() async throws {
    try await withStage { stage in
      let received = Mutex(0)
      let server = try HandServer { connection, _ in
        while let head = connection.readHead() {
          guard head.isPost else {
            connection.answer("200 OK", #"{"tasks":[{"cmd":"head -c 30000000 /dev/zero | tr '\\0' x"}],"exit":7}"#)
            continue
          }
          // The answer is not complete, and more of the report than the kernel buffers waits for a while.
          connection.send("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\n{}")
          usleep(3_000_000)
          guard let request = connection.readBody(of: head) else { return }
          received.withLock { $0 = request.body.count }
          connection.send("\n")
        }
      }
      defer { server.stop() }
      let agent = try stage.startAgent("--max-output", "64M", usual: stage.flags(server: server.address))
      #expect(try await agent.wait(.seconds(60)) == .exited(7))
      try await eventually("the whole report") { received.withLock { $0 > 30_000_000 } ? () : nil }
    }
  }

  @Test("a report follows its server to another address", arguments: ["301 x", "302 x", "303 x", "307 x", "308 x"])
  func redirectedReport(status: String) async throws {
    try await withStage { stage in
      let target = try HandServer { connection, _ in
        while connection.readRequest() != nil { connection.answer("201 Created") }
      }
      defer { target.stop() }
      let server = try HandServer { connection, _ in
        while let request = connection.readRequest() {
          if request.isPost {
            connection.answer(status, "", headers: ["Location: http://\(target.address)/there"])
          } else {
            connection.answer("200 OK", Self.set)
          }
        }
      }
      defer { server.stop() }
      let agent = try stage.startAgent(usual: stage.flags(server: server.address))
      #expect(try await agent.wait() == .exited(7))
      #expect(target.requests.map(\.head).allSatisfy { $0.hasPrefix("POST /there ") })
      #expect(target.requests.count == 1)
      #expect(server.methods == ["GET", "POST"])
    }
  }

  @Test(
    "the status is the answer: a body that drips does not hold the agent", arguments: ["201 Created", "404 x", "503 x"])
  func drippingAnswer(status: String) async throws {
    try await withStage { stage in
      let posts = Mutex(0)
      let server = try HandServer { connection, _ in
        while let request = connection.readRequest() {
          guard request.isPost else {
            connection.answer("200 OK", Self.set)
            continue
          }
          let isFirst = posts.withLock { count in
            count += 1
            return count == 1
          }
          guard isFirst else {
            connection.answer("201 Created")
            continue
          }
          connection.send("HTTP/1.1 \(status)\r\nContent-Length: 1000000000\r\n\r\n")
          while connection.send(String(repeating: " ", count: 100)) { usleep(100_000) }
          return
        }
      }
      defer { server.stop() }
      let agent = try stage.startAgent(usual: stage.flags(server: server.address))
      #expect(try await agent.wait() == .exited(7))
    }
  }
}
