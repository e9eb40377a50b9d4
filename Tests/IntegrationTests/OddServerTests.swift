import Foundation
import Testing

/// Answers that no proper server gives, and what must not follow from them: lost results, results sent twice, parts of files.
@Suite struct OddServerTests {
  private static let set = #"{"identifier":"n1","tasks":[{"cmd":"echo ran >> ran"}],"exit":7}"#
  private static let ignoringSIGCHLD =
    "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
  private static let nothing = ScriptedServer.Answer(bytes: "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}")

  private static func ok(_ body: String) -> ScriptedServer.Answer {
    .init(bytes: "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  @Test(
    "a status that says accepted is believed, whatever becomes of the rest of the answer",
    arguments: [
      "HTTP/1.1 201\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{}",
      "HTTP/1.1 201 Created\r\n\r\n{", "HTTP/1.1 204 No Content\r\n\r\n",
    ])
  func accepted(answer: String) async throws {
    try await withStage { stage in
      let server = try ScriptedServer { method, count in
        if method == "POST" { return .init(bytes: answer, closes: true) }
        return count == 0 ? Self.ok(Self.set) : Self.nothing
      }
      defer { server.stop() }
      let agent = try stage.startAgent(usual: stage.flags(server: "127.0.0.1:\(server.port)"))
      #expect(try await agent.wait() == .exited(7))
      #expect(server.methods == ["GET", "POST"])
    }
  }

  @Test(
    "an answer that neither accepts nor refuses has the report sent again",
    arguments: ["304 Not Modified", "302 Found", "500"])
  func neither(status: String) async throws {
    try await withStage { stage in
      let server = try ScriptedServer { method, count in
        if method == "POST" {
          return .init(bytes: "HTTP/1.1 \(count == 0 ? status : "201 Created")\r\nContent-Length: 0\r\n\r\n")
        }
        return count == 0 ? Self.ok(Self.set) : Self.nothing
      }
      defer { server.stop() }
      let agent = try stage.startAgent(usual: stage.flags(server: "127.0.0.1:\(server.port)"))
      #expect(try await agent.wait() == .exited(7))
      #expect(server.methods.count { $0 == "POST" } == 2)
      #expect(stage.text("work/ran") == "ran\n")
    }
  }

  @Test("a part of a file that was not asked for is not taken for the file")
  func uninvitedPart() async throws {
    try await withStage { stage in
      let server = try ScriptedServer { _, count in
        count < 2
          ? .init(bytes: "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-3/10\r\nContent-Length: 4\r\n\r\n0123")
          : Self.ok("0123456789")
      }
      defer { server.stop() }
      let agent = try stage.startAgent(
        usual: ["fetch", "http://127.0.0.1:\(server.port)/f", "-o", stage.path("f")])
      #expect(try await agent.wait() == .exited(0))
      #expect(stage.text("f") == "0123456789")
    }
  }

  @Test("a file that is continued in several parts is whole in the end")
  func parts() async throws {
    let digest = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"
    try await withStage { stage in
      let server = try ScriptedServer { _, count in
        let range = ["0-2", "3-5", "6-9"][min(count, 2)]
        let body = ["012", "345", "6789"][min(count, 2)]
        return count == 0
          ? .init(bytes: "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 10\r\n\r\n\(body)", closes: true)
          : .init(
            bytes: "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes \(range)/10\r\nETag: \"x\"\r\n"
              + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
      }
      defer { server.stop() }
      let agent = try stage.startAgent(
        usual: ["fetch", "http://127.0.0.1:\(server.port)/f", "-o", stage.path("f"), "--sha256", digest])
      #expect(try await agent.wait() == .exited(0))
      #expect(stage.text("f") == "0123456789")
    }
  }

  struct Splice: CustomTestStringConvertible {
    let testDescription: String
    /// The headers of the first answer, which is cut after 5 of 10 bytes, and of the one that continues it.
    let first: [String]
    let second: [String]
    var range = "bytes 5-9/10"
  }

  private static let splices = [
    Splice(testDescription: "another ETag", first: ["ETag: \"v1\""], second: ["ETag: \"v2\""]),
    Splice(testDescription: "no ETag any more", first: ["ETag: \"v1\""], second: []),
    Splice(
      testDescription: "another size", first: ["ETag: \"v1\""], second: ["ETag: \"v1\""], range: "bytes 5-9/12"),
    Splice(
      testDescription: "another time", first: ["Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT"],
      second: ["Last-Modified: Mon, 02 Nov 2026 11:00:00 GMT"]),
  ]

  @Test("a file is not put together of two versions by a server that ignores If-Range", arguments: splices)
  func twoVersions(splice: Splice) async throws {
    try await withStage { stage in
      let server = try HandServer { connection, number in
        while let request = connection.readRequest() {
          if number == 0 {
            connection.send(
              "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\(splice.first.map { $0 + "\r\n" }.joined())\r\n01234")
            return
          }
          if request.header("range") != nil {
            connection.answer(
              "206 Partial Content", "fghij", headers: ["Content-Range: \(splice.range)"] + splice.second)
          } else {
            connection.answer("200 OK", "abcdefghij", headers: splice.second)
          }
        }
      }
      defer { server.stop() }
      let agent = try stage.startAgent(usual: ["fetch", "http://\(server.address)/f", "-o", stage.path("f")])
      #expect(try await agent.wait() == .exited(0), "\(agent.log)")
      #expect(stage.text("f") == "abcdefghij")
      #expect(agent.log.contains("another version"), "\(agent.log)")
      #expect(server.requests.map { $0.header("range") } == [nil, "bytes=5-", nil])
    }
  }

  @Test("a length beside chunks is not counted (RFC 9112, 6.3)", arguments: [5, 500])
  func lengthBesideChunks(length: Int) async throws {
    try await withStage { stage in
      let server = try ScriptedServer { _, _ in
        .init(
          bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: \(length)\r\n\r\n"
            + "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n")
      }
      defer { server.stop() }
      let agent = try stage.startAgent(usual: ["fetch", "http://127.0.0.1:\(server.port)/f", "-o", stage.path("f")])
      #expect(try await agent.wait() == .exited(0), "\(agent.log)")
      #expect(stage.text("f") == "0123456789")
    }
  }

  @Test("limits beyond all numbers are limits all the same; the agent goes on")
  func enormousLimits() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"echo ran >> ran","timeout":9223372036854775807,"retries":9223372036854775807}]}"#)
      #expect(report.tasks.count == 1)
      #expect(stage.text("work/ran") == "ran\n")
    }
  }

  @Test("a child's end is noticed though whoever started the agent ignored SIGCHLD")
  func ignoredSIGCHLD() async throws {
    try await withStage { stage in
      try stage.startAgent(wrapper: ["/usr/bin/python3", "-c", Self.ignoringSIGCHLD])
      _ = try await stage.report(of: #"{"tasks":[{"cmd":"true"}]}"#)
    }
  }

  @Test("fetch does not put a file in the place of a device or a pipe")
  func notAFile() async throws {
    try await withStage { stage in
      #expect(mkfifo(stage.path("target"), 0o600) == 0)
      let agent = try stage.startAgent(usual: ["fetch", stage.mock.baseURL + "/x", "-o", stage.path("target")])
      #expect(try await agent.wait() == .exited(1))
      #expect(agent.log.contains("something else is there"))
    }
  }
}
