import Foundation
import JSONDocument
import MockMonorail
import Testing

/// When the agent asks.
@Suite(.timeLimit(.minutes(30))) struct PollingTests {
  @Test func afterAReportItAsksAgainAtOnce() async throws {
    try await withStage(load: .whole) { stage in
      let rounds = 20
      for round in 0..<rounds { try stage.push(commands: ["echo \(round)"]) }
      try stage.startAgent("--poll-interval", "5s")
      for round in 0..<rounds { #expect(try await stage.nextReport().stdout() == "\(round)\n") }
      try await stage.mock.waitForRequests(rounds + 1) { $0.method == "GET" }
      let requests = stage.mock.requests
      #expect(requests.prefix(2 * rounds).map(\.method) == (0..<rounds).flatMap { _ in ["GET", "POST"] })
      let pauses = zip(requests, requests.dropFirst()).filter { $0.0.method == "POST" }.map { post, get in
        get.time - (post.finished ?? post.time)
      }
      // Less than the first step of the back-off, 125 ms in the middle.
      #expect(pauses.sorted()[pauses.count / 2] < .milliseconds(100), "\(pauses)")
    }
  }

  @Test func thereIsOneConnectionAndOneRequestAtATime() async throws {
    try await withStage({ $0.idleHold = .milliseconds(50) }) { stage in
      stage.mock.addNode(mac: "00:1e:67:98:bc:7e", id: Stage.node)
      try "data".write(toFile: stage.mock.filesDirectory + "/file", atomically: false, encoding: .utf8)
      let agent = try stage.startAgent("--mac", "00:1e:67:98:bc:7e", usual: stage.flags(node: nil))
      try await stage.mock.waitForRequests(5) { $0.finished != nil }
      let descriptors = agent.descriptors.count
      for _ in 0..<5 {
        let report = try await stage.report(
          of: #"{"tasks":[{"cmd":"cat file","downloadUrl":"/api/current/files/file"}]}"#)
        #expect(report.stdout() == "data")
      }
      try await stage.mock.waitForRequests(25) { $0.finished != nil }
      #expect(stage.mock.requests.allSatisfy { !$0.overlapsAnother })
      #expect(Set(stage.mock.requests.map(\.connection)).count == 1)
      #expect(agent.descriptors.count == descriptors)
    }
  }

  @Test func whileIdleItBacksOffToTheIntervalAndNotBeyond() async throws {
    try await withStage(load: .whole, { $0.idleHold = .zero }) { stage in
      try stage.startAgent("--poll-interval", "1s")
      let requests = try await stage.mock.waitForRequests(14) { $0.finished != nil }
      let pauses = zip(requests, requests.dropFirst()).map { $1.time - ($0.finished ?? $0.time) }
      #expect(pauses.allSatisfy { $0 < .seconds(3) }, "\(pauses)")
      // The pauses differ from each other (full jitter), and the agent does not poll at full speed.
      #expect(pauses.reduce(.zero, +) > .milliseconds(500), "\(pauses)")
      #expect(Set(pauses.map { Int($0 / .milliseconds(20)) }).count > 3, "\(pauses)")
    }
  }

  @Test func manyIdlePollsLeakNothing() async throws {
    try await withStage({ $0.idleHold = .zero }) { stage in
      let agent = try stage.startAgent("--poll-interval", "1ms")
      try await stage.mock.waitForRequests(100) { $0.finished != nil }
      let descriptors = agent.descriptors.count
      let memory = try agent.peakMemory
      try await stage.mock.waitForRequests(1000, timeout: .seconds(300)) { $0.finished != nil }
      #expect(agent.descriptors.count == descriptors)
      #expect(try agent.peakMemory - memory < 1 << 20)
    }
  }

  @Test func aServerThatComesBackIsFoundByAnAgentThatWaits() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      try await stage.mock.waitForRequests { $0.method == "GET" }
      await stage.stopServer()
      try await agent.waitForLog("the connection was refused")
      try await stage.restartServer()
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
      #expect(agent.log.contains("answers again, after"))
    }
  }
}
