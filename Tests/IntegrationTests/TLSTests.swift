import Foundation
import JSONDocument
import MockMonorail
import Testing

/// HTTPS, against authorities of the test's own.
@Suite(.timeLimit(.minutes(30))) struct TLSTests {
  /// Makes `<name>.pem` (an authority), and a server certificate that it has signed, in `server.pem` and `server.key`.
  private static func makeCertificates(_ directory: String, days: Int = 2) async throws {
    for name in ["authority", "stranger"] {
      try await run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=\(name)", "-keyout", "\(directory)/\(name).key", "-out", "\(directory)/\(name).pem",
        in: directory)
    }
    try await run(
      "openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=server",
      "-keyout", "\(directory)/server.key", "-out", "\(directory)/server.csr", in: directory)
    try "subjectAltName=IP:127.0.0.1\n".write(toFile: directory + "/names", atomically: false, encoding: .utf8)
    try await run(
      "openssl", "x509", "-req", "-in", "\(directory)/server.csr", "-CA", "\(directory)/authority.pem", "-CAkey",
      "\(directory)/authority.key", "-CAcreateserial", "-days", "\(days)", "-extfile", "\(directory)/names", "-out",
      "\(directory)/server.pem", in: directory)
  }

  private func withTLS(days: Int = 2, _ body: (Stage) async throws -> Void) async throws {
    try await withStage(
      prepare: { try await Self.makeCertificates($0, days: days) },
      { configuration, directory in
        configuration.certificateFile = directory + "/server.pem"
        configuration.privateKeyFile = directory + "/server.key"
      }, body)
  }

  @Test func theRightAuthority() async throws {
    try await withTLS { stage in
      #expect(stage.mock.baseURL.hasPrefix("https://"))
      try DownloadTests.script.write(
        toFile: stage.mock.filesDirectory + "/tool.sh", atomically: false, encoding: .utf8)
      stage.mock.addNode(mac: "00:1e:67:98:bc:7e", id: Stage.node)
      try stage.startAgent(
        "--ca", stage.path("authority.pem"), "--mac", "00:1e:67:98:bc:7e", usual: stage.flags(node: nil))
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"./tool.sh safely","downloadUrl":"/api/current/files/tool.sh"}]}"#)
      #expect(report.stdout() == "script says safely\n")
      #expect(Set(stage.mock.requests.map(\.connection)).count == 1)
    }
  }

  @Test func theWrongAuthorityGetsNothing() async throws {
    try await withTLS { stage in
      try stage.push(commands: ["echo never"])
      let agent = try stage.startAgent("--ca", stage.path("stranger.pem"))
      try await agent.waitForLog("the server's certificate was not accepted")
      #expect(agent.log.contains("give its authority with --ca or monorail.ca="))
      #expect(stage.mock.requests.isEmpty)
      #expect(!agent.hasEnded)
    }
  }

  @Test func aDownloadFromTheWrongAuthorityIsNotRun() async throws {
    try await withTLS { secure in
      try await withStage(load: .none) { stage in
        try stage.startAgent("--ca", secure.path("stranger.pem"))
        let url = secure.mock.baseURL + "/api/current/files/tool.sh"
        let report = try await stage.report(of: #"{"tasks":[{"cmd":"touch ran","downloadUrl":"\#(url)"}]}"#)
        #expect(report.code() == "ECERT")
        #expect(try FileManager.default.contentsOfDirectory(atPath: stage.workDirectory) == [])
      }
    }
  }

  @Test(arguments: [true, false])
  func aRedirectThatLeavesHTTPSIsRefused(beginsInTheClear: Bool) async throws {
    try await withStage(prepare: { try await Self.makeCertificates($0) }, { _, _ in }) { stage in
      let plain = try HandServer { connection, _ in
        while connection.readRequest() != nil { connection.answer("200 OK", "from nobody knows whom") }
      }
      defer { plain.stop() }
      // `s_server -HTTP` sends files that hold whole answers.
      try stage.write(
        "HTTP/1.0 302 Found\r\nLocation: http://\(plain.address)/tool\r\nContent-Length: 0\r\n\r\n", to: "hop")
      let secure = try stage.startAgent(
        usual: [
          "-c",
          "cd \(stage.directory) && exec openssl s_server -HTTP -accept 127.0.0.1:0 -cert server.pem -key server.key",
        ], program: "/bin/sh")
      let port = try await eventually("the port of s_server") {
        secure.output.firstMatch(of: /ACCEPT [^\n]*:([0-9]+)\n/).map { String($0.1) }
      }
      let first = try HandServer { connection, _ in
        while connection.readRequest() != nil {
          connection.answer("302 Found", "", headers: ["Location: https://127.0.0.1:\(port)/hop"])
        }
      }
      defer { first.stop() }
      let url = beginsInTheClear ? "http://\(first.address)/tool" : "https://127.0.0.1:\(port)/hop"
      let agent = try stage.startAgent(
        usual: ["fetch", url, "-o", stage.path("out"), "--ca", stage.path("authority.pem")])
      #expect(try await agent.wait() == .exited(1), "\(agent.log)")
      #expect(agent.log.contains("from https to http"), "\(agent.log)")
      #expect(plain.requests.isEmpty)
      #expect(first.requests.count == (beginsInTheClear ? 1 : 0))
      #expect(!FileManager.default.fileExists(atPath: stage.path("out")))
    }
  }

  @Test func theKeysOfAConnectionAreNotWrittenToAFile() async throws {
    try await withTLS { stage in
      let agent = try stage.startAgent(
        "--ca", stage.path("authority.pem"), environment: ["SSLKEYLOGFILE": stage.path("keys")])
      // Commands still get the variable.
      let report = try await stage.report(of: #"{"tasks":[{"cmd":"echo $SSLKEYLOGFILE"}]}"#)
      #expect(report.stdout() == stage.path("keys") + "\n")
      #expect(!FileManager.default.fileExists(atPath: stage.path("keys")))
      #expect(!agent.hasEnded)
    }
  }

  @Test func aCertificateOutOfItsTimeMentionsTheClock() async throws {
    try await withTLS(days: -1) { stage in
      let agent = try stage.startAgent("--ca", stage.path("authority.pem"))
      try await agent.waitForLog("is the clock right?")
      #expect(agent.log.contains("not valid at this node's time"))
    }
  }
}
