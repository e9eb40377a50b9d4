import Foundation
import JSONDocument
import MockMonorail
import Testing

private let api = "/api/current"

/// What a client can send must not end the server, fill its memory or lock other clients out. On the real program.
@Suite struct LimitTests {
  /// Runs a test against a program of its own, and ends it.
  private func withServer(
    _ arguments: [String] = [], descriptors: Int? = nil, _ body: (Command, Int) async throws -> Void
  ) async throws {
    let serve = ["serve", "--port", "0"] + arguments
    let command =
      if let descriptors {
        try Command(
          ["--nofile=\(descriptors):\(descriptors)", Command.mockProgram] + serve, program: "/usr/bin/prlimit")
      } else {
        try Command(serve)
      }
    let port = try #require(await command.firstLine().split(separator: ":").last.flatMap { Int($0) })
    do {
      try await body(command, port)
    } catch {
      command.send(SIGKILL)
      throw error
    }
    command.send(SIGTERM)
    #expect(await command.end().status == 0)
  }

  @Test func faultsOutOfRangeAreRefused() async throws {
    try await withServer { _, port in
      let extremes = ["-1", "-9223372036854775808", "9223372036854775807"]
      var faults = extremes.flatMap { value in
        ["delay", "drip", "status", "huge", "deep"].map { #"{"kind": "\#($0)", "value": \#(value)}"# }
      }
      faults += (extremes + ["1000", "99", "199"]).map { #"{"kind": "answer", "status": \#($0), "body": ""}"# }
      faults += [
        #"{"kind": "deep", "value": 1.5}"#, #"{"kind": "huge", "value": "many"}"#, #"{"kind": "drop", "times": 0}"#,
        #"{"kind": "drop", "times": "x"}"#, #"{"kind": "answer", "status": "x", "body": ""}"#,
      ]
      for fault in faults {
        let answer = await (try Client(port: port)).exchange("POST", "/mock/faults", body: Array(fault.utf8))
        #expect(answer?.status == 400, "\(fault): \(String(describing: answer))")
        #expect(answer?.text.contains("not a fault") == true, "\(fault)")
      }
      #expect(await (try Client(port: port)).exchange("GET", "/mock/faults")?.text == "[]\n")
      #expect(await (try Client(port: port)).exchange("GET", api + "/nodes")?.status == 200)
    }
  }

  @Test func theLargestFaultsAreServed() async throws {
    try await withServer { _, port in
      for fault in [
        #"{"kind": "huge", "value": 1000000000000, "times": 1}"#, #"{"kind": "deep", "value": 10000000, "times": 1}"#,
      ] {
        let client = try Client(port: port)
        #expect(await client.exchange("POST", "/mock/faults", body: Array(fault.utf8))?.status == 201)
        client.send(Array("GET /x HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        #expect(await client.receivesSomething())
      }
    }
  }

  @Test func idleConnectionsDoNotLockOthersOut() async throws {
    try await withServer(descriptors: 100) { command, port in
      let idle = try (0..<150).map { _ in try Client(port: port) }
      let answer = await (try Client(port: port)).exchange("GET", api + "/nodes")
      #expect(answer?.status == 200)
      let before = try command.processorTicks()
      // This is no wait for a condition: the processor time that the server uses meanwhile is what is tested.
      try await Task.sleep(for: .seconds(2))
      #expect(try command.processorTicks() - before < 100, "it spins")
      #expect(idle.count == 150)
    }
  }

  @Test func busyConnectionsAreLeftInPeaceAndOthersWait() async throws {
    try await withServer(["--fault", "/hang hang"], descriptors: 100) { command, port in
      let busy = try (0..<150).map { _ in try Client(port: port) }
      for client in busy { client.send(Array("GET /hang HTTP/1.1\r\nHost: x\r\n\r\n".utf8)) }
      let before = try command.processorTicks()
      try await Task.sleep(for: .seconds(2))
      #expect(try command.processorTicks() - before < 100, "it spins")
      for client in busy { client.finishSending() }
      #expect(await (try Client(port: port)).exchange("GET", api + "/nodes")?.status == 200)
    }
  }

  @Test func idleConnectionsAreClosedAfterATime() async throws {
    try await withServer(["--idle-timeout", "1"]) { _, port in
      #expect(await (try Client(port: port)).isClosed())
      let used = try Client(port: port)
      #expect(await used.exchange("GET", api + "/nodes")?.status == 200)
      #expect(await used.isClosed())
      let unfinished = try Client(port: port)
      unfinished.send(Array("GET /x HTTP/1.1\r\nHo".utf8))
      #expect(await unfinished.isClosed())
    }
  }

  @Test func theJournalIsBoundedInBytes() async throws {
    try await withMock { mock in
      let client = try Client(port: mock.port)
      let headers = ["X-Long": String(repeating: "x", count: 60_000)]
      for _ in 0..<1300 { #expect(await client.exchange("GET", "/nothing", headers: headers)?.status == 404) }
      let kept = mock.requests
      let bytes = kept.reduce(0) { $0 + $1.headers.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } }
      #expect(bytes <= 64 << 20)
      #expect(kept.count > 500 && kept.last?.number == 1300)
    }
  }

  @Test func aReportOfTooManyValuesIsRefused() async throws {
    try await withServer { command, port in
      for element in ["{}", #"{"cmd":""}"#, "1", #""""#, "[]"] {
        let text = #"{"tasks":["# + Array(repeating: element, count: 400_000).joined(separator: ",") + "]}"
        for path in ["/tasks/n1", "/nodes/n1/workflows"] {
          let answer = await (try Client(port: port)).exchange("POST", api + path, body: Array(text.utf8))
          #expect(answer?.status == 413, "\(element)")
          #expect(answer?.text.contains("300000 JSON values") == true)
        }
      }
      #expect(try command.peakMemory() < 200 << 20)
      // Brackets and commas within text are no values.
      let output = String(repeating: #"[{,:\","#, count: 400_000)
      let report = #"{"tasks":[{"cmd":"x","error":null,"stdout":""# + output + #""}]}"#
      let answer = await (try Client(port: port)).exchange("POST", api + "/tasks/n1", body: Array(report.utf8))
      #expect(answer?.status == 201)
    }
  }

  @Test func controlCharactersOfATaskStayOutOfTheLog() async throws {
    let command = try Command(["serve", "--port", "0", "--exit-after-reports", "1"])
    let port = try #require(await command.firstLine().split(separator: ":").last.flatMap { Int($0) })
    let report = #"{"tasks":[{"cmd":"\u001b[2Jx\nforged\u009b31m\u2028y","stdout":"","error":{"code":1}}]}"#
    let answer = await (try Client(port: port)).exchange("POST", api + "/tasks/n1%1Bx", body: Array(report.utf8))
    #expect(answer?.status == 201 || answer?.status == 404)
    #expect(await (try Client(port: port)).exchange("POST", api + "/tasks/n1", body: Array(report.utf8)) != nil)
    let log = await command.end().errors
    #expect(log.contains("#033[2Jx#012forged#23331m"))
    #expect(!log.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{9B}" || $0 == "\u{2028}" })
    #expect(!log.split(separator: "\n").contains { $0.hasPrefix("forged") })
  }

  @Test func aKilledServersDirectoryIsRemovedByTheNext() async throws {
    try await withDirectory { directory in
      func start() async throws -> Command {
        let command = try Command(
          ["TMPDIR=" + directory, Command.mockProgram, "serve", "--port", "0"], program: "/usr/bin/env")
        #expect(await command.firstLine().contains("listens at"))
        return command
      }
      func names() throws -> Set<String> { Set(try FileManager.default.contentsOfDirectory(atPath: directory)) }
      let killed = try await start()
      let left = try names()
      #expect(left.count == 1)
      killed.send(SIGKILL)
      _ = await killed.end()
      let second = try await start()
      let ofSecond = try names()
      #expect(ofSecond.count == 1 && ofSecond != left)
      // A server that still runs keeps its directory.
      let third = try await start()
      #expect(try names().isSuperset(of: ofSecond) && names().count == 2)
      for command in [second, third] {
        command.send(SIGTERM)
        #expect(await command.end().status == 0)
      }
      #expect(try names().isEmpty)
    }
  }
}
