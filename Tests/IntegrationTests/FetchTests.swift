import Digests
import Foundation
import JSONDocument
import MockMonorail
import Testing

/// `monorail-agent fetch` and `monorail-agent config`.
@Suite(.timeLimit(.minutes(30))) struct FetchTests {
  private static let text = String(repeating: "firmware block\n", count: 40_000)
  private static let path = "/api/current/files/image.bin"

  private func fetch(_ stage: Stage, _ more: [String] = [], to name: String = "out") throws -> AgentProcess {
    try Self.text.write(toFile: stage.mock.filesDirectory + "/image.bin", atomically: false, encoding: .utf8)
    return try stage.startAgent(
      usual: ["fetch", stage.mock.baseURL + Self.path, "-o", stage.path(name)] + more)
  }

  @Test func aFileArrives() async throws {
    try await withStage { stage in
      let agent = try fetch(stage, ["--sha256", DownloadTests.sha256(Self.text)])
      #expect(try await agent.wait() == .exited(0))
      #expect(stage.text("out") == Self.text)
      #expect(agent.log == "", "no progress where there is no terminal")
      #expect(!FileManager.default.fileExists(atPath: stage.path("out.part")))
    }
  }

  @Test func theWrongDigestLeavesNoFile() async throws {
    try await withStage { stage in
      let agent = try fetch(stage, ["--sha256", DownloadTests.sha256("other")])
      #expect(try await agent.wait() == .exited(1))
      #expect(agent.log.contains("the SHA-256 is \(DownloadTests.sha256(Self.text)), but it should be"))
      #expect(!FileManager.default.fileExists(atPath: stage.path("out")))
      #expect(!FileManager.default.fileExists(atPath: stage.path("out.part")))
    }
  }

  @Test func whatIsThereStaysAfterAFailure() async throws {
    try await withStage { stage in
      try stage.write("the old one", to: "out")
      let wrong = try fetch(stage, ["--sha256", DownloadTests.sha256("other")])
      #expect(try await wrong.wait() == .exited(1))
      #expect(stage.text("out") == "the old one")
      let missing = try stage.startAgent(
        usual: ["fetch", stage.mock.baseURL + "/api/current/files/none", "-o", stage.path("out")])
      #expect(try await missing.wait() == .exited(1))
      #expect(missing.log.contains("/api/current/files/none: the server answered 404"))
      #expect(stage.text("out") == "the old one")
      let right = try fetch(stage)
      #expect(try await right.wait() == .exited(0))
      #expect(stage.text("out") == Self.text)
    }
  }

  /// Scripts, such as that of the initramfs, decide by the exit code whether to try again.
  @Test(arguments: [Fault.Kind.status(503), .status(429), .drop])
  func whatMayPassIsTriedSixTimesAndEndsWith75(kind: Fault.Kind) async throws {
    try await withStage { stage in
      stage.mock.inject(kind, "GET", Self.path)
      let agent = try fetch(stage)
      #expect(try await agent.wait() == .exited(75))
      #expect(stage.mock.requests.count == 6)
      #expect(agent.log.split(separator: "\n").count == 6, "five retries and the end: \(agent.log)")
      #expect(!FileManager.default.fileExists(atPath: stage.path("out")))
    }
  }

  @Test func aServerThatIsDownEndsWith75() async throws {
    try await withStage { stage in
      await stage.stopServer()
      let agent = try stage.startAgent(
        usual: [
          "fetch", stage.mock.baseURL + Self.path, "-o", stage.path("out"), "--sha256", DownloadTests.sha256("x"),
        ])
      #expect(try await agent.wait() == .exited(75))
      #expect(agent.log.contains("try 6 of 6") && agent.log.contains("the connection was refused"))
      #expect(!FileManager.default.fileExists(atPath: stage.path("out")))
    }
  }

  @Test(arguments: [400, 401, 403, 404, 410])
  func whatWillNotPassIsTriedOnceAndEndsWith1(status: Int) async throws {
    try await withStage { stage in
      stage.mock.inject(.status(status), "GET", Self.path)
      let agent = try fetch(stage)
      #expect(try await agent.wait() == .exited(1))
      #expect(agent.log.contains("the server answered \(status)"))
      #expect(stage.mock.requests.count == 1)
    }
  }

  @Test(arguments: [true, false]) func aCutAnswerIsContinuedWhereItEnded(hasDigest: Bool) async throws {
    try await withStage { stage in
      stage.mock.inject(.truncate, "GET", Self.path, times: 1)
      let agent = try fetch(stage, hasDigest ? ["--sha256", DownloadTests.sha256(Self.text)] : [])
      #expect(try await agent.wait() == .exited(0))
      #expect(stage.text("out") == Self.text)
      let requests = stage.mock.requests
      #expect(requests.count == 2)
      #expect(requests[0].headers["range"] == nil)
      #expect(requests[1].headers["range"] == "bytes=\(Self.text.utf8.count / 2)-")
      #expect(requests[1].headers["if-range"]?.isEmpty == false)
      #expect(requests[1].status == 206)
      #expect(agent.log.contains("cut off after"))
      #expect(agent.log.contains("try 2 of 6"))
    }
  }

  @Test func aFileThatChangedMeanwhileIsNotPatchedTogether() async throws {
    try await withStage { stage in
      stage.mock.inject(.truncate, "GET", Self.path, times: 1)
      stage.mock.inject(.status(503), "GET", Self.path, times: 1)
      stage.mock.inject(.delay(.seconds(3)), "GET", Self.path, times: 1)
      let new = Self.text.replacing("block", with: "BLOCK")
      try new.write(toFile: stage.path("new"), atomically: false, encoding: .utf8)
      let agent = try fetch(stage)
      try await stage.mock.waitForRequests { $0.status == 503 }
      // A new file, as a server puts one in place.
      #expect(rename(stage.path("new"), stage.mock.filesDirectory + "/image.bin") == 0)
      #expect(try await agent.wait() == .exited(0))
      #expect(stage.text("out") == new)
    }
  }

  @Test func anotherRunContinuesWhatWasLeftWhenThereIsADigest() async throws {
    try await withStage { stage in
      let count = Self.text.utf8.count
      try stage.write(String(Self.text.prefix(count / 3)), to: "out.part")
      let agent = try fetch(stage, ["--sha256", DownloadTests.sha256(Self.text)])
      #expect(try await agent.wait() == .exited(0))
      #expect(stage.text("out") == Self.text)
      #expect(stage.mock.requests.map { $0.headers["range"] } == ["bytes=\(count / 3)-"])
    }
  }

  @Test func aRottenPartIsThrownAwayAndFetchedAnew() async throws {
    try await withStage { stage in
      try stage.write(String(repeating: "rotten", count: 1000), to: "out.part")
      let agent = try fetch(stage, ["--sha256", DownloadTests.sha256(Self.text)])
      #expect(try await agent.wait() == .exited(0))
      #expect(stage.text("out") == Self.text)
    }
  }

  /// The server says that nothing is missing of it.
  @Test func anOldPartOfTheSameSizeIsThrownAwayAndFetchedAnew() async throws {
    try await withStage { stage in
      try stage.write(String(repeating: "x", count: Self.text.utf8.count), to: "out.part")
      let agent = try fetch(stage, ["--sha256", DownloadTests.sha256(Self.text)])
      #expect(try await agent.wait() == .exited(0), "\(agent.log)")
      #expect(stage.text("out") == Self.text)
      #expect(stage.mock.requests.map(\.status) == [416, 200])
    }
  }

  @Test(arguments: [
    (["fetch"], "which URL?"), (["fetch", "http://127.0.0.1/x"], "Give -o FILE"),
    (["fetch", "http://127.0.0.1/x", "-o", "/tmp/x", "--bogus"], "\"--bogus\" means nothing here"),
  ])
  func wrongWords(words: [String], sentence: String) async throws {
    try await withStage { stage in
      let agent = try stage.startAgent(usual: words)
      #expect(try await agent.wait() == .exited(78))
      #expect(agent.log.contains(sentence))
    }
  }

  @Test func aPlaceThatCannotBeWritten() async throws {
    try await withStage { stage in
      let agent = try fetch(stage, to: "no/such/directory/out")
      #expect(try await agent.wait() == .exited(1))
      #expect(agent.log.contains("cannot create \(stage.path("no/such/directory/out.part")): No such file"))
    }
  }

  @Test func theConfigurationAndWhereItCameFrom() async throws {
    try await withStage { stage in
      try stage.write(
        "API_CB=10.1.1.1:9080 monorail.poll-interval=7s BOOTIF=01-00-1e-67-98-bc-7e monorail.work-dir=\"/a b\" "
          + "SYSLOGSERVER=10.1.1.9 monorail.max-output=1M\n", to: "cmdline")
      let agent = try stage.startAgent(
        "--max-output", "3M", usual: ["config", "--cmdline", stage.path("cmdline")],
        environment: ["MONORAIL_POLL_INTERVAL": "6s", "MONORAIL_MAX_OUTPUT": "2M"])
      #expect(try await agent.wait() == .exited(0))
      let document = try JSON(parsing: agent.output)
      func expect(_ option: String, _ value: JSON, from origin: String) {
        #expect(document[option] == ["value": value, "from": .string(origin)])
      }
      expect("max-output", "3M", from: "--max-output")
      expect("poll-interval", "6s", from: "MONORAIL_POLL_INTERVAL")
      expect("server", "10.1.1.1:9080", from: "\(stage.path("cmdline")) API_CB")
      expect("mac", "01-00-1e-67-98-bc-7e", from: "\(stage.path("cmdline")) BOOTIF")
      expect("work-dir", "/a b", from: "\(stage.path("cmdline")) monorail.work-dir")
      expect("syslog", "10.1.1.9", from: "\(stage.path("cmdline")) SYSLOGSERVER")
      expect("state-dir", "/run/monorail", from: "default")
      expect("log-level", "info", from: "default")
      expect("ca", .null, from: "not set")
    }
  }
}
