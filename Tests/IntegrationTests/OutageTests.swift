import Foundation
import JSONDocument
import MockMonorail
import Testing

/// The report, and a server that does not take it at once.
@Suite(.timeLimit(.minutes(30))) struct OutageTests {
  private static let tasks = "/api/*/tasks/*"

  /// The commands of a set that leaves a trace of every run.
  private func traced(_ stage: Stage) -> [String] {
    ["echo one >>'\(stage.path("runs"))'; echo first", "echo two >>'\(stage.path("runs"))'; echo second"]
  }

  private func expectOnce(_ stage: Stage, _ report: Report) {
    #expect(report.stdout(0) == "first\n")
    #expect(report.stdout(1) == "second\n")
    #expect(stage.text("runs") == "one\ntwo\n")
    #expect(stage.mock.reports().count == 1)
  }

  @Test func theServerDiesDuringTheReportAndComesBackAfterTwentySeconds() async throws {
    try await withStage { stage in
      stage.mock.inject(.hang, "POST", Self.tasks)
      let agent = try stage.startAgent()
      try stage.push(commands: traced(stage))
      try await stage.mock.waitForRequests { $0.method == "POST" }
      await stage.stopServer()
      stage.mock.removeFaults()
      try await agent.waitForLog("the report is not accepted yet")
      // The wait itself is what is tested.
      try await Task.sleep(for: .seconds(20))
      #expect(!agent.hasEnded)
      try await stage.restartServer()
      expectOnce(stage, try await stage.nextReport())
      try await agent.waitForLog("answers again")
      // The agent takes further work.
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(stage.text("runs") == "one\ntwo\n")
    }
  }

  @Test(arguments: [500, 502, 503, 408, 429])
  func aRefusalThatMayPassIsTriedAgain(status: Int) async throws {
    try await withStage { stage in
      stage.mock.inject(.status(status), "POST", Self.tasks, times: 3)
      let agent = try stage.startAgent()
      try stage.push(commands: traced(stage))
      expectOnce(stage, try await stage.nextReport())
      try await stage.mock.waitForRequests { $0.status == 201 }
      let posts = stage.mock.requests.filter { $0.method == "POST" }
      #expect(posts.map(\.status) == [status, status, status, 201])
      #expect(agent.log.contains("the report is not accepted yet"))
      #expect(agent.log.contains("the server answered \(status)"))
    }
  }

  @Test(arguments: [Fault.Kind.drop, .garbage, .hang])
  func aReportThatGetsNoAnswerIsSentAgain(kind: Fault.Kind) async throws {
    try await withStage({ $0.idleHold = .milliseconds(100) }) { stage in
      stage.mock.inject(kind, "POST", Self.tasks, times: 2)
      try stage.startAgent("--request-timeout", "5s")
      try stage.push(commands: traced(stage))
      expectOnce(stage, try await stage.nextReport())
    }
  }

  /// The server has taken the report, but its answer got lost. The agent sends the report again, so that it is never lost.
  @Test func aLostAnswerCostsASecondReportAndNoSecondRun() async throws {
    try await withStage { stage in
      stage.mock.inject(.loseAnswer, "POST", Self.tasks, times: 1)
      try stage.startAgent()
      try stage.push(commands: traced(stage))
      let first = try await stage.nextReport()
      let second = try await stage.nextReport()
      #expect(first.text == second.text)
      #expect(stage.text("runs") == "one\ntwo\n")
    }
  }

  @Test(arguments: [404, 400, 409])
  func aFinalRefusalIsLoggedAndDropped(status: Int) async throws {
    try await withStage { stage in
      stage.mock.inject(.status(status), "POST", Self.tasks, times: 1)
      let agent = try stage.startAgent()
      try stage.push(commands: traced(stage))
      try await stage.mock.waitForRequests { $0.method == "POST" && $0.status == status }
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(stage.text("runs") == "one\ntwo\n")
      #expect(agent.log.contains("the server answered \(status)"))
      #expect(agent.log.contains("the results of 2 tasks are dropped"))
      #expect(stage.mock.requests.count { $0.method == "POST" } == 2)
    }
  }

  @Test func outputIsHalvedUntilTheServerTakesIt() async throws {
    try await withStage({ $0.maximumReportBytes = 300_000 }) { stage in
      let agent = try stage.startAgent()
      try stage.push(commands: ["printf head; head -c 2000000 /dev/zero | tr '\\0' x; printf tail; echo why >&2"])
      let report = try await stage.nextReport()
      #expect(report.byteCount <= 300_000)
      #expect(report.byteCount > 100_000)
      #expect(report.stdout()?.hasPrefix("headxx") == true)
      #expect(report.stdout()?.hasSuffix("xxtail") == true)
      #expect(report.stdout()?.contains("bytes are cut out here") == true)
      #expect(report.stderr() == "why\n")
      #expect(report.error() == .null)
      #expect(agent.log.contains("too large; sending half of the output"))
      // 2 MB, and then a half, a quarter, and an eighth of that: no sending is as long as the one before.
      #expect(stage.mock.requests.count { $0.method == "POST" } == 4)
      #expect(stage.mock.reports().count == 1)
    }
  }

  /// An HTTP stack may answer 413 and close the connection in the middle of the upload.
  @Test func aLargeReportThatIsRefusedWhileItIsSent() async throws {
    try await withStage({ $0.maximumReportBytes = 1_000_000 }) { stage in
      try stage.startAgent("--request-timeout", "5s")
      try stage.push(commands: ["printf head; head -c 12000000 /dev/zero | tr '\\0' x; printf tail"])
      let report = try await stage.nextReport()
      #expect(report.byteCount <= 1_000_000)
      #expect(report.stdout()?.hasSuffix("xxtail") == true)
    }
  }

  @Test func aReportOfManyMegabytesOverASlowStartArrivesWhole() async throws {
    try await withStage({ $0.idleHold = .milliseconds(100) }) { stage in
      stage.mock.inject(.delay(.seconds(6)), "POST", Self.tasks, times: 1)
      try stage.startAgent("--request-timeout", "5s")
      try stage.push(commands: ["head -c 8000000 /dev/zero | tr '\\0' x"])
      #expect(try await stage.nextReport().stdout()?.utf8.count == 8_000_000)
      #expect(stage.mock.requests.count { $0.method == "POST" } == 1)
    }
  }
}
