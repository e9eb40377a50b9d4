import Foundation
import JSONDocument
import Testing

/// What commands print, and how it arrives.
@Suite(.timeLimit(.minutes(30))) struct OutputTests {
  /// Every ill-formed kind (Unicode 15, table 3-7), next to characters of every length.
  static let awkward: [UInt8] =
    Array("aü€😀\0\u{1}\u{1F}\u{7F}\"\\\r\n".utf8) + [0x80, 0xBF, 0xC0, 0xAF, 0xC1, 0x81]
    + [0xE0, 0x80, 0x80, 0xE0, 0xA0, 0x41, 0xED, 0xA0, 0x80, 0xEF, 0xBF, 0xBE] + [0xF0, 0x80, 0x80, 0x80]
    + [0xF0, 0x9F, 0x98, 0x42, 0xF4, 0x90, 0x80, 0x80, 0xF5, 0xFF, 0xFE] + [0xC2, 0x43, 0xE2, 0x82]

  @Test func whatIsNotUTF8IsReplacedAsDecodersDo() async throws {
    try await withStage { stage in
      try stage.startAgent()
      try Data(Self.awkward).write(to: URL(filePath: stage.path("bytes")))
      try stage.push(commands: ["cat '\(stage.path("bytes"))'; cat '\(stage.path("bytes"))' >&2"])
      let report = try await stage.nextReport()
      #expect(report.stdout() == String(decoding: Self.awkward, as: UTF8.self))
      #expect(report.stderr() == String(decoding: Self.awkward, as: UTF8.self))
      #expect(report.error() == .null)
      _ = try JSONSerialization.jsonObject(with: Data(report.text.utf8))
    }
  }

  /// The agent reads output in pieces. A character that two pieces share must arrive whole.
  @Test func charactersSurviveTheBordersOfPieces() async throws {
    try await withStage { stage in
      try stage.startAgent()
      let text = String(repeating: "x😀€ü", count: 40_000)
      try stage.write(text, to: "text")
      let file = "'\(stage.path("text"))'"
      try stage.push(commands: [
        "cat \(file)", "dd bs=1 count=3000 if=\(file) 2>/dev/null",
        "printf '\\360\\237'; sleep 0.2; printf '\\230\\200'",
        "printf 'a\\360\\237'",
      ])
      let report = try await stage.nextReport()
      #expect(report.stdout(0) == text)
      #expect(report.stdout(1) == String(text.utf8.prefix(3000)))
      #expect(report.stdout(2) == "😀")
      #expect(report.stdout(3) == "a\u{FFFD}")
    }
  }

  @Test func bothStreamsFillWithoutWaitingForEachOther() async throws {
    try await withStage { stage in
      try stage.startAgent()
      try stage.push(commands: [
        "head -c 3000000 /dev/zero | tr '\\0' e >&2; head -c 3000000 /dev/zero | tr '\\0' o",
        "i=0; while [ $i -lt 2000 ]; do echo $i; echo $i >&2; i=$((i+1)); done",
      ])
      let report = try await stage.nextReport()
      #expect(report.stdout(0) == String(repeating: "o", count: 3_000_000))
      #expect(report.stderr(0) == String(repeating: "e", count: 3_000_000))
      let numbers = (0..<2000).map { "\($0)\n" }.joined()
      #expect(report.stdout(1) == numbers)
      #expect(report.stderr(1) == numbers)
    }
  }

  @Test func theMiddleIsCutBeyondTheLimit() async throws {
    try await withStage { stage in
      try stage.startAgent("--max-output", "10K")
      try stage.push(commands: [
        "printf head; head -c 100000 /dev/zero | tr '\\0' m; printf tail", "head -c 10240 /dev/zero | tr '\\0' y",
      ])
      let report = try await stage.nextReport()
      let middle = String(repeating: "m", count: 5116)
      #expect(
        report.stdout(0)
          == "head\(middle)\n[monorail-agent: \(100_008 - 10_240) bytes are cut out here]\n\(middle)tail")
      #expect(report[0]["agent"]?["stdoutBytes"] == 100_008)
      #expect(report[0]["agent"]?["stdoutCut"] == 89_768)
      #expect(report.stdout(1) == String(repeating: "y", count: 10_240))
      #expect(report[1]["agent"]?["stdoutCut"] == 0)
    }
  }

  @Test func linesAreShownWhileTheCommandRuns() async throws {
    try await withStage { stage in
      let gate = try stage.makeGate("gate")
      let agent = try stage.startAgent()
      try stage.push(commands: ["echo first line; echo trouble >&2; \(gate.waiting); echo second line"])
      try await agent.waitForLog("task 1/1 | first line")
      try await agent.waitForLog("task 1/1 ! trouble")
      #expect(!agent.log.contains("| second line"))
      gate.open()
      _ = try await stage.nextReport()
      #expect(agent.log.contains("task 1/1 | second line"))
    }
  }

  @Test func aFloodDoesNotFloodTheLog() async throws {
    try await withStage { stage in
      let agent = try stage.startAgent()
      try stage.push(commands: ["seq 100000"])
      let report = try await stage.nextReport()
      #expect(report.stdout()?.hasSuffix("\n99999\n100000\n") == true)
      #expect(agent.log.split(separator: "\n").count < 1000)
      #expect(agent.log.contains("more lines; the report has them"))
    }
  }

  @Test func secretsStayOutOfTheLog() async throws {
    try await withStage { stage in
      let server = stage.mock.baseURL.replacing("http://", with: "http://reader:hunter2@")
      let agent = try stage.startAgent("--log-level", "trace")
      let command = "true --password hunter2 PASSWORD=hunter2 http://u:hunter2@10.1.1.1/x"
      let report = try await stage.report(
        of: #"{"tasks":[{"cmd":"\#(command)"},{"downloadUrl":"\#(server)/api/current/files/no"}]}"#)
      #expect(report.error(0) == .null)
      #expect(report.code(1) == "ENOENT")
      #expect(report.error(1)?["message"]?.stringValue?.contains("hunter2") == false)
      #expect(agent.log.contains("***"))
      #expect(!agent.log.contains("hunter2"), "\(agent.log)")
    }
  }
}

