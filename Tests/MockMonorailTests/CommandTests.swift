import Foundation
import MockMonorail
import Testing

/// The real program, and HTTPS with a real client.
@Suite struct CommandTests {
  @Test func serveHandsOutWorkStoresReportsAndEndsByItself() async throws {
    try await withDirectory { directory in
      let taskSet = #"{"tasks":[{"cmd":"echo hello"}]}"#
      try taskSet.write(toFile: directory + "/t.json", atomically: true, encoding: .utf8)
      let serve = try Command(
        [
          "serve", "--port", "0", "--port-file", directory + "/port", "--task-set", directory + "/t.json", "--results",
          directory + "/results", "--node", "00:1e:67:98:bc:7e=n1", "--known-only", "--exit-after-reports", "1",
          "--fault", "GET /api/*/files/* status=500 x1",
        ])
      #expect(await serve.firstLine().hasPrefix("monorail-mock listens at http://127.0.0.1:"))
      let text = try String(contentsOfFile: directory + "/port", encoding: .utf8)
      let client = try Client(port: try #require(Int(text.dropLast())))
      let api = "/api/current"
      let address = "\(api)/tasks/bootstrap.js?macAddress="
      #expect(await client.exchange("GET", address + "00:1e:67:98:bc:7f")?.status == 404)
      #expect(await client.exchange("GET", address + "00:1e:67:98:bc:7e")?.text.contains("\(api)/tasks/n1") == true)
      #expect(await client.exchange("GET", api + "/files/x")?.status == 500)
      #expect(await client.exchange("GET", api + "/files/x")?.status == 404)
      let handed = await client.exchange("GET", api + "/tasks/n1")
      #expect(handed?.text == #"{"identifier":"n1","tasks":[{"cmd":"echo hello"}]}"#)
      let report = #"{"identifier":"n1","tasks":[{"cmd":"echo hello","stdout":"hello\n","stderr":"","error":null}]}"#
      #expect(await client.exchange("POST", api + "/tasks/n1", body: Array(report.utf8))?.status == 201)
      let end = await serve.end()
      #expect(end.status == 0)
      #expect(end.errors.contains("node n1 reports 1 tasks"))

      let table = await Command.run(["report", directory + "/results/n1/0001.json"])
      #expect(table.status == 0)
      #expect(table.output.contains("echo hello  ok"))
      #expect(!table.output.contains("\u{1B}"))
    }
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func serveEndsCleanlyOnASignal(signal: Int32) async throws {
    let serve = try Command(["serve", "--port", "0"])
    _ = await serve.firstLine()
    serve.send(signal)
    #expect(await serve.end().status == 0)
  }

  @Test(
    arguments: [
      (["serve", "--fault", "x"], 64, "not a fault"), (["serve", "--node", "x"], 64, "expected a MAC address"),
      (["serve", "--task-set", "/nowhere.json"], 64, "cannot use /nowhere.json as a task set"),
      (["serve", "--static", "/nowhere"], 64, "there is no directory /nowhere"),
      (["serve", "--tls-key", "x"], 64, "belong together"),
      (
        ["serve", "--port", "0", "--tls-key", "/nowhere", "--tls-certificate", "/nowhere"], 1,
        "cannot use the certificate"
      ),
      (["report", "/nowhere.json"], 64, "cannot use /nowhere.json as a report"),
    ] as [([String], Int32, String)])
  func mistakesAreNamed(arguments: [String], status: Int32, words: String) async {
    let end = await Command.run(arguments)
    #expect(end.status == status)
    #expect(end.errors.contains(words), "\(end.errors)")
  }

  @Test func aPortInUse() async throws {
    try await withMock { mock in
      let end = await Command.run(["serve", "--port", String(mock.port)])
      #expect(end.status == 1)
      #expect(end.errors.contains("cannot listen at 127.0.0.1:\(mock.port): something listens there already"))
    }
  }

  @Test func https() async throws {
    try await withDirectory { directory in
      let (key, certificate) = (directory + "/key.pem", directory + "/certificate.pem")
      let made = await Command.run(
        [
          "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
          "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
        ], program: "/usr/bin/openssl")
      try #require(made.status == 0, "\(made.errors)")
      try await withMock({
        $0.certificateFile = certificate
        $0.privateKeyFile = key
      }) { mock in
        mock.inject(.truncate, "GET", "*/library")
        let get = { (target: String) in
          await Command.run(["-sS", "--cacert", certificate, mock.baseURL + target], program: "/usr/bin/curl")
        }
        let answer = await get("/api/current/tasks/bootstrap.js?macAddress=00:1e:67:98:bc:7e")
        #expect(answer.output.contains("server = '127.0.0.1', port = '\(mock.port)'"))
        // CURLE_PARTIAL_FILE, or the missing close_notify
        #expect([18, 56].contains(await get("/api/current/templates/library").status))
      }
    }
  }
}
