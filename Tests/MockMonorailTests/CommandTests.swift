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
      #expect(end.errors.contains("node n1 reports 1 task ("))

      let table = await Command.run(["report", directory + "/results/n1/0001.json"])
      #expect(table.status == 0)
      #expect(table.output.contains("echo hello  ok"))
      #expect(!table.output.contains("\u{1B}"))
    }
  }

  @Test func anImageIsServedInPieces() async throws {
    try await withDirectory { directory in
      let size = 1 << 30
      #expect(FileManager.default.createFile(atPath: directory + "/base.img", contents: nil))
      truncate(directory + "/base.img", size)
      let serve = try Command(["serve", "--port", "0", "--boot-dir", directory])
      let url = try #require(await serve.firstLine().split(separator: " ").last)
      let port = try #require(url.split(separator: ":").last.flatMap { Int($0) })
      // Clients that send a request and do not read the answer take no memory for the answer.
      let idle = try (0..<4).map { _ in try Client(port: port) }
      for client in idle { client.send(Array("GET /common/base.img HTTP/1.1\r\nHost: x\r\n\r\n".utf8)) }
      let curl = await Command.run(
        [
          "--noproxy", "*", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download} ", "\(url)/common/base.img",
          "--next",
          "--noproxy", "*", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", "-r", "536870912-",
          "\(url)/common/base.img",
        ], program: "/usr/bin/curl")
      #expect(curl.output == "200 \(size) 206 \(size / 2)", "\(curl.errors)")
      #expect(try serve.peakMemory() < 200 << 20)
      serve.send(SIGTERM)
      #expect(await serve.end().status == 0)
    }
  }

  @Test func serveBootsANodeAndKeepsItsSyslog() async throws {
    try await withDirectory { directory in
      for name in ["vmlinuz-1", "i", "base.x.1.squashfs.img", "a.gz", "b.gz"] {
        try name.write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
        let digest = String(repeating: "0", count: 64)
        try digest.write(toFile: "\(directory)/\(name).sha256", atomically: true, encoding: .utf8)
      }
      let serve = try Command(
        [
          "serve", "--port", "0", "--boot-dir", directory, "--initrd-file", "i", "--overlayfs-file", "a.gz,b.gz",
          "--kernel-args", "quiet", "--kernel-args", "monorail.debug", "--console", "ttyS1,9600", "--digests",
          "--syslog-port", "0", "--syslog-port-file", directory + "/port", "--results", directory + "/results",
          "--node", "52:54:00:12:34:56=n1",
        ])
      let url = String(try #require(await serve.firstLine().split(separator: " ").last))
      let text = try String(contentsOfFile: directory + "/port", encoding: .utf8)
      let port = try #require(Int(text.dropLast()))
      #expect(await serve.firstLine() == "monorail-mock takes syslog at UDP 127.0.0.1:\(port)")
      let curl = await Command.run(
        ["--noproxy", "*", "-sS", "\(url)/api/current/profiles?macs=52:54:00:12:34:56"], program: "/usr/bin/curl")
      let (common, zeros) = (url + "/common/", String(repeating: "0", count: 64))
      let arguments = """
        SYSLOGSERVER=127.0.0.1:\(port) API_CB=\(url.dropFirst("http://".count)) BASEFS=\(common)base.x.1.squashfs.img \
        OVERLAYFS=\(common)a.gz,\(common)b.gz BASEFS_SHA256=\(zeros) OVERLAYFS_SHA256=\(zeros),\(zeros) \
        BOOTIF=01-52:54:00:12:34:56 console=tty0 console=ttyS1,9600 boot=monorail quiet monorail.debug
        """
      #expect(curl.output.contains("kernel \(common)vmlinuz-1 initrd=i \(arguments) || goto failed\n"))
      try Sender(to: port).send("<30>Feb  1 09:30:00 node-525400123456 kernel: hello")
      // The line is in its file before the next one is in the state.
      try Sender(to: port).send("end")
      var lines = ""
      while !lines.contains("end") {
        lines = await Command.run(["-sS", "\(url)/mock/nodes/n1/syslog"], program: "/usr/bin/curl").output
      }
      let file = try String(contentsOfFile: directory + "/results/n1/syslog.log", encoding: .utf8)
      #expect(file.hasPrefix(String(lines.prefix { $0 != "\n" })))
      #expect(lines.contains(" info node-525400123456 kernel: hello\n"))
      serve.send(SIGTERM)
      let end = await serve.end()
      #expect(end.status == 0)
      #expect(end.errors.contains("node n1 boots vmlinuz-1, i, base.x.1.squashfs.img, a.gz, b.gz"))
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
      (["serve", "--boot-dir", "/nowhere"], 64, "there is no directory /nowhere"),
      (["serve", "--digests"], 64, "--digests needs --boot-dir"),
      (["serve", "--image-server", "10.1.0.1:8080"], 64, "--image-server 10.1.0.1:8080 is no URL"),
      (["serve", "--grub-dir", "/tmp"], 64, "--grub-dir needs --boot-dir"),
      (["serve", "--grub-dir", "/tmp", "--boot-dir", "/tmp"], 64, "--grub-dir needs --advertise-server"),
      (["serve", "--kernel-file", "k"], 64, "--kernel-file needs --boot-dir"),
      (["serve", "--syslog-port", "65536"], 64, "--syslog-port 65536 is not a port"),
      (["serve", "--syslog-port-file", "x"], 64, "--syslog-port-file needs --syslog-port"),
      (
        ["serve", "--port", "0", "--tls-key", "/nowhere", "--tls-certificate", "/nowhere"], 1,
        "cannot use the certificate"
      ),
      (["serve", "--idle-timeout", "0"], 64, "--idle-timeout is 1 to 86400 seconds"),
      (["serve", "--faults", "/nowhere.json"], 64, "as a list of faults: No such file or directory"),
      (["report", "/nowhere.json"], 64, "cannot use /nowhere.json as a report: No such file or directory"),
      (["report", "/etc/hostname"], 64, "serve --results"),
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

  @Test func aSyslogPortInUse() async throws {
    try await withMock({ $0.syslogPort = 0 }) { mock in
      let port = try #require(mock.syslogPort)
      let end = await Command.run(["serve", "--port", "0", "--syslog-port", String(port)])
      #expect(end.status == 1)
      #expect(end.errors.contains("cannot listen for syslog at UDP 127.0.0.1:\(port): something listens there already"))
    }
  }

  @Test func https() async throws {
    try await withHTTPSMock { https in
      https.mock.inject(.truncate, "GET", "*/library")
      let answer = await https.request("/api/current/tasks/bootstrap.js?macAddress=00:1e:67:98:bc:7e")
      #expect(answer.output.contains("server = '127.0.0.1', port = '\(https.mock.port)'"))
      // CURLE_PARTIAL_FILE, or the missing close_notify
      #expect([18, 56].contains(await https.request("/api/current/templates/library").status))
    }
  }
}