/// Each case makes 200 MB of output. The cases run one after another, since each of them needs a core and much memory.
@Suite(.serialized, .timeLimit(.minutes(30))) struct HugeOutputTests {
  static let memoryLimit = 64 << 20

  /// The tasks of the next report, read by a parser that is not this project's; it fits the stock server.
  private func hugeReport(_ stage: Stage) async throws -> [[String: Any]] {
    let report = try await stage.mock.nextReport(from: Stage.node, timeout: .seconds(300))
    #expect(report.body.count <= 50_000_000)
    #expect(report.body.count > 10_000_000)
    let document = try JSONSerialization.jsonObject(with: Data(report.body)) as? [String: Any]
    return try #require(document?["tasks"] as? [[String: Any]])
  }

  @Test(arguments: [
    ("letters", "head -c 200000000 /dev/zero | tr '\\0' x"), ("NULs", "head -c 200000000 /dev/zero"),
    ("noise", "head -c 200000000 /dev/urandom"),
    ("both streams", "head -c 200000000 /dev/zero | tr '\\0' e >&2; head -c 200000000 /dev/zero"),
  ])
  func endsNormallyAndFits(kind: String, filler: String) async throws {
    try await withStage(load: .heavy) { stage in
      let agent = try stage.startAgent()
      try stage.push(commands: ["echo the head; \(filler); echo the tail; echo 'it ended' >'\(stage.path("ended"))'"])
      let report = try await hugeReport(stage)
      #expect(stage.text("ended") == "it ended\n")
      let task = try #require(report.first)
      #expect(task["error"] is NSNull)
      let stdout = try #require(task["stdout"] as? String)
      #expect(stdout.utf8.starts(with: "the head\n".utf8))
      #expect(stdout.utf8.suffix(9).elementsEqual("the tail\n".utf8))
      let facts = try #require(task["agent"] as? [String: Any])
      let cut = try #require(facts["stdoutCut"] as? Int)
      // Bytes, not characters: noise that ends in a carriage return makes one character with the marker's newline.
      let marker = Data("\n[monorail-agent: \(cut) bytes are cut out here]\n".utf8)
      let isMarked = Data(stdout.utf8).range(of: marker) != nil
      #expect(isMarked)
      #expect(facts["stdoutBytes"] as? Int == 200_000_018)
      #expect(try agent.peakMemory < Self.memoryLimit)
      // The agent takes the next set.
      #expect(try await stage.report(of: #"{"tasks":[{"cmd":"echo on"}]}"#).stdout() == "on\n")
    }
  }

  /// Each task's output may be kept, and all of them together still have to fit.
  @Test func manyBigTasksFitTogether() async throws {
    try await withStage(load: .heavy) { stage in
      let agent = try stage.startAgent()
      try stage.push(
        commands: (1...8).map { "echo head \($0); head -c 12000000 /dev/zero | tr '\\0' x; echo tail \($0)" })
      let report = try await hugeReport(stage)
      for index in 0..<8 {
        let stdout = try #require(report[index]["stdout"] as? String)
        #expect(stdout.hasPrefix("head \(index + 1)\n"))
        #expect(stdout.hasSuffix("tail \(index + 1)\n"))
      }
      #expect(try agent.peakMemory < Self.memoryLimit)
    }
  }
}
