import Foundation
import MockMonorail
import Testing

private func agentLine(_ text: String, host: String = "debian") -> String {
  "<29>Feb  1 09:30:00 \(host) monorail-agent: \(text)"
}

@Suite struct SyslogTests {
  @Test(
    arguments: [
      ("<30>Feb  1 09:30:00 debian monorail-agent: hello", 30, "debian", "monorail-agent", "hello"),
      ("<0>Dec 31 23:59:59 n1.example kernel: a: b", 0, "n1.example", "kernel", "a: b"),
      ("<191>Feb 11 09:30:00 h systemd[1]: x\n", 191, "h", "systemd[1]", "x"),
      ("<13>Feb  1 09:30:00 h no tag here", 13, "h", nil, "no tag here"),
      ("<13>Feb  1 09:30:00 h", 13, "h", nil, ""), ("<13>Feb  1 09:30:00  x", 13, nil, nil, " x"),
      ("<13>kernel: x", 13, nil, nil, "kernel: x"),
      ("<13>1 2026-02-01T09:30:00Z h app - - - x", 13, nil, nil, "1 2026-02-01T09:30:00Z h app - - - x"),
      ("<192>x", nil, nil, nil, "<192>x"), ("<>x", nil, nil, nil, "<>x"), ("<1234>x", nil, nil, nil, "<1234>x"),
      ("<1", nil, nil, nil, "<1"), ("<-1>x", nil, nil, nil, "<-1>x"), ("<", nil, nil, nil, "<"),
      ("", nil, nil, nil, ""),
      ("a\u{1B}[2J\nb\0", nil, nil, nil, "a#033[2J#012b"), ("a\u{9B}2J\u{2028}b", nil, nil, nil, "a#2332J#20050b"),
      ("tab\tstays", nil, nil, nil, "tab\tstays"),
    ] as [(String, Int?, String?, String?, String)])
  func lines(datagram: String, priority: Int?, host: String?, tag: String?, text: String) async throws {
    try await withMock({ $0.syslogPort = 0 }) { mock in
      mock.addNode(id: "n1")
      _ = try await mock.request("GET", "/api/current/tasks/n1")
      try Sender(to: mock.syslogPort).send(datagram)
      let line = try await mock.waitForSyslog(from: "n1") { _ in true }
      #expect(line.priority == priority)
      #expect(line.host == host)
      #expect(line.tag == tag)
      #expect(line.text == text)
      #expect(line.source == "127.0.0.1")
    }
  }

  @Test func whatIsNotTextOrTooLongIsCutDown() async throws {
    try await withMock({ $0.syslogPort = 0 }) { mock in
      let sender = try Sender(to: mock.syslogPort)
      var random = SystemRandomNumberGenerator()
      for length in [1, 2, 100, 2048, 2049, 20_000, 65_000] {
        sender.send((0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
      }
      sender.send([0xFF, 0xFE])
      sender.send("<13>" + String(repeating: "x", count: 60_000))
      sender.send("last")
      try await mock.waitForSyslog(from: nil) { $0.text == "last" }
      let lines = mock.state.syslog(from: nil)
      #expect(lines.count == 10)
      #expect(lines[7].text == "\u{FFFD}\u{FFFD}")
      #expect(lines[8].text == String(repeating: "x", count: 2044))
      #expect(lines.allSatisfy { !$0.description.contains("\n") })
    }
  }

  // All machines of QEMU's user network come from 127.0.0.1.
  @Test(arguments: [
    "n1", "525400123456", "node-525400123456", "52-54-00-12-34-56", "node-52:54:00:12:34:56", "525400000002",
    "x525400123456.lab",
  ])
  func theHostNameTellsTheNode(host: String) async throws {
    try await withMock({ $0.syslogPort = 0 }) { mock in
      mock.addNode(mac: "52:54:00:99:99:99", id: "n0")
      mock.addNode(mac: "52:54:00:12:34:56", id: "n1")
      for id in ["n0", "n1"] { _ = try await mock.request("GET", "/api/current/tasks/\(id)") }
      _ = try await mock.request("GET", "/api/current/profiles?macs=52:54:00:12:34:56&macs=52:54:00:00:00:02")
      try Sender(to: mock.syslogPort).send(agentLine("hello", host: host))
      #expect(try await mock.waitForSyslog(from: "n1") { _ in true }.nodeID == "n1")
    }
  }

  @Test func theAgentTellsTheNodeInAStructuredPart() async throws {
    try await withMock({ $0.syslogPort = 0 }) { mock in
      mock.addNode(mac: "52:54:00:12:34:56", id: "n1")
      for id in ["n1", "n2", #"a"b\c]d"#] {
        mock.addNode(id: id)
        let path = try #require(id.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
        _ = try await mock.request("GET", "/api/current/tasks/\(path)")
      }
      let sender = try Sender(to: mock.syslogPort)
      // Lines of syslog, each with the node that it must be stored for and the text without the structured element.
      let rows: [(line: String, node: String?, text: String)] = [
        ("too early", nil, "too early"),
        (#"[monorail node="n1"] one"#, "n1", "one"), (#"[monorail mac="52:54:00:12:34:56"] two"#, "n1", "two"),
        (#"[monorail node="n2" mac="52:54:00:12:34:56"] three"#, "n2", "three"),
        (#"[monorail mac="52-54-00-12-34-56" node="unknown"] four"#, "n1", "four"),
        (#"[monorail node="a\"b\\c\]d"] five"#, #"a"b\c]d"#, "five"), (#"[monorail node="n2"]"#, "n2", ""),
        (#"[monorail future="x" node="n2"] six"#, "n2", "six"), ("[monorail] seven", nil, "seven"),
        (#"[monorail node="n2"]eight"#, "n2", "eight"),
        // A text that only looks like a structured element stays in the message.
        (#"[monorail node="n1] nine"#, nil, #"[monorail node="n1] nine"#),
        (#"[monorail node=n1] ten"#, nil, #"[monorail node=n1] ten"#),
        (#"[monorails node="n1"] eleven"#, nil, #"[monorails node="n1"] eleven"#),
        (#"it said [monorail node="n1"] x"#, nil, #"it said [monorail node="n1"] x"#),
        ("this node is n1 at http://10.0.2.2:9080", nil, "this node is n1 at http://10.0.2.2:9080"),
        (#"[monorail node="n1" mac="52:54:00:12:34:56"] [monorail node="n2"] x"#, "n1", #"[monorail node="n2"] x"#),
      ]
      for row in rows {
        sender.send(agentLine(row.line))
        let line = try await mock.waitForSyslog(from: row.node) { $0.text == row.text }
        #expect(line.tag == "monorail-agent" && line.host == "debian")
      }
      // The element counts only in the agent's lines, not in those of other programs.
      sender.send("<13>Feb  1 09:30:00 debian sh: [monorail node=\"n1\"] not the agent")
      try await mock.waitForSyslog(from: nil) { $0.text == "[monorail node=\"n1\"] not the agent" }
      #expect(mock.state.syslog(from: "n1").map(\.text) == ["one", "two", "four", #"[monorail node="n2"] x"#])
    }
  }

  @Test func linesAreServedAndWrittenBesideTheResults() async throws {
    try await withDirectory { directory in
      try await withMock({
        $0.syslogPort = 0
        $0.resultsDirectory = directory + "/results"
      }) { mock in
        mock.addNode(id: "n1")
        let sender = try Sender(to: mock.syslogPort)
        sender.send("of nobody")
        sender.send(agentLine("this is it", host: "n1"))
        try await mock.waitForSyslog(from: "n1") { _ in true }
        let answer = try await mock.request("GET", "/mock/nodes/n1/syslog")
        #expect(answer.headers["content-type"] == "text/plain; charset=utf-8")
        #expect(answer.text.hasSuffix(" notice n1 monorail-agent: this is it\n"))
        #expect(try await mock.request("GET", "/mock/syslog").text.hasSuffix(" - 127.0.0.1 of nobody\n"))
        #expect(try await mock.request("GET", "/mock/nodes/n2/syslog").status == 404)
        #expect(try await mock.request("GET", "/").text.contains(#"<a href="/mock/nodes/n1/syslog">1</a>"#))
        // Lines are written one after the other: the third in the state says that the second is in its file.
        sender.send("end")
        try await mock.waitForSyslog(from: nil) { $0.text == "end" }
        #expect(try String(contentsOfFile: directory + "/results/n1/syslog.log", encoding: .utf8) == answer.text)
      }
    }
  }

  @Test func aFloodIsBounded() async throws {
    try await withDirectory { directory in
      var configuration = MockConfiguration()
      configuration.syslogPort = 0
      configuration.resultsDirectory = directory
      configuration.maximumSyslogBytes = 10_000
      let mock = try await MockMonorail.start(configuration, state: MonorailState(retainedSyslogLines: 100))
      mock.addNode(id: "n1")
      let sender = try Sender(to: mock.syslogPort)
      // Sent in portions, since the kernel drops datagrams when the receive buffer is full.
      for portion in 1...10 {
        for number in 1...50 {
          sender.send(agentLine("\(portion) \(number) " + String(repeating: "x", count: 100), host: "n1"))
        }
        try await mock.waitForSyslog(from: "n1") { $0.text.hasPrefix("\(portion) 50 ") }
      }
      let lines = mock.state.syslog(from: "n1")
      #expect((100...125).contains(lines.count))
      #expect(lines.last?.text.hasPrefix("10 50 ") == true)
      sender.send("end")
      try await mock.waitForSyslog(from: nil) { $0.text == "end" }
      await mock.stop()
      let files = try FileManager.default.contentsOfDirectory(atPath: directory + "/n1").sorted()
      #expect(files == ["syslog.log", "syslog.log.1"])
      for file in files {
        let text = try String(contentsOfFile: directory + "/n1/" + file, encoding: .utf8)
        #expect((1...10_000).contains(text.utf8.count))
        #expect(text.hasSuffix("x\n"))
      }
    }
  }

  @Test func theProfileNamesTheListener() async throws {
    try await withDirectory { directory in
      for name in ["vmlinuz-1", "initrd.img-1", "base.x.1.squashfs.img", "discovery.overlay.cpio.gz"] {
        try "x".write(toFile: directory + "/" + name, atomically: true, encoding: .utf8)
      }
      try await withMock({
        $0.syslogPort = 0
        $0.bootDirectory = directory
      }) { mock in
        let port = try #require(mock.syslogPort)
        let script = try await mock.request("GET", "/api/current/profiles?macs=52:54:00:12:34:56").text
        #expect(script.contains(" initrd=initrd.img-1 SYSLOGSERVER=mock.example:\(port) API_CB=mock.example:9080 "))
      }
    }
  }

  @Test func waitingSaysWhatCameInstead() async throws {
    try await withMock({ $0.syslogPort = 0 }) { mock in
      mock.addNode(id: "n1")
      try Sender(to: mock.syslogPort).send(agentLine("something else", host: "n1"))
      try await mock.waitForSyslog(from: "n1") { _ in true }
      let error = await #expect(throws: WaitTimeout.self) {
        try await mock.waitForSyslog(from: "n1", timeout: .zero) { $0.text == "this" }
      }
      #expect(error?.description.contains("something else") == true)
    }
  }

  @Test func aServerThatComesBackListensAgain() async throws {
    var configuration = MockConfiguration()
    // An address of its own: while the port is free, no other test can get it there.
    configuration.host = "127.0.0.77"
    configuration.syslogPort = 0
    let first = try await MockMonorail.start(configuration)
    configuration.syslogPort = first.syslogPort
    await #expect(throws: MockMonorail.StartError.self) { try await MockMonorail.start(configuration) }
    await first.finish()
    let second = try await MockMonorail.start(configuration, state: first.state)
    try Sender(to: second.syslogPort, host: 77).send("again")
    try await second.waitForSyslog(from: nil) { $0.text == "again" }
    await second.stop()
  }
}
